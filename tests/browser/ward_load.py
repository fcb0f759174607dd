"""Sixty beds live in the browser for as long as it is told: frames, script and memory.

Use: ``python -m tests.browser.ward_load [--patients 60] [--minutes 30] [--connection FILE]``.
Starts a system of its own unless it is given the connection of one that runs. Prints a line a
minute and the whole at the end, and fails when the heap grows or the budgets of web/budgets.json
are not kept. Times are those of this machine, which the last line names; the CPU time of the main
thread, traced for ten seconds at the end, also tells something where others are at work.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.browser.frame_costs import SCRIPT, FrameCosts, MainThread, kept
from tests.browser.running_system import RunningSystem, SystemProcess
from tests.browser.screen import WALL, Screen, opened_browser

BUDGETS = json.loads((Path(__file__).resolve().parents[2] / "web" / "budgets.json").read_text())
TRACED_S = 10.0
WARM_UP_S = 20.0  # rings, caches and compiled code are there by then


async def run(system: RunningSystem, *, patients: int, minutes: float) -> bool:
    """Watch the ward; gives whether the budgets were kept."""
    async with opened_browser() as browser:
        screen = await Screen.open(browser, system, size=WALL, script=SCRIPT)
        await screen.log_in()
        await screen.page.get_by_role("group", name="Beds shown").get_by_text("60").click()
        await screen.page.wait_for_function(
            "(n) => document.querySelectorAll('article[data-density=s]').length >= n",
            arg=min(patients, 60),
        )
        session = await screen.page.context.new_cdp_session(screen.page)
        await session.send("Performance.enable")
        await asyncio.sleep(WARM_UP_S)
        heaps = [(await kept(session)).heap_bytes]
        await FrameCosts.read(screen.page, clear=True)
        each_s = min(60.0, minutes * 60 / 3)
        for _ in range(round(minutes * 60 / each_s)):
            await asyncio.sleep(each_s)
            heaps.append((await kept(session)).heap_bytes)
            _tell(await FrameCosts.read(screen.page), heaps, each_s)
        costs = await FrameCosts.read(screen.page)
        thread = await MainThread.watch(browser, seconds=TRACED_S)
        await screen.close()
    grown = heaps[-1] - heaps[0]
    held = {
        "heap": grown <= BUDGETS["heap_growth_bytes"],
        "script": thread.script_p95_ms <= BUDGETS["script_p95_ms"],
        "frame": costs.frame_p95_ms <= BUDGETS["frame_p95_ms"],
        "console": not screen.complaints,
    }
    print(
        f"main thread, CPU: script of a frame median {thread.script_median_ms:.2f} ms, "
        f"p95 {thread.script_p95_ms:.2f} ms; layout {thread.layout_ms_a_second:.1f} ms a second; "
        f"longest task {thread.longest_ms:.0f} ms"
    )
    print(json.dumps({"patients": patients, "minutes": minutes, "kept": held}))
    load = os.getloadavg()[0]
    print(f"machine: {os.cpu_count()} cores, load {load:.1f}, software rendering")
    return all(held.values())


def _tell(costs: FrameCosts, heaps: list[int], each_s: float) -> None:
    seconds = each_s * (len(heaps) - 1)
    print(
        f"{seconds:6.0f} s  {costs.frames / seconds:5.1f} frames/s"
        f"  script median {costs.script_median_ms:.1f} ms, p95 {costs.script_p95_ms:.1f} ms"
        f"  frame p95 {costs.frame_p95_ms:.1f} ms"
        f"  renders {costs.batches / seconds:.1f}/s  heap {heaps[-1] / 1e6:.2f} MB"
        f" ({(heaps[-1] - heaps[0]) / 1e6:+.2f})",
        flush=True,
    )


def main() -> int:
    """Measure; 0 when every budget was kept."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--patients", type=int, default=60)
    asked.add_argument("--minutes", type=float, default=30.0)
    asked.add_argument("--connection", type=Path)
    given = asked.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped
    if given.connection is not None:
        system = RunningSystem.of(given.connection)
        kept = asyncio.run(run(system, patients=given.patients, minutes=given.minutes))
        return 0 if kept else 1
    with tempfile.TemporaryDirectory(prefix="vitalwire-ward-") as folder:
        Path(folder).chmod(0o711)  # the database's user must pass
        process = SystemProcess(Path(folder) / "system", patients=given.patients)
        try:
            system = process.wait_until_ready()
            kept = asyncio.run(run(system, patients=given.patients, minutes=given.minutes))
        finally:
            process.stop()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
