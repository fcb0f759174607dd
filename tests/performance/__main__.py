"""``make bench``: CPU a message of every process of the path, beside plain peers.

The path is that of the section "Plain peers" of docs/performance.md: from MQTT to rows in
PostgreSQL. Ours has confirms, identity, receipts and told repeats; the peers have none. CPU is
what the operating system counts for each process with its children, divided by the messages that
were sent; it includes what a process does in a second without messages.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.performance.measuring import look
from tests.performance.systems import Generator, MeasuredSystem, Peer, count

DEVICES = 200
WARM_S = 3.0
OURS = "vitalwire"
PEERS = ("python copy", "node single", "node rows")
SETTLE_S = 20.0


async def drained(system: MeasuredSystem, table: str, rows: int) -> int:
    """Wait until so many rows are there; gives how many are."""
    deadline = time.monotonic() + SETTLE_S
    while (there := await count(system, table)) < rows and time.monotonic() < deadline:
        await asyncio.sleep(1.0)  # seldom: the count is work for PostgreSQL too
    return there


async def measure(
    system: MeasuredSystem,
    generator: Generator,
    pids: dict[str, int],
    table: str,
    rate: float,
    seconds: float,
) -> dict[str, Any]:
    """One row of figures: CPU us a message by process."""
    rows = await count(system, table)
    before = look(pids)
    sent = await generator.send(rate, seconds)
    stored = await drained(system, table, rows + sent["sent"]) - rows
    used = look(pids).since(before)
    return {
        "rate": rate,
        "sent": sent["sent"],
        "stored": stored,
        "puback_p99_ms": round(sent["puback_p99_ms"], 1),
        "us": {name: round(1e6 * cpu_s / sent["sent"], 1) for name, cpu_s in used.items()},
    }


async def our_path(
    rates: Sequence[float], seconds: float, services: Sequence[str], sampled: str | None
) -> tuple[list[dict[str, Any]], str]:
    """Figures of our own path, and the profile of one service."""
    devices = [f"bench-{n:04d}" for n in range(DEVICES)]
    profile = ""
    found = []
    async with (
        MeasuredSystem(devices, services=services, sampled=sampled) as system,
        Generator(system) as generator,
    ):
        warm = await generator.send(rates[0], WARM_S)
        await drained(system, "signal.frame", warm["sent"])
        for rate in rates:
            row = await measure(system, generator, system.pids(), "signal.frame", rate, seconds)
            found.append({"path": OURS, **row})
            tell(found[-1])
        if sampled is not None:
            system.begin_profile()
            await generator.send(rates[-1], seconds)
            profile = await system.end_profile()
    return found, profile


async def peers(
    rates: Sequence[float], seconds: float, hows: Sequence[str]
) -> list[dict[str, Any]]:
    """Figures of the peers."""
    devices = [f"bench-{n:04d}" for n in range(DEVICES)]
    found = []
    async with MeasuredSystem(devices, services=()) as system, Generator(system) as generator:
        for how in hows:
            async with Peer(system, how) as peer:
                servers = {name: system.pids()[name] for name in ("mosquitto", "postgres")}
                warm = await generator.send(rates[0], 1.0)
                await drained(system, "peer", warm["sent"])
                for rate in rates:
                    pids = {**servers, "peer": peer.pid}
                    row = await measure(system, generator, pids, "peer", rate, seconds)
                    found.append({"path": how, **row})
                    tell(found[-1])
    return found


def tell(row: dict[str, Any]) -> None:
    """One line for a person."""
    us = {name: value for name, value in row["us"].items() if name != "mosquitto"}
    parts = ", ".join(f"{name} {value}" for name, value in row["us"].items())
    behind = "" if row["stored"] == row["sent"] else " (fell behind)"
    print(
        f"{row['path']:>12} at {row['rate']:5.0f}/s: {sum(us.values()):6.1f} us a message"
        f" without mosquitto ({parts}); sent {row['sent']}, stored {row['stored']}{behind};"
        f" PUBACK p99 {row['puback_p99_ms']} ms",
        flush=True,
    )


def main() -> int:
    """Measure, print, and write the figures as JSON where asked to."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rates", default="1000,3000", help="messages a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--peers", default=",".join(PEERS), help="which; empty for none")
    parser.add_argument("--services", default="gateway,storage", help="of ours that run")
    parser.add_argument("--profile", default="gateway", help="service to sample; empty for none")
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    rates = [float(rate) for rate in options.rates.split(",")]
    found, profile = asyncio.run(
        our_path(rates, options.seconds, options.services.split(","), options.profile or None)
    )
    if options.peers:
        found += asyncio.run(peers(rates, options.seconds, options.peers.split(",")))
    if profile:
        print(f"\nWhere the time of {options.profile} goes at {rates[-1]:.0f}/s:\n{profile}")
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1))
    ours = [row for row in found if row["path"] == OURS]
    return 0 if all(row["stored"] == row["sent"] for row in ours) else 1


if __name__ == "__main__":
    sys.exit(main())
