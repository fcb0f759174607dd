"""`make test`: everything that a change must pass, in fifteen minutes.

Tests on real servers mostly wait: four parts side by side need three quarters of a core, the kills
as much. They run beside each other, and the page in the browser, which needs one and a quarter,
after the kills. What is pure waits for nothing and nothing waits for it, but for the
page's own tests: it gets what the others leave of the machine (`nice`).

What fails on real servers while all this runs is looked at once more when it has the machine for
itself (docs/decisions/0020): a promise that is broken under load is not among it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from deploy.local.jobs import Job, python, run_side_by_side
from deploy.local.layout import PROJECT

BUDGET_S = 15 * 60.0
PURE = ("tests/unit", "tests/contract", "tests/fuzz")
CONTROLS = "tests/chaos/test_controls.py"  # one service each: no whole system is measured
# Files that take longest, so that no worker ends long after the others; then all the rest.
LONGEST = (
    CONTROLS,
    "tests/integration/dsp/test_live.py",
    "tests/integration/operations/test_lanes.py",
    "tests/integration/systems/test_five_systems.py",
    "tests/integration/operations/test_backup_drill.py",
    "tests/integration/gateway/test_native_commands.py",
    "tests/integration/gateway/test_commands_killed.py",
    "tests/integration/api/test_fuzzed.py",
    "tests/integration/systems",
    "tests/integration/local",
    "tests/integration/operations/test_image.py",
)
PARTS = (*LONGEST, "tests/integration", "tests/accuracy")
SIDE_BY_SIDE = 3  # with four, the wait of a part for its broker or its samples ends too early
# The debug mode of asyncio looks at the stack of whatever is scheduled: a fifth of the work here,
# and it has nothing to say of processes. It is on where one process is tested.
ON_SERVERS = ("-o", "asyncio_debug=false")
PAGE = ("tests/browser",)
KILLS = ("tests/chaos",)
PAGE_TESTS = ("--npm", "run", "--silent", "test")
PYTEST = ("-m", "pytest", "-q")
FORGETFUL = ("-p", "no:cacheprovider")
# What kills may not change has to hold on the busiest machine, and more than a few failures are
# no accident: both are final.
FINAL = ("tests/chaos/",)
MOST_AGAIN = 3
# "12 passed, 1 skipped in 3.21s", with or without the line around it
CLOSING = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed|deselected)")
CLOSING_LINE = re.compile(r"\b(?:passed|failed|skipped|errors?)\b.* in [\d.]+s")


def main() -> int:
    """Run all tests; gives the exit status."""
    with tempfile.TemporaryDirectory(prefix="vw-test-") as memory:
        return _run_all(Path(memory))


def _run_all(memory: Path) -> int:
    begin = time.monotonic()
    # Many containers forbid it, and then each of a dozen test processes compiles all again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Not patient: its workers have to answer within seconds of their start.
    own = Job("the page's own", python("-m", "deploy.local.page", *PAGE_TESTS))
    pure = Job("pure", _patient(python(*PYTEST, *FORGETFUL, "-n", "auto", *_there(PURE))))
    # Two of pytest and not two of its workers: those divide a folder's tests among them.
    kills = Job(
        "kills", python(*PYTEST, *FORGETFUL, *ON_SERVERS, f"--ignore={CONTROLS}", *_there(KILLS))
    )
    of_page, of_parts = memory / "page", memory / "parts"
    page = Job("the page", python(*PYTEST, *_remembering(of_page), *ON_SERVERS, *_there(PAGE)))
    jobs = [own, pure, kills, page]
    print("\n---- parts on real servers; beside them the kills, then the page", flush=True)
    beside = threading.Thread(target=run_side_by_side, args=[[[own, pure], [kills, page]]])
    beside.start()
    status, said = _run(
        python(
            *PYTEST,
            *("-n", str(SIDE_BY_SIDE), "--dist", "loadfile", "--no-loadscope-reorder"),
            *("--durations=15", *_remembering(of_parts), *ON_SERVERS),
            *_there(PARTS),
        )
    )
    print(f"\nthe parts took {time.monotonic() - begin:.0f} s", flush=True)
    beside.join()
    counts: Counter[str] = Counter(said)
    failed = {"parts on real servers"} if status != 0 else set()
    for job in jobs:
        counts.update(_counted(job.output.splitlines()))
        if job.status != 0:
            failed.add(job.name)
    unsteady = _again(
        failed, {"parts on real servers": (of_parts, PARTS), page.name: (of_page, PAGE)}
    )
    if unsteady:
        del counts["failed"], counts["error"]  # all that did is among them
        counts["unsteady"] = len(unsteady)
        failed = set()
    took_s = time.monotonic() - begin
    if took_s > BUDGET_S:
        print(f"\nthat is more than the {BUDGET_S / 60:.0f} minutes that the tests may take")
    if failed:
        print(f"\nFAILED: {', '.join(sorted(failed))}")
    for test in unsteady:
        print(f"\nUNSTEADY: {test} failed beside others and passed alone: mend it")
    total = ", ".join(f"{number} {word}" for word, number in sorted(counts.items()))
    print(f"\n==== {total} in {took_s:.2f}s ({took_s / 60:.1f} minutes) ====", flush=True)
    return 1 if failed else 0


def _again(
    failed: Iterable[str], places: Mapping[str, tuple[Path, Sequence[str]]]
) -> Sequence[str]:
    """Run what failed once more, alone on the machine, if all of it may have been an accident.

    Returns
    -------
    the tests that failed first, where each passes now; none where nothing failed or all stands
    """
    if any(name not in places for name in failed):
        return []
    tests = {name: _failed_tests(places[name][0]) for name in failed}
    known = [test for of_one in tests.values() for test in of_one]
    if not all(tests.values()) or len(known) > MOST_AGAIN:
        return []
    if any(test.startswith(FINAL) for test in known):
        return []
    for name in sorted(failed):
        memory, folders = places[name]
        print(f"\n---- {name}: what failed, once more and alone", flush=True)
        only = ("--last-failed", "--last-failed-no-failures=none", *_remembering(memory))
        status, _ = _run(python(*PYTEST, *only, *ON_SERVERS, *_there(folders)))
        if status != 0:
            return []
    return known


def _remembering(memory: Path) -> tuple[str, str]:
    """Lets pytest write down what failed."""
    return "-o", f"cache_dir={memory}"


def _failed_tests(memory: Path) -> list[str]:
    """What pytest wrote down."""
    try:
        return sorted(json.loads((memory / "v/cache/lastfailed").read_text()))
    except FileNotFoundError:
        return []


def _patient(command: Sequence[str]) -> list[str]:
    """The command with the lowest priority: it takes what nobody else wants.

    On a full machine that is nothing for many minutes: only an hour tells a test that hangs.
    """
    return ["nice", "-n", "19", *command, "--timeout", "3600"]


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
