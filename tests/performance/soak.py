"""``make soak``: the whole system for a long time; the memory of each process must be flat.

The first third is for caches and pools to fill. After it, the median of the last third may be
above that of the middle one by a tenth and 8 MB, no more. PostgreSQL's shared buffers, whose
size is given at the start, are told and not judged.
"""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.performance.measuring import BUFFERS, look, memory_mb
from tests.performance.whole import Fleet, running, stored_of

EVERY_S = 10.0
GROWTH_MOST = 0.10
GROWTH_MOST_MB = 8.0


async def soak(fleet: Fleet, seconds: float) -> dict[str, Any]:
    """Send for so long; gives memory by process, and whether all was stored."""
    async with running(fleet) as run:
        pids = {**run.system.pids(), "watcher": run.watcher.pid}
        samples: list[Mapping[str, float]] = []
        worst_ms: list[float] = []
        began_s, since_us = time.monotonic(), time.time_ns() // 1_000
        before = look(pids)
        sending = asyncio.create_task(run.send(seconds))
        while not sending.done():
            await asyncio.wait({sending}, timeout=EVERY_S)
            samples.append(memory_mb(pids))
            seen = await run.watcher.seen()
            assert seen["open"], "the live socket was closed"
            worst_ms.append(seen.get("p99_ms", 0.0))
            print(
                f"{time.monotonic() - began_s:6.0f} s  "
                + "  ".join(f"{name} {value:.0f}" for name, value in samples[-1].items())
                + f"  socket p99 {worst_ms[-1]:.0f} ms",
                flush=True,
            )
        sent = await sending
        used = look(pids).since(before)
        stored = await stored_of(run.system, sent["sent"])
        commit = await run.system.committed_late(run.waves, since_us)
    return {
        "seconds": seconds,
        "connections": fleet.waves + fleet.readings,
        "rate": fleet.rate,
        "sent": sent["sent"],
        "stored": stored,
        "unanswered": sent["unanswered"],
        "cut_off": sent["cut_off"],
        "behind_ms": sent["behind_ms"],
        "generator_us": 1e6 * sent["cpu_s"] / sent["sent"],
        "us": {name: 1e6 * cpu_s / sent["sent"] for name, cpu_s in used.items()},
        "commit": commit,
        "memory_mb": {
            name: growth([one.get(name, 0.0) for one in samples]) for name in samples[-1]
        },
        "socket_p99_ms": statistics.median(worst_ms),
        "socket_p99_worst_ms": max(worst_ms),
    }


def growth(samples: Sequence[float]) -> dict[str, float]:
    """Medians of the middle and the last third."""
    third = max(1, len(samples) // 3)
    return {
        "middle": statistics.median(samples[third : 2 * third] or samples),
        "last": statistics.median(samples[-third:]),
    }


def grown(found: dict[str, Any]) -> list[str]:
    """Processes whose memory is not flat."""
    return [
        name
        for name, memory in found["memory_mb"].items()
        if name != f"postgres{BUFFERS}"
        and memory["last"] > memory["middle"] * (1 + GROWTH_MOST) + GROWTH_MOST_MB
    ]


def told(found: dict[str, Any]) -> str:
    """The memory as a table for a person."""
    lines = ["| process | us a message | middle third MB | last third MB |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {found['us'].get(name, 0.0):.0f}"
        f" | {memory['middle']:.1f} | {memory['last']:.1f} |"
        for name, memory in found["memory_mb"].items()
    ]
    commit = found["commit"]
    lines.append(
        f"\n{found['connections']:,} connections, {found['rate']:,.0f} messages/s for"
        f" {found['seconds']:.0f} s: {found['stored']:,} stored of {found['sent']:,} sent,"
        f" {found['cut_off']} devices cut off, {found['unanswered']} without PUBACK."
        f" Socket p99 {found['socket_p99_ms']:.0f} ms (median of {EVERY_S:.0f} s windows, the worst"
        f" {found['socket_p99_worst_ms']:.0f}); oldest frame of a commit p50"
        f" {commit['p50_ms']:.0f}, p99 {commit['p99_ms']:.0f} ms. The devices themselves:"
        f" {found['generator_us']:.0f} us a message, at most {found['behind_ms']:.0f} ms behind."
    )
    return "\n".join(lines)
