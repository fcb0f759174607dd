"""Sixty beds live in the browser for as long as it is told: frames, script and memory.

Use: ``python -m tests.browser.ward_load [--patients 60] [--minutes 30] [--connection FILE]``.
Starts a system of its own unless it is given the connection of one that runs, or with ``--feed``
what ``recorded_feed`` has kept: then the machine only draws. ``--throttle 4`` makes the page's main
thread so much slower, ``--page`` is another built page to compare with. Prints a line a minute and
the whole at the end, and fails when the heap grows or the budgets of web/budgets.json are not kept.
Times are those of this machine, which the last line names; the CPU time of the main thread, traced
for ten seconds at the end, also tells something where others are at work.
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
from tests.browser.recorded_feed import PAGE, played, sixty_beds
from tests.browser.running_system import RunningSystem, SystemProcess
from tests.browser.screen import WALL, Screen, opened_browser

BUDGETS = json.loads((Path(__file__).resolve().parents[2] / "web" / "budgets.json").read_text())
TRACED_S = 10.0
LOGGED_IN_S = 15.0  # from the first piece of the feed to the sixty tiles
WARM_UP_S = 20.0  # rings, caches and compiled code are there by then


async def run(
    system: RunningSystem, *, patients: int, minutes: float, throttle: float = 1.0
) -> bool:
    """Watch the ward; gives whether the budgets were kept."""
    async with opened_browser() as browser:
        screen = await Screen.open(browser, system, size=WALL, script=SCRIPT)
        await screen.log_in()
        await sixty_beds(screen, patients)
        session = await screen.page.context.new_cdp_session(screen.page)
        await session.send("Performance.enable")
        await session.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
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


async def run_feed(
    feed: Path, page: Path, *, patients: int, minutes: float, throttle: float
) -> bool:
    """The same with a kept feed in the place of a system.

    Raises
    ------
    AssertionError : the feed is too short
    """
    async with played(feed, page) as (system, seconds):
        needed_s = WARM_UP_S + 60 * minutes + TRACED_S + LOGGED_IN_S
        assert seconds >= needed_s, f"{feed} plays {seconds:.0f} s, {needed_s:.0f} s are needed"
        return await run(system, patients=patients, minutes=minutes, throttle=throttle)


def main() -> int:
    """Measure; 0 when every budget was kept."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--patients", type=int, default=60)
    asked.add_argument("--minutes", type=float, default=30.0)
    asked.add_argument("--throttle", type=float, default=1.0)
    asked.add_argument("--connection", type=Path)
    asked.add_argument("--feed", type=Path)
    asked.add_argument("--page", type=Path, default=PAGE)
    given = asked.parse_args()
    how = {"patients": given.patients, "minutes": given.minutes, "throttle": given.throttle}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped
    if given.feed is not None:
        return 0 if asyncio.run(run_feed(given.feed, given.page, **how)) else 1
    if given.connection is not None:
        return 0 if asyncio.run(run(RunningSystem.of(given.connection), **how)) else 1
    with tempfile.TemporaryDirectory(prefix="vitalwire-ward-") as folder:
        Path(folder).chmod(0o711)  # the database's user must pass
        process = SystemProcess(Path(folder) / "system", patients=given.patients)
        try:
            system = process.wait_until_ready()
            kept = asyncio.run(run(system, **how))
        finally:
            process.stop()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
