"""The whole system under load: all services, devices of three numbers, a page that watches.

CPU us a message and memory of each process; how late a sample is at the socket, and the oldest
frame of each commit in the database. All processes share the machine with the devices, whose own
CPU is told.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.performance.measuring import look, memory_mb
from tests.performance.systems import Generator, MeasuredSystem, Watcher, count

SERVICES = ("gateway", "storage", "dsp", "alarms", "api")
SIZES = (100, 1_000, 3_000)
WATCHED = 50
WARM_S = 12.0  # until dsp gives values
SETTLE_S = 3.0
READING_EVERY_S = 10.0
STORED_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """How many devices send what.

    Parameters
    ----------
    waves : devices that send a second of ECG each second
    readings : devices that send a temperature every ten seconds
    """

    waves: int
    readings: int = 0

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.waves + self.readings / READING_EVERY_S


@dataclass(kw_only=True)
class Running:
    """A whole system with its devices and its watcher."""

    system: MeasuredSystem
    fleet: Fleet
    waves: list[str]
    generators: list[tuple[Generator, float]]
    watcher: Watcher

    async def send(self, seconds: float) -> dict[str, Any]:
        """All devices send for so long."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(generator.send(rate, seconds))
                for generator, rate in self.generators
            ]
        told = [task.result() for task in tasks]
        return {
            "sent": sum(one["sent"] for one in told),
            "unanswered": sum(one["unanswered"] for one in told),
            "cut_off": sum(one["cut_off"] for one in told),
            "cpu_s": sum(one["cpu_s"] for one in told),
            "behind_ms": max(one["behind_ms"] for one in told),
            "puback_p99_ms": told[0]["puback_p99_ms"],
        }


@asynccontextmanager
async def running(
    fleet: Fleet,
    *,
    watched: int = WATCHED,
    others: Sequence[str] = (),
    sampled: str | None = None,
) -> AsyncIterator[Running]:
    """Start all of it; `others` are devices that are registered and not connected here."""
    waves = [f"bench-{n:05d}" for n in range(fleet.waves)]
    readings = [f"bench-{n + 50_000:05d}" for n in range(fleet.readings)]
    system = MeasuredSystem(
        [*waves, *readings, *others],
        services=SERVICES,
        watched=waves[:watched],
        sampled=sampled,
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(system)
        generator = Generator(system, waves, statuses=True)
        generators = [(await stack.enter_async_context(generator), float(fleet.waves))]
        if readings:
            more = Generator(system, readings, statuses=True, readings=True)
            generators.append(
                (await stack.enter_async_context(more), fleet.readings / READING_EVERY_S)
            )
        yield Running(
            system=system,
            fleet=fleet,
            waves=waves,
            generators=generators,
            watcher=await stack.enter_async_context(Watcher(system)),
        )


async def loaded(fleet: Fleet, seconds: float) -> dict[str, Any]:
    """One row of figures of a fleet."""
    began_s = time.monotonic()
    async with running(fleet) as run:
        system = run.system
        connected_s = time.monotonic() - began_s
        warm = await run.send(WARM_S)
        await asyncio.sleep(SETTLE_S)
        await run.watcher.seen()
        pids = {**system.pids(), "watcher": run.watcher.pid}
        before, since_us = look(pids), time.time_ns() // 1_000
        sent = await run.send(seconds)
        await asyncio.sleep(SETTLE_S)
        used = look(pids).since(before)
        seen = await run.watcher.seen()
        memory = memory_mb(pids)
        stored = await stored_of(system, warm["sent"] + sent["sent"])
        return {
            "connections": fleet.waves + fleet.readings,
            "rate": fleet.rate,
            "ready_s": connected_s,
            "sent": warm["sent"] + sent["sent"],
            "stored": stored,
            "unanswered": sent["unanswered"],
            "cut_off": sent["cut_off"],
            "generator_us": 1e6 * sent["cpu_s"] / sent["sent"],
            "generator_behind_ms": sent["behind_ms"],
            "puback_p99_ms": sent["puback_p99_ms"],
            "us": {name: 1e6 * cpu_s / sent["sent"] for name, cpu_s in used.items()},
            "cores": {name: cpu_s / seconds for name, cpu_s in used.items()},
            "memory_mb": memory,
            "socket": {name: seen[name] for name in seen if name.endswith("ms")},
            "blocks": seen["blocks"],
            "values": seen["values"],
            "commit": await system.committed_late(run.waves, since_us),
        }


async def profiled(service: str, fleet: Fleet, seconds: float) -> str:
    """Where the CPU time of one service goes while all of them run."""
    async with running(fleet, sampled=service) as run:
        await run.send(WARM_S)
        run.system.begin_profile()
        await run.send(seconds)
        return await run.system.end_profile()


async def stored_of(system: MeasuredSystem, sent: int) -> int:
    """Rows in the database, once all are there or a minute has passed."""
    deadline = time.monotonic() + STORED_WITHIN_S
    while (stored := await count(system, "signal.frame")) < sent and time.monotonic() < deadline:
        await asyncio.sleep(2.0)
    return stored


def told(rows: Sequence[dict[str, Any]]) -> str:
    """The figures as tables for a person."""
    names = list(rows[0]["us"])
    lines = [
        "| connections | rate | " + " | ".join(names) + " | path | with dsp and api | devices |",
        "|---" * (len(names) + 5) + "|",
    ]
    for row in rows:
        us = row["us"]
        path = sum(us[name] for name in ("gateway", "rabbitmq", "storage", "postgres"))
        lines.append(
            f"| {row['connections']:,} | {row['rate']:,.0f}/s | "
            + " | ".join(f"{us[name]:.0f}" for name in names)
            + f" | {path:.0f} | {path + us['dsp'] + us['api']:.0f} | {row['generator_us']:.0f} |"
        )
    lines += [
        "",
        "| connections | to socket p50 / p95 / p99 ms | to commit | PUBACK p99 | behind | stored |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        socket, commit = row["socket"], row["commit"]
        lines.append(
            f"| {row['connections']:,} | "
            + " / ".join(f"{socket.get(f'p{share}_ms', -1):.0f}" for share in (50, 95, 99))
            + " | "
            + " / ".join(f"{commit[f'p{share}_ms']:.0f}" for share in (50, 95, 99))
            + f" | {row['puback_p99_ms']:.0f} | {row['generator_behind_ms']:.0f}"
            + f" | {row['stored']:,} of {row['sent']:,} |"
        )
    names = list(rows[-1]["memory_mb"])
    lines += ["", "| connections | " + " | ".join(f"{name} MB" for name in names) + " |"]
    lines.append("|---" * (len(names) + 1) + "|")
    lines += [
        f"| {row['connections']:,} | "
        + " | ".join(f"{row['memory_mb'].get(name, 0.0):.0f}" for name in names)
        + " |"
        for row in rows
    ]
    return "\n".join(lines)
