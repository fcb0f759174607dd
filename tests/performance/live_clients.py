"""What live sockets cost the api, and what rude ones do to the others.

Fifty devices send a second of ECG each second through MQTT, gateway, RabbitMQ and dsp; every socket
watches all of them. Told are CPU of the api a second, a socket and a message, its memory a socket,
and how late a sample is at the sockets, which share the machine with all of it. Fifty at most look
at what they get; what more there are drain their bytes at a lower priority, since these readers
stand for other machines.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.performance.live_crowd import DRAINS, LOOKS, STOPS
from tests.performance.measuring import look, memory_mb
from tests.performance.systems import (
    WATCHER,
    WATCHER_PASSWORD,
    Generator,
    MeasuredSystem,
    Spoken,
)

DEVICES = 50
SIZES = (1, 100, 500)
GOOD = 50
RUDE_SOCKETS = 500
WARM_S = 12.0
THERE = f"{RUDE_SOCKETS} more sockets, when they are there"
NICENESS = 10  # of the readers that stand for other machines
_SETTINGS = {
    "VITALWIRE_LIVE_CLIENTS_MOST": "2000",
    "VITALWIRE_LIVE_CLIENTS_A_USER_MOST": "2000",
    "VITALWIRE_API_CONNECTIONS_MOST": "3000",
    "VITALWIRE_API_REQUEST_BURST": "100000",
}
_COLUMNS = (
    "sockets",
    "api, cores",
    "us a socket and second",
    "messages/s",
    "us a message",
    "us a block",
    "kB a socket",
    "device to socket p50 / p95 / p99 ms",
    "crowd, cores",
)


@dataclass(kw_only=True)
class Live:
    """A running system with its devices."""

    system: MeasuredSystem
    generator: Generator

    async def crowd(self, *, niceness: int = 0) -> Spoken:
        """A process for sockets, not started yet."""
        form = {"username": WATCHER, "password": WATCHER_PASSWORD}
        async with httpx.AsyncClient(base_url=self.system.url, trust_env=False) as http:
            answer = (await http.post("/v1/token", data=form)).raise_for_status()
        task = {
            "url": self.system.url,
            "token": answer.json()["access_token"],
            "patients": self.system.watched_patients,
            "niceness": niceness,
        }
        return Spoken("tests.performance.live_crowd", task)


@asynccontextmanager
async def running(*, sampled: str | None = None) -> AsyncIterator[Live]:
    """The system without storage and alarms, which no socket waits for."""
    devices = [f"live-{n:03d}" for n in range(DEVICES)]
    system = MeasuredSystem(
        devices, services=("gateway", "dsp", "api"), sampled=sampled, watched=devices
    )
    system._settings["api"] = _SETTINGS
    async with system, Generator(system, devices, statuses=True) as generator:
        await generator.send(DEVICES, WARM_S)
        yield Live(system=system, generator=generator)


async def costs(
    sizes: Sequence[int], seconds: float, *, profiled: bool = False
) -> tuple[list[dict[str, Any]], str]:
    """One row of figures for each number of sockets, and the profile at the last."""
    rows: list[dict[str, Any]] = []
    profile = ""
    async with running(sampled="api" if profiled else None) as live:
        pids = {name: live.system.pids()[name] for name in ("api", "rabbitmq", "gateway", "dsp")}
        idle_mb = memory_mb(pids)["api"]
        for n in (0, *sizes):
            async with await live.crowd() as crowd, await live.crowd(niceness=NICENESS) as others:
                looking = min(n, GOOD)
                if looking:
                    await crowd.ask({"do": "open", "n": looking, "then": LOOKS})
                if n > looking:
                    await others.ask({"do": "open", "n": n - looking, "then": DRAINS})
                await live.generator.send(DEVICES, 3.0)
                first = [await one.ask({"do": "seen"}) for one in (crowd, others)]
                before = look(pids)
                await live.generator.send(DEVICES, seconds)
                used = look(pids).since(before)
                seen, drained = [await one.ask({"do": "seen"}) for one in (crowd, others)]
                share = n / max(looking, 1)
                rows.append(
                    {
                        **seen,
                        "sockets": n,
                        "api_cores": used["api"] / seconds,
                        "api_mb": memory_mb(pids)["api"],
                        "idle_mb": idle_mb,
                        "crowd_cores": sum(
                            (after["cpu_s"] - earlier["cpu_s"]) / seconds
                            for after, earlier in zip((seen, drained), first, strict=True)
                        ),
                        "seconds": seconds,
                        "messages": share * seen["messages"],
                        "blocks": share * seen["blocks"],
                        "lost": len(seen["closed"]) + len(drained["closed"]),
                    }
                )
                if profiled and n == sizes[-1]:
                    live.system.begin_profile()
                    await live.generator.send(DEVICES, seconds)
                    profile = await live.system.end_profile()
    return rows, profile


def told(rows: Sequence[dict[str, Any]]) -> str:
    """The figures as a table for a person."""
    idle = rows[0]
    lines = [
        f"| {' | '.join(_COLUMNS)} |",
        "|" + "---|" * len(_COLUMNS),
    ]
    for row in rows:
        n, seconds = max(row["sockets"], 1), row["seconds"]
        more_us = 1e6 * (row["api_cores"] - idle["api_cores"])
        per_s = row["messages"] / seconds
        blocks = row["blocks"] / seconds
        late = " / ".join(f"{row[f'p{share}_ms']:.0f}" for share in (50, 95, 99) if blocks)
        lines.append(
            f"| {row['sockets']} | {row['api_cores']:.3f} | {more_us / n:.0f} | {per_s:.0f}"
            f" | {more_us / max(per_s, 1):.0f} | {more_us / max(blocks, 1):.1f}"
            f" | {1_000 * (row['api_mb'] - idle['api_mb']) / n:.0f} | {late}"
            f" | {row['crowd_cores']:.2f} |"
        )
    return "\n".join(lines)


async def rude_pairs(pairs: int, seconds: float) -> dict[str, list[dict[str, Any]]]:
    """p99 of good sockets alone and beside rude ones, in turns."""
    kinds: dict[str, dict[str, Any]] = {
        "one that never reads": {"n": 1, "then": STOPS},
        f"{RUDE_SOCKETS} more sockets come": {"n": RUDE_SOCKETS, "then": DRAINS},
    }
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in (*kinds, THERE)}
    async with running() as live, await live.crowd() as good:
        await good.ask({"do": "open", "n": GOOD, "then": LOOKS})
        await live.generator.send(DEVICES, 3.0)

        async def window() -> dict[str, Any]:
            await good.ask({"do": "seen"})
            await live.generator.send(DEVICES, seconds)
            return await good.ask({"do": "seen"})

        for number in range(pairs):
            for kind, order in kinds.items():
                quiet = await window()
                async with await live.crowd(niceness=NICENESS) as rude:
                    began_s = time.monotonic()
                    sending = asyncio.ensure_future(window())
                    await rude.ask({"do": "open", **order})
                    opened_s = time.monotonic() - began_s
                    disturbed = await sending
                    there = await window() if order["n"] > 1 else None
                    told_rude = await rude.ask({"do": "seen"})
                pair = {"quiet": quiet, "disturbed": disturbed, "opened_s": opened_s}
                found[kind].append({**pair, "rude": told_rude})
                if there is not None:
                    found[THERE].append({"quiet": quiet, "disturbed": there, "rude": told_rude})
                for name in (kind, THERE)[: 1 + (there is not None)]:
                    last = found[name][-1]
                    ratio = last["disturbed"]["p99_ms"] / last["quiet"]["p99_ms"]
                    print(f"{name}, {number + 1} of {pairs}: p99 x {ratio:.2f}", flush=True)
    return found


def rude_told(found: dict[str, list[dict[str, Any]]]) -> str:
    """The medians as a table for a person."""
    lines = [
        "| beside | p99 ms: quiet, disturbed | ratio | p50 ms | pairs |",
        "|---|---|---|---|---|",
    ]
    for kind, pairs in found.items():

        def median(side: str, name: str, pairs: list[dict[str, Any]] = pairs) -> float:
            return float(statistics.median(pair[side][name] for pair in pairs))

        ratio = statistics.median(
            pair["disturbed"]["p99_ms"] / pair["quiet"]["p99_ms"] for pair in pairs
        )
        lines.append(
            f"| {kind} | {median('quiet', 'p99_ms'):.0f}, {median('disturbed', 'p99_ms'):.0f}"
            f" | **{ratio:.2f}** | {median('quiet', 'p50_ms'):.0f},"
            f" {median('disturbed', 'p50_ms'):.0f} | {len(pairs)} |"
        )
    return "\n".join(lines)
