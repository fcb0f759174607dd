"""``make accuracy``: every task of a scorer on the shipped estimators, as one page of figures.

The scorer is a program ``evaluate.py TASK module:factory --data DIR --json FILE``, with the
recordings in a folder beside its own. It feeds each record as a stream, holds the delay limits,
and knows the references; the estimators never see them.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.layout import PROJECT

PAGE = PROJECT / "docs/science/figures.md"
MOST_COLUMNS = 16
WITHIN_S = 3_600.0
HIDDEN = {"signal_s", "cpu_s"}


@dataclass(frozen=True, slots=True)
class Task:
    """What is wanted, and the best that others reach on the same recordings."""

    target: str
    peer: str


TASKS: Mapping[str, Task] = {
    "ecg_beats": Task("F1 >= 99.85 %, each record >= 98.8 %", "99.52 (gqrs), 99.07 (xqrs)"),
    "ecg_noise": Task("F1 >= 94.5 %", "91.06 (swt), 89.04 (xqrs)"),
    "hr": Task("MAE <= 0.33 /min", "0.68"),
    "hr_running": Task("MAE <= 0.22 /min", "0.56"),
    "ecg_classes": Task("V >= 93 / 95 %, S >= 82 / 87 %", "85 / 39, 21 / 21 (floor)"),
    "ppg_rate": Task("MAE <= 0.40 /min, answered >= 90 %", "0.77 (HeartPy)"),
    "ppg_motion": Task("MAE <= 1.8 /min, within 5/min >= 93 %", "2.00, 91 % (WFPV, published)"),
    "spo2": Task("A_rms refitted <= 3.1 %", "3.21 (floor)"),
    "resp": Task("MAE: impedance 0.30, ECG 0.95, PPG 1.15 /min", "0.50, 2.67, 2.37"),
    "quality": Task("AUC: ECG >= 0.995, PPG >= 0.95", "0.92, 0.83"),
    "radar": Task(
        "respiration >= 99.5 %, apnoea 100 %, empty 0 %, heart >= 99 % of >= 93 %",
        "99.3, 77.8, 100; 48.9 % right of all",
    ),
    "breathing_accel": Task("MAE <= 0.07 /min, all answered", "0.075 with 91 % answered"),
    "steps": Task("pockets >= 99, slow >= 96, back >= 99 %, <= 5 false/h", "98.7, 95.3, 98.5, 0"),
    "falls": Task("at 10 Hz: SisFall 99 / 99, MobiFall 93 / 96 %", "98.3 / 98.9, 88.9 / 94.3"),
    "posture": Task("simulated >= 99.5, real >= 99 %, <= 1.3 s", "92.2, 70.2 (fixed tilt)"),
    "position": Task("mean <= 3.3 m, room >= 97.5 %, six APs <= 5.3 m", "3.44, 96.9, 5.47"),
    "spirometry": Task(
        "FVC, FEV1, PEF: clean 0.06, 0.05, 0.1 %; zero off 1, 0.4, 0.33 %",
        "0.06, 0.05, 0.00; 1.58, 0.78, 0.33",
    ),
}
"""Wanted by the project; peers as measured on the same recordings before it began."""


ABOUT = (
    "`make accuracy RECORDINGS=folder` (`tests/accuracy/figures.py`): each record fed as a stream"
    " of 0.25 s pieces, within the delay limits of the scorer. The nets of beats, classes and"
    " falls have learned from recordings among these; what they reach with people whom they have"
    " not seen is on the pages of the measures ([ecg](ecg.md), [classes](classes.md),"
    " [motion](motion.md)), and is less. For `falls` the scorer has them learn anew without the"
    " subject under test."
)


def scored(scorer: Path, recordings: Path, task: str) -> dict[str, Any]:
    """What the scorer says of one task.

    Raises
    ------
    RuntimeError : it failed; the text is its last words
    """
    with tempfile.TemporaryDirectory(prefix="vw-figures-") as folder:
        answer = Path(folder) / "answer.json"
        done = subprocess.run(
            [
                *(sys.executable, str(scorer), task, f"services.dsp.scoring:{task}"),
                *("--data", str(recordings), "--json", str(answer)),
            ],
            cwd=PROJECT,
            check=False,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{task}: {done.stderr[-1_500:]}")
        found: dict[str, Any] = json.loads(answer.read_text())
        return found


def page(answers: Sequence[Mapping[str, Any]], day: str) -> str:
    """The page: totals first, then each record."""
    lines = [
        *("# Figures of the shipped estimators", ""),
        f"{day}. {ABOUT}",
        *("", "| task | wanted | best of others | reached | CPU, s a signal-hour, one device |"),
        "|---|---|---|---|---|",
    ]
    for answer in answers:
        task = TASKS[answer["task"]]
        per_hour = answer["cpu_s_per_signal_hour"]
        cpu = "" if per_hour is None else f"{per_hour:.2g}"
        reached = "; ".join(_said(row) for row in totals(answer["rows"]))
        lines.append(f"| {answer['task']} | {task.target} | {task.peer} | {reached} | {cpu} |")
    left_out = [name for name in TASKS if name not in {answer["task"] for answer in answers}]
    if left_out:
        lines += ["", f"Not scored in this run: {', '.join(left_out)}; see the pages of each."]
    for answer in answers:
        lines += ["", f"## {answer['task']}", "", *_table(answer["rows"])]
    return "\n".join(lines) + "\n"


def totals(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows of groups, and of all: written in capitals, or without a record of their own."""
    return [row for row in rows if _name(row).isupper() and not _name(row)[-1:].isdigit()]


def _name(row: Mapping[str, Any]) -> str:
    return str(next(iter(row.values())))


def _said(row: Mapping[str, Any]) -> str:
    name, *values = row.items()
    shown = [f"{key} {_cell(value)}" for key, value in values if _is_shown(key, value)]
    return f"{name[1]}: {', '.join(shown[:MOST_COLUMNS])}"


def _is_shown(key: str, value: object) -> bool:
    return not key.startswith("_") and key not in HIDDEN and value is not None


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    columns = list(
        dict.fromkeys(key for row in rows for key, value in row.items() if _is_shown(key, value))
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(_cell(row.get(column)) for column in columns)} |" for row in rows]
    return lines


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
    return str(value).replace("|", "/")


def main() -> int:
    """Score all tasks, write the page; gives 1 if a task failed."""
    parser = argparse.ArgumentParser(prog="make accuracy", description=__doc__)
    parser.add_argument("recordings", type=Path, help="folder of the data sets")
    parser.add_argument("--scorer", type=Path, help="default: ../tools/evaluate.py of the folder")
    parser.add_argument("--tasks", default=",".join(TASKS), help="which, with commas")
    parser.add_argument("--workers", type=int, default=1, help="tasks at once")
    parser.add_argument("--answers", type=Path, help="folder: what is there is not scored again")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write")
    options = parser.parse_args()
    scorer = options.scorer or options.recordings.parent / "tools/evaluate.py"
    if not scorer.is_file():
        parser.error(f"no scorer at {scorer}: give --scorer")
    tasks = options.tasks.split(",")
    unknown = set(tasks) - TASKS.keys()
    if unknown:
        parser.error(f"no task is called {', '.join(sorted(unknown))}: {', '.join(TASKS)}")
    if options.answers:
        options.answers.mkdir(parents=True, exist_ok=True)
    answers, failed = [], 0

    def one(task: str) -> dict[str, Any] | RuntimeError:
        began_s = time.monotonic()
        kept = options.answers / f"{task}.json" if options.answers else None
        try:
            if kept is not None and kept.is_file():
                found: dict[str, Any] = json.loads(kept.read_text())
            else:
                found = scored(scorer.resolve(), options.recordings.resolve(), task)
                found["wall_s"] = round(time.monotonic() - began_s)
        except RuntimeError as error:
            return error
        if kept is not None:
            kept.write_text(json.dumps(found))
        last = _said((totals(found["rows"]) or found["rows"])[-1])
        print(f"{task:16s} {time.monotonic() - began_s:5.0f} s  {last}", flush=True)
        return found

    with ThreadPoolExecutor(options.workers) as pool:
        for found in pool.map(one, tasks):
            if isinstance(found, RuntimeError):
                print(found, file=sys.stderr, flush=True)
                failed += 1
            else:
                answers.append(found)
    options.page.write_text(page(answers, time.strftime("%Y-%m-%d")))
    print(f"written: {options.page}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
