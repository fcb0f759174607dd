"""The pages of what was scored: figures by task and record, and one table of all targets."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from tests.accuracy.kept import Kept
from tests.accuracy.target_table import TARGETS, TASKS, targets_of
from tests.accuracy.targets import UNSEEN_CLASSES, Answers, Rows, Seen, Target, number

HIDDEN = {"signal_s", "cpu_s"}
ABOUT = (
    "`make accuracy RECORDINGS=folder` (`tests/accuracy/figures.py`): each record fed as a stream"
    " of 0.25 s pieces, within the delay limits of the scorer. All targets at a glance, and which"
    " of these figures are optimistic: [README](README.md). The shipped nets of beats, classes"
    " and qualities have learned from recordings among these; for `falls` the scorer has them"
    f" learn anew without the subject under test, for `{UNSEEN_CLASSES}` a program of this project"
    " does so. CPU: one device alone, beside other work on the machine."
)
MARKS = (
    "**L**: shipped nets have learned from these recordings. **C**: constants were chosen looking"
    " at them. Both make a figure optimistic. Where people were left out in turn, or the constants"
    " chosen without them, the number stands under *unseen*, and the target is judged by it;"
    " numbers in italics are taken from the page at the end of the row, which names the program."
)
ELSEWHERE = (
    "Not to be measured here: all 48 records of the MIT-BIH Arrhythmia Database, heart rate of"
    " other runners, S on other records (no such recordings beside the project)."
)


def figures(found: Sequence[Kept], fresh: AbstractSet[str]) -> str:
    """Page of all tasks: when and at which commit, then record by record."""
    answers = answers_of(found)
    found = sorted(found, key=_place)
    lines = [
        *("# Figures of the shipped estimators", "", ABOUT, ""),
        "| task | of | day | commit | CPU, s a signal-hour |",
        "|---|---|---|---|---:|",
    ]
    for one in found:
        cpu = number(one.answer.get("cpu_s_per_signal_hour"))
        lines.append(
            f"| [{one.task}](#{one.task}) | {TASKS[one.task]} | {one.day}"
            f" | {_commit(one, one.task in fresh)} | {'' if cpu is None else f'{cpu:.2g}'} |"
        )
    left_out = [task for task in TASKS if task not in {one.task for one in found}]
    if left_out:
        lines += ["", f"Not scored: {', '.join(left_out)}."]
    for one in found:
        lines += ["", f"## {one.task}", ""]
        wishes = [f"- {_wish(target, answers)}" for target in targets_of(one.task)]
        lines += [*wishes, ""] if wishes else []
        lines += [f"All: {total(one)}.", "", *_records(one.answer["rows"])]
    return "\n".join(lines) + "\n"


def _place(one: Kept) -> int:
    """Of a task on the page: where its first target stands."""
    named = [*(target.task for target in TARGETS), one.task]
    return named.index("ecg_classes" if one.task == UNSEEN_CLASSES else one.task)


def _commit(one: Kept, is_fresh: bool) -> str:
    said = f"{one.commit}, with changes" if one.is_changed else one.commit
    return said if is_fresh else f"{said}; changed since"


def _wish(target: Target, answers: Answers) -> str:
    peer = f"; best of others {target.peer}" if target.peer else ""
    unseen = _unseen(target, answers)
    beside = f" (unseen {unseen})" if unseen else ""
    return f"{target.what}: {_reached(target, answers)}{beside}, wanted {target.wish}{peer}"


def answers_of(found: Iterable[Kept]) -> Answers:
    return {one.task: one.answer["rows"] for one in found}


def total(one: Kept) -> str:
    """The last row, as a sentence."""
    last = one.answer["rows"][-1]
    shown = [f"{key} {cell(value)}" for key, value in list(last.items())[1:] if _is_shown(key)]
    return ", ".join(each for each in shown if not each.endswith(" "))


def _is_shown(key: str) -> bool:
    return not key.startswith("_") and key not in HIDDEN


def _records(rows: Rows) -> list[str]:
    """A table of all rows but the total; what is the same in all of them is said once."""
    records = rows[:-1] if len(rows) > 1 else rows
    columns = list(dict.fromkeys(key for row in records for key in row if _is_shown(key)))
    values = {key: {cell(row[key]) for row in records if key in row} for key in columns}
    same = [key for key in columns[1:] if len(values[key]) == 1 and len(records) > 2]
    said = [f"{key} {value}" for key in same for value in values[key] if value]
    columns = [key for key in columns if key not in same]
    lines = [f"In all: {', '.join(said)}.", ""] if said else []
    lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(cell(row.get(key)) for key in columns)} |" for row in records]
    return lines


def cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        known = number(value)
        if known is None:
            return ""
        if abs(known) < 1e-9:
            return "0"
        return f"{known:.0f}" if abs(known) >= 1_000 else f"{known:.4g}"
    return str(value).replace("|", "/")


def targets(found: Sequence[Kept]) -> str:
    """One table of all targets."""
    answers = answers_of(found)
    verdicts = [target.is_met(answers) for target in TARGETS]
    days = sorted({one.day for one in found})
    lines = [
        f"{verdicts.count(True)} of {len(TARGETS)} met, {verdicts.count(False)} missed"
        f"{_not_scored(verdicts)}. Scored {' to '.join(dict.fromkeys((days[0], days[-1])))},"
        " each at the commit that [figures.md](figures.md) names beside it."
        if days
        else "Nothing is scored.",
        *("", MARKS, ""),
        "| what | wanted | reached | unseen | best of others | | tried, limits |",
        "|---|---|---|---|---|---|---|",
    ]
    for target, verdict in zip(TARGETS, verdicts, strict=True):
        met = {True: "met", False: "**missed**", None: ""}[verdict]
        lines.append(
            f"| {target.what} | {target.wish} | {_reached(target, answers)}"
            f" | {_unseen(target, answers)} | {target.peer} | {met} | {_link(target)} |"
        )
    return "\n".join((*lines, "", ELSEWHERE))


def _not_scored(verdicts: Sequence[bool | None]) -> str:
    missing = verdicts.count(None)
    return f", {missing} not scored" if missing else ""


def _reached(target: Target, answers: Answers) -> str:
    value = target.figure(answers)
    if value is None:
        return "not scored"
    return f"{_figure(target, value)}{_mark(target.seen)}"


def _unseen(target: Target, answers: Answers) -> str:
    value = target.unseen_of(answers)
    if value is None:
        return ""
    figure = _figure(target, value)
    said = figure if callable(target.unseen) else f"*{figure}*"
    return f"{said}{_mark(target.unseen_seen)}"


def _mark(seen: Seen) -> str:
    return "" if seen is Seen.NO else f" **{seen.value}**"


def _figure(target: Target, value: float) -> str:
    digits = f"{value:.4g}" if abs(value) >= 10 or target.unit != "%" else f"{value:.3g}"
    return f"{digits}{target.with_unit}"


def _link(target: Target) -> str:
    return f"[{target.page.removesuffix('.md').rpartition('/')[2]}]({target.page})"
