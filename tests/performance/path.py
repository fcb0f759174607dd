"""The path from MQTT to rows in PostgreSQL, beside plain peers, on the same messages.

Both stand ready on servers of their own; a round measures ours and then each peer at each rate, so
that what else the machine does meets all of them. Told is the median of the rounds.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from tests.performance.measuring import look
from tests.performance.systems import Generator, MeasuredSystem, Peer, count

DEVICES = [f"bench-{n:04d}" for n in range(200)]
OURS = "vitalwire"
SERVICES = ("gateway", "storage")
PEERS = ("node rows", "node single", "python copy", "python single")
SINGLE_MOST_RATE = 3_000.0
"""A peer with one INSERT a message falls behind at more."""
WARM_S = 3.0
SETTLE_S = 1.5  # from the last PUBACK on all of them write at least twice
DRAINED_WITHIN_S = 30.0


async def drained(system: MeasuredSystem, table: str, rows: int) -> int:
    """Wait until so many rows are there; gives how many are."""
    deadline = time.monotonic() + DRAINED_WITHIN_S
    while (there := await count(system, table)) < rows and time.monotonic() < deadline:
        await asyncio.sleep(1.0)
    return there


async def measure(
    system: MeasuredSystem,
    generator: Generator,
    pids: dict[str, int],
    table: str,
    rate: float,
    seconds: float,
) -> dict[str, Any]:
    """CPU us a message by process, at one rate."""
    rows = await count(system, table)
    before = look(pids)
    sent = await generator.send(rate, seconds)
    await asyncio.sleep(SETTLE_S)
    used = look(pids).since(before)  # before the rows are counted: that is work too
    stored = await drained(system, table, rows + sent["sent"]) - rows
    return {
        "rate": rate,
        "sent": sent["sent"],
        "stored": stored,
        "puback_p99_ms": sent["puback_p99_ms"],
        "generator_us": 1e6 * sent["cpu_s"] / sent["sent"],
        "us": {name: 1e6 * cpu_s / sent["sent"] for name, cpu_s in used.items()},
    }


async def beside_peers(
    rates: Sequence[float], seconds: float, pairs: int, hows: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of figures: ours and each peer, at each rate, in each round."""
    found = []
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(MeasuredSystem(DEVICES, services=SERVICES))
        our_generator = await stack.enter_async_context(Generator(ours))
        plain = await stack.enter_async_context(MeasuredSystem(DEVICES, services=()))
        generator = await stack.enter_async_context(Generator(plain))
        warm = await our_generator.send(rates[0], WARM_S)
        await drained(ours, "signal.frame", warm["sent"])
        for number in range(pairs):
            for rate in rates:
                row = await measure(ours, our_generator, ours.pids(), "signal.frame", rate, seconds)
                found.append({"path": OURS, "round": number, **row})
                tell(found[-1])
                for how in hows:
                    if how.endswith("single") and rate > SINGLE_MOST_RATE:
                        continue
                    async with Peer(plain, how) as peer:
                        pids = {name: plain.pids()[name] for name in ("mosquitto", "postgres")}
                        pids["peer"] = peer.pid
                        await generator.send(rate, 0.5)
                        await asyncio.sleep(SETTLE_S)
                        row = await measure(plain, generator, pids, "peer", rate, seconds)
                        found.append({"path": how, "round": number, **row})
                        tell(found[-1])
    return found


def tell(row: dict[str, Any]) -> None:
    """One measurement, as soon as it is there."""
    us = row["us"]
    print(
        f"{row['round'] + 1}: {row['path']} at {row['rate']:.0f}/s, {row['stored']} of"
        f" {row['sent']} stored: {sum(us.values()) - us['mosquitto']:.1f} us without mosquitto; "
        + ", ".join(f"{name} {value:.1f}" for name, value in us.items()),
        flush=True,
    )


async def profiled(service: str, rate: float, seconds: float) -> str:
    """Where the CPU time of one of ours goes."""
    async with (
        MeasuredSystem(DEVICES, services=SERVICES, sampled=service) as system,
        Generator(system) as generator,
    ):
        await generator.send(rate, WARM_S)
        system.begin_profile()
        await generator.send(rate, seconds)
        return await system.end_profile()


async def ceilings(messages: int) -> list[dict[str, Any]]:
    """How fast gateway and storage work off what waits for them, each alone with its servers."""
    found = []
    async with (
        MeasuredSystem(DEVICES, services=SERVICES) as system,
        Generator(system) as generator,
    ):
        await generator.send(1_000, WARM_S)
        await asyncio.sleep(SETTLE_S)
        for service in ("storage", "gateway"):
            system.kill(service)
        sent = (await generator.send(4_000, messages / 4_000))["sent"]
        for service, metric in (("gateway", "frames_total"), ("storage", "rows_total")):
            before = look({name: system.pids()[name] for name in ("rabbitmq", "postgres")})
            await system.bring_back(service)
            began_s, at_first = time.monotonic(), await system.counted(service, metric)
            while (there := await system.counted(service, metric)) < sent:
                assert time.monotonic() < began_s + 120, f"{service}: {there} of {sent}"
                await asyncio.sleep(0.1)
            took_s = time.monotonic() - began_s
            used = look({name: system.pids()[name] for name in ("rabbitmq", "postgres")})
            found.append(
                {
                    "stage": service,
                    "messages": sent,
                    "per_s": (sent - at_first) / took_s,
                    "us": {name: 1e6 * cpu_s / sent for name, cpu_s in used.since(before).items()},
                }
            )
    return found


def told(found: Sequence[dict[str, Any]]) -> str:
    """The medians as a table for a person."""
    lines = [
        "| path | rate | mosquitto | its processes | PostgreSQL | RabbitMQ | sum | stored |",
        "|---|---|---|---|---|---|---|---|",
    ]
    keys = sorted({(row["rate"], row["path"]) for row in found}, key=lambda key: (key[0], key[1]))
    for rate, path in keys:
        rows = [row for row in found if (row["rate"], row["path"]) == (rate, path)]
        us = {name: statistics.median(row["us"][name] for row in rows) for name in rows[0]["us"]}
        total = statistics.median(
            sum(value for name, value in row["us"].items() if name != "mosquitto") for row in rows
        )
        own = ", ".join(
            f"{name} {us[name]:.0f}" for name in us if name in {"gateway", "storage", "peer"}
        )
        stored = sum(row["stored"] for row in rows) / sum(row["sent"] for row in rows)
        lines.append(
            f"| {path} | {rate:,.0f}/s | {us['mosquitto']:.0f} | {own} | {us['postgres']:.0f}"
            f" | {us.get('rabbitmq', 0):.0f} | **{total:.0f}** | {100 * stored:.1f} % |"
        )
    return "\n".join(lines)
