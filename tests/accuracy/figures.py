"""``make accuracy``: every task of a scorer on the shipped estimators, as one page of figures.

The scorer is a program ``evaluate.py TASK module:factory --data DIR --json FILE``, with the
recordings in a folder beside its own. It feeds each record as a stream, holds the delay limits,
and knows the references; the estimators never see them.

What a task gave is kept (``.local/accuracy``) with the commit, a hash of the recordings and of
each source that it loaded. A run that was stopped goes on where it was, and one after a change
scores only what the change may have changed. Pages are written after each task.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.layout import PROJECT
from tests.accuracy import figures_page, kept, overview
from tests.accuracy.kept import Kept
from tests.accuracy.target_table import TASKS
from tests.accuracy.targets import UNSEEN_CLASSES

PAGE = PROJECT / "docs/science/figures.md"
WITHIN_S = 3_600.0
OWN_PROGRAMS = {UNSEEN_CLASSES: "tests.accuracy.train_classes"}
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is scored with what, and where results are kept."""

    scorer: Path
    recordings: Path
    folder: Path
    data: str
    judge: str

    def is_fresh(self, found: Kept) -> bool:
        return found.is_of(data=self.data, scorer=self.judge)

    def command(self, task: str, answer: Path) -> list[str]:
        """The program of a task; it writes what it found to `answer`."""
        own = OWN_PROGRAMS.get(task)
        if own is not None:
            return [own, "--json", str(answer)]
        return [
            *(str(self.scorer), task, f"services.dsp.scorers.{_module_of(task)}:{task}"),
            *("--data", str(self.recordings), "--json", str(answer)),
        ]


def _module_of(task: str) -> str:
    """Where the factory of a task stands: only what it needs is loaded, and noted, from there."""
    for file in sorted((PROJECT / "services/dsp/scorers").glob("*.py")):
        text = file.read_text()
        if f"\ndef {task}(" in text or f"\nclass {task}:" in text:
            return file.stem
    raise LookupError(f"no scorer has a factory {task}")


def scored(bench: Bench, task: str) -> Kept:
    """Score one task now.

    Raises
    ------
    RuntimeError : it failed; the text is its last words
    """
    began_s, day = time.monotonic(), time.strftime("%Y-%m-%d")
    commit = kept.commit_now()
    with tempfile.TemporaryDirectory(prefix="vw-figures-") as folder:
        answer, notes = Path(folder) / "answer.json", Path(folder) / "loaded.json"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.accuracy.loaded", str(notes)),
                *bench.command(task, answer),
            ],
            cwd=PROJECT,
            env={**os.environ, **ONE_THREAD},
            check=False,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{task}: {done.stderr[-1_500:]}")
        said: dict[str, Any] = json.loads(answer.read_text())
        paths: list[str] = json.loads(notes.read_text())
    return Kept(
        task=task,
        day=day,
        commit=commit,
        is_changed=kept.differs(paths, commit),
        wall_s=round(time.monotonic() - began_s),
        data=bench.data,
        scorer=bench.judge,
        sources=kept.hashes(paths),
        answer=said,
    )


def write_pages(bench: Bench, page: Path, readme: Path) -> None:
    """Both pages, of everything that is kept."""
    found = [one for task in TASKS if (one := kept.read(bench.folder, task)) is not None]
    fresh = {one.task for one in found if bench.is_fresh(one)}
    page.write_text(figures_page.figures(found, fresh))
    overview.put("targets", figures_page.targets(found), readme)


def in_order(tasks: Sequence[str], folder: Path) -> list[str]:
    """Shortest first, as far as it is known how long they took; others as the table has them."""

    def place(task: str) -> tuple[int, int]:
        found = kept.read(folder, task)
        return (0 if found is None else found.wall_s, list(TASKS).index(task))

    return sorted(tasks, key=place)


def main() -> int:
    """Score what is not kept, write the pages; gives 1 if a task failed."""
    parser = argparse.ArgumentParser(prog="make accuracy", description=__doc__)
    parser.add_argument("recordings", type=Path, help="folder of the data sets")
    parser.add_argument("--scorer", type=Path, help="default: ../tools/evaluate.py of the folder")
    parser.add_argument("--tasks", default=",".join(TASKS), help="which, with commas; none: ''")
    parser.add_argument("--workers", type=int, default=1, help="tasks at once")
    parser.add_argument("--kept", type=Path, default=kept.FOLDER, help="folder of the results")
    parser.add_argument("--anew", action="store_true", help="score again what is kept")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write")
    parser.add_argument(
        "--overview", type=Path, default=overview.PAGE, help="page with the targets"
    )
    options = parser.parse_args()
    scorer = options.scorer or options.recordings.parent / "tools/evaluate.py"
    if not scorer.is_file():
        parser.error(f"no scorer at {scorer}: give --scorer")
    tasks = [task for task in options.tasks.split(",") if task]
    unknown = set(tasks) - TASKS.keys()
    if unknown:
        parser.error(f"no task is called {', '.join(sorted(unknown))}: {', '.join(TASKS)}")
    bench = Bench(
        scorer=scorer.resolve(),
        recordings=options.recordings.resolve(),
        folder=options.kept,
        data=kept.hash_of_folder(options.recordings),
        judge=kept.hash_of_folder(scorer.parent, "*.py"),
    )

    def one(task: str) -> RuntimeError | None:
        found = None if options.anew else kept.read(bench.folder, task)
        if found is not None and bench.is_fresh(found):
            print(f"{task:20s} kept, {found.commit}", flush=True)
            return None
        try:
            found = scored(bench, task)
        except RuntimeError as error:
            return error
        except subprocess.TimeoutExpired:
            return RuntimeError(f"{task}: not done in {WITHIN_S:.0f} s")
        kept.write(bench.folder, found)
        print(f"{task:20s} {found.wall_s:5d} s  {figures_page.total(found)}", flush=True)
        return None

    failed = 0
    with ThreadPoolExecutor(options.workers) as pool:
        for error in pool.map(one, in_order(tasks, bench.folder)):
            if error is not None:
                print(error, file=sys.stderr, flush=True)
                failed += 1
            write_pages(bench, options.page, options.overview)
    write_pages(bench, options.page, options.overview)
    print(f"written: {options.page}, {options.overview}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
