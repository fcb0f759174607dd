"""`make test`: everything that a change must pass, in fifteen minutes.

What is pure runs on all cores. Single parts on real servers mostly wait, so three of them run side
by side, each with servers of its own. Of what has a whole system, the page in the browser needs one
and a quarter core and the kills three quarters of one: they run beside each other.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from deploy.local.jobs import Job, python, run_side_by_side
from deploy.local.layout import PROJECT

BUDGET_S = 15 * 60.0
PURE = ("tests/unit", "tests/contract", "tests/fuzz")
CONTROLS = "tests/chaos/test_controls.py"  # one service each: no whole system is measured
# Files that take longest, so that no worker ends long after the others; then all the rest.
LONGEST = (
    CONTROLS,
    "tests/integration/systems/test_five_systems.py",
    "tests/integration/operations/test_lanes.py",
    "tests/integration/operations/test_backup_drill.py",
    "tests/integration/gateway/test_native_commands.py",
    "tests/integration/gateway/test_commands_killed.py",
    "tests/integration/api/test_fuzzed.py",
    "tests/integration/systems",
    "tests/integration/local",
    "tests/integration/operations/test_image.py",
)
PARTS = (*LONGEST, "tests/integration", "tests/accuracy")
SIDE_BY_SIDE = 3
# The debug mode of asyncio looks at the stack of whatever is scheduled: a fifth of the work here,
# and it has nothing to say of processes. It is on where one process is tested.
ON_SERVERS = ("-o", "asyncio_debug=false")
PAGE = ("tests/browser",)
KILLS = ("tests/chaos",)
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
# "12 passed, 1 skipped in 3.21s", with or without the line around it
CLOSING = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed|deselected)")
CLOSING_LINE = re.compile(r"\b(?:passed|failed|skipped|errors?)\b.* in [\d.]+s")


def main() -> int:
    """Run all tests; gives the exit status."""
    begin = time.monotonic()
    # Many containers forbid it, and then each of a dozen test processes compiles all again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    stages = [
        ("the page's own", python("-m", "deploy.local.page", "--npm", "run", "--silent", "test")),
        ("pure", python(*PYTEST, "-n", "auto", *_there(PURE))),
        (
            "parts on real servers",
            python(
                *PYTEST,
                *("-n", str(SIDE_BY_SIDE), "--dist", "loadfile", "--no-loadscope-reorder"),
                *("--durations=15", *ON_SERVERS),
                *_there(PARTS),
            ),
        ),
    ]
    # Two of pytest and not two of its workers: those divide a folder's tests among them.
    beside = [
        Job("the page", python(*PYTEST, *ON_SERVERS, *_there(PAGE))),
        Job("kills", python(*PYTEST, *ON_SERVERS, f"--ignore={CONTROLS}", *_there(KILLS))),
    ]
    counts: Counter[str] = Counter()
    failed = []
    for name, command in stages:
        print(f"\n---- {name}", flush=True)
        status, said = _run(command)
        counts.update(said)
        if status != 0:
            failed.append(name)
    print("\n---- whole systems, beside each other", flush=True)
    run_side_by_side([[job] for job in beside])
    for job in beside:
        counts.update(_counted(job.output.splitlines()))
        if job.status != 0:
            failed.append(job.name)
    took_s = time.monotonic() - begin
    if took_s > BUDGET_S:
        print(f"\nthat is more than the {BUDGET_S / 60:.0f} minutes that the tests may take")
    if failed:
        print(f"\nFAILED: {', '.join(failed)}")
    total = ", ".join(f"{number} {word}" for word, number in sorted(counts.items()))
    print(f"\n==== {total} in {took_s:.2f}s ({took_s / 60:.1f} minutes) ====", flush=True)
    return 1 if failed else 0


def _there(places: Sequence[str]) -> list[str]:
    return [place for place in places if (PROJECT / place).exists()]


def _run(command: Sequence[str]) -> tuple[int, Counter[str]]:
    """Run a stage, show what it says, and count what its closing line says."""
    lines = []
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, _counted(lines)


def _counted(lines: Iterable[str]) -> Counter[str]:
    """How many passed, failed and so on, by the last closing line."""
    counts: Counter[str] = Counter()
    for line in lines:
        if CLOSING_LINE.search(line):
            counts = Counter()
            for number, word in CLOSING.findall(line):
                counts[word.removesuffix("s") if word == "errors" else word] += int(number)
    return counts


if __name__ == "__main__":
    sys.exit(main())
