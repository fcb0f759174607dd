"""What rude devices do to the others: pairs of a quiet window and a disturbed one.

The others are devices that send a second of ECG each second, all of them watched. Told is the
median over the pairs of p99 disturbed / p99 quiet, for the socket and for the commit.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from tests.performance.systems import Generator
from tests.performance.whole import SETTLE_S, WARM_S, Fleet, Running, running

OTHERS = 100
RECONNECTING = 2_000
BACKLOG_S = 24 * 3_600.0
Rude = Callable[[int], Awaitable[dict[str, Any]]]


async def window(run: Running, seconds: float, rude: Awaitable[dict[str, Any]] | None) -> Any:
    """What the others had while they sent for so long, beside something rude or nothing."""
    await run.watcher.seen()
    since_us = time.time_ns() // 1_000
    done: dict[str, Any] = {}
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(run.send(seconds))
        if rude is not None:
            await asyncio.sleep(0.5)
            done = await rude
    sent = sending.result()
    until_us = time.time_ns() // 1_000
    await asyncio.sleep(SETTLE_S)
    seen = await run.watcher.seen()
    commit = await run.system.committed_late(run.waves, since_us)
    return {
        "rude": done,
        "sent": sent["sent"],
        "seconds": (until_us - since_us) / 1e6,
        "blocks": seen["blocks"],
        "socket_p99_ms": seen["p99_ms"],
        "commit_p99_ms": commit["p99_ms"],
        "commit_p50_ms": commit["p50_ms"],
        "socket_p50_ms": seen["p50_ms"],
    }


async def disturbed(
    pairs: int, seconds: float, *, reconnecting: int, backlog_messages: int
) -> dict[str, list[dict[str, Any]]]:
    """Pairs of windows for each kind of rudeness."""
    crowd = [f"crowd-{n:05d}" for n in range(reconnecting)]
    uploaders = [f"late-{n:03d}" for n in range(pairs)]
    found: dict[str, list[dict[str, Any]]] = {"reconnecting": [], "backlog": []}
    async with AsyncExitStack() as stack:
        run = await stack.enter_async_context(
            running(Fleet(waves=OTHERS), watched=OTHERS, others=[*crowd, *uploaders])
        )
        many = await stack.enter_async_context(Generator(run.system, crowd, statuses=True))
        late = [
            await stack.enter_async_context(Generator(run.system, [one], statuses=True))
            for one in uploaders
        ]

        def reconnect(_: int) -> Awaitable[dict[str, Any]]:
            return many.ask({"do": "reconnect"})

        def upload(number: int) -> Awaitable[dict[str, Any]]:
            return late[number].ask(
                {"do": "backlog", "messages": backlog_messages, "age_s": BACKLOG_S}
            )

        await run.send(WARM_S)
        rudenesses: dict[str, Rude] = {"reconnecting": reconnect, "backlog": upload}
        for number in range(pairs):
            for name, rude in rudenesses.items():
                quiet = await window(run, seconds, None)
                after = await window(run, seconds, rude(number))
                found[name].append({"quiet": quiet, "disturbed": after})
                print(f"{name} {number + 1} of {pairs}: {ratio(found[name][-1])}", flush=True)
    return found


def ratio(pair: dict[str, Any], name: str = "socket_p99_ms") -> float:
    """How much more the disturbed window had."""
    after, before = float(pair["disturbed"][name]), float(pair["quiet"][name])
    return round(after / before, ndigits=2)


def told(found: dict[str, list[dict[str, Any]]]) -> str:
    """The medians as a table for a person."""
    lines = [
        "| beside | socket p99 ms: quiet, disturbed | ratio | commit p99 ms | ratio | pairs |",
        "|---|---|---|---|---|---|",
    ]

    def median(pairs: Sequence[dict[str, Any]], side: str, name: str) -> float:
        return float(statistics.median(pair[side][name] for pair in pairs))

    for kind, pairs in found.items():
        cells = [kind]
        for name in ("socket_p99_ms", "commit_p99_ms"):
            both = [f"{median(pairs, side, name):.0f}" for side in ("quiet", "disturbed")]
            ratios = [ratio(pair, name) for pair in pairs]
            cells += [", ".join(both), f"**{statistics.median(ratios):.2f}**"]
        lines.append("| " + " | ".join([*cells, str(len(pairs))]) + " |")
    return "\n".join(lines)
