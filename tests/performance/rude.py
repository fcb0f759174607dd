"""What rude devices do to the others: pairs of a quiet window and a disturbed one.

`reconnecting`: many lose their connection and come back at once. `backlog`: a device of the SDK
that was offline for a day comes back and uploads. `flood`: a device uploads as fast as the broker
takes it, whatever it hears of what is stored; nothing of ours does that.

The others are devices that send a second of ECG each second, all of them watched. Told is the
median over the pairs of p99 disturbed / p99 quiet, for the socket and for the commit.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from tests.performance.measuring import look
from tests.performance.systems import KEYS, Generator, MeasuredSystem, Spoken
from tests.performance.whole import SETTLE_S, WARM_S, Fleet, Running, running

OTHERS = 100
RECONNECTING = 2_000
BACKLOG_S = 24 * 3_600.0
UPLOADER = "uploader"
Rude = Callable[[int], Awaitable[dict[str, Any]]]
ARRIVED = """
    select percentile_disc(array[0.5, 0.99]) within group (order by received - t0)
    from signal.frame where t0 >= $1 and device_id = any($2::integer[])
"""


async def window(run: Running, seconds: float, rude: Awaitable[dict[str, Any]] | None) -> Any:
    """What the others had while they sent for so long, beside something rude or nothing."""
    await run.watcher.seen()
    pids = run.system.pids()
    before, since_us = look(pids), time.time_ns() // 1_000
    done: dict[str, Any] = {}
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(run.send(seconds))
        if rude is not None:
            await asyncio.sleep(0.5)
            done = await rude
    sent = sending.result()
    until_us = time.time_ns() // 1_000
    used = look(pids).since(before)
    await asyncio.sleep(SETTLE_S)
    seen = await run.watcher.seen()
    commit = await run.system.committed_late(run.waves, since_us)
    arrived = await arrived_late(run.system, run.waves, since_us)
    return {
        "rude": done,
        "sent": sent["sent"],
        "seconds": (until_us - since_us) / 1e6,
        "blocks": seen["blocks"],
        "socket_p99_ms": seen["p99_ms"],
        "commit_p99_ms": commit["p99_ms"],
        "commit_p50_ms": commit["p50_ms"],
        "socket_p50_ms": seen["p50_ms"],
        "arrival_p50_ms": arrived[0],
        "arrival_p99_ms": arrived[1],
        "cores": {name: 1e6 * cpu_s / (until_us - since_us) for name, cpu_s in used.items()},
    }


async def arrived_late(
    system: MeasuredSystem, devices: Sequence[str], since_us: int
) -> tuple[float, float]:
    """How late the gateway read the messages of these devices, p50 and p99 in milliseconds."""
    connection = await system.connect()
    try:
        keys = await connection.fetchval(KEYS, list(devices))
        p50_us, p99_us = await connection.fetchval(ARRIVED, since_us, keys)
    finally:
        await connection.close()
    return p50_us / 1e3, p99_us / 1e3


async def disturbed(
    pairs: int, seconds: float, *, reconnecting: int, backlog_messages: int
) -> dict[str, list[dict[str, Any]]]:
    """Pairs of windows for each kind of rudeness."""
    crowd = [f"crowd-{n:05d}" for n in range(reconnecting)]
    flooders = [f"late-{n:03d}" for n in range(pairs)]
    found: dict[str, list[dict[str, Any]]] = {}
    async with AsyncExitStack() as stack:
        run = await stack.enter_async_context(
            running(Fleet(waves=OTHERS), watched=OTHERS, others=[*crowd, *flooders, UPLOADER])
        )
        many = await stack.enter_async_context(Generator(run.system, crowd, statuses=True))
        flooding = [
            await stack.enter_async_context(Generator(run.system, [one], statuses=True))
            for one in flooders
        ]
        uploader = await stack.enter_async_context(uploader_of(run.system, backlog_messages))

        def reconnect(_: int) -> Awaitable[dict[str, Any]]:
            return many.ask({"do": "reconnect"})

        def upload(_: int) -> Awaitable[dict[str, Any]]:
            return uploader.ask({"seconds": seconds})

        def flood(number: int) -> Awaitable[dict[str, Any]]:
            return flooding[number].ask(
                {"do": "backlog", "messages": backlog_messages, "age_s": BACKLOG_S}
            )

        await run.send(WARM_S)
        rudenesses: dict[str, Rude] = {}
        if reconnecting:
            rudenesses["reconnecting"] = reconnect
        if backlog_messages:
            rudenesses |= {"backlog": upload, "flood": flood}
        for number in range(pairs):
            for name, rude in rudenesses.items():
                quiet = await window(run, seconds, None)
                after = await window(run, seconds, rude(number))
                found.setdefault(name, []).append({"quiet": quiet, "disturbed": after})
                print(f"{name} {number + 1} of {pairs}: {ratio(found[name][-1])}", flush=True)
    return found


def uploader_of(system: MeasuredSystem, messages: int) -> Spoken:
    """The process of a device of the SDK that was offline for a day."""
    task = {
        "port": system.ports["mosquitto"],
        "device": UPLOADER,
        "secret": system.secrets[UPLOADER],
        "messages": messages,
        "age_s": BACKLOG_S,
    }
    return Spoken("tests.performance.backlog_device", task)


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
