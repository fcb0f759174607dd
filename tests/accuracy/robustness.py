"""The page of false confidence: ``python -m tests.accuracy.robustness [RECORDINGS]``.

What is counted is told in `false_confidence`; the scenes are made ones, and recorded ones where
recordings lie beside the repository.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from deploy.local.layout import PROJECT
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import METHODS
from tests.accuracy import overview
from tests.accuracy.disturbances import DISTURBANCES
from tests.accuracy.false_confidence import (
    BEGIN_S,
    DURATION_S,
    Cell,
    Result,
    examine,
    false_percent,
    is_knowable,
)
from tests.accuracy.kept import folder_of_now
from tests.accuracy.recorded_scenes import recorded_scenes
from tests.accuracy.scenes import Scene, made_scenes, some_people, without_a_scene
from tests.accuracy.tolerances import TOLERANCES, UNKNOWABLE

PAGE = PROJECT / "docs/science/robustness.md"
PEOPLE = 3
ABOUT = f"""\
`make accuracy` writes this page (`tests/accuracy/robustness.py`). Every row of the table of
estimators runs in a lane, as in life, over good signals that are disturbed from second {BEGIN_S}
of {DURATION_S} on, in {len(DISTURBANCES)} ways, beside the same signals left alone. Made signals
have a known truth ({PEOPLE} people each); recorded ones (as many people) their references.
**False** is a value that a page would show (quality at least that of its measure) and that is
off by more than the tolerance below, of all values that the undisturbed run tells in that time; of
noise and of absent signals every number is false. Wanted: under 1 %. Of recordings, what is wrong
undisturbed is counted too: pulses by intervals on wrists that run are wrong without our doing.

In brackets: how many of the values due were shown at all. Where a signal holds nothing (stuck,
flat, gone), that nothing moves (0 steps, nobody there, no effort) is a right answer. The amount
of movement is true of noise by its definition and not judged there, nor is the time since the
last breath where the chest stands still.
"""


def page(made: Sequence[Result], recorded: Sequence[Result], day: str, command: str) -> str:
    """The page: sums, then a table a scene."""
    everything = _cells(made) + _cells(recorded)
    cells = [cell for cell in everything if is_knowable(cell)]
    failures = [one for result in (*made, *recorded) for one in result.failures]
    lines = [
        "# Robustness: how often a shown number is wrong",
        "",
        f"{day}, `{command}`.\n\n{ABOUT}",
    ]
    lines += [
        _over_all(cells, everything, failures),
        "",
        "## By disturbance",
        "",
        "| disturbance | made: false, sure % (shown) | recorded | new findings an hour |",
        "|---|---:|---:|---|",
    ]
    for each in DISTURBANCES:
        parts = [
            _percent([cell for cell in _knowable(results) if cell.disturbance == each.name])
            for results in (made, recorded)
        ]
        lines.append(
            f"| {each.name} | {' | '.join(parts)} | {_found((*made, *recorded), each.name)} |"
        )
    for title, results in (("made signals", made), ("recordings", recorded)):
        if results:
            lines += ["", f"## By measure: {title}", "", *_by_measure(_cells(results))]
    lines += ["", "## What is above 1 %, by what is sure", "", *_above(cells)]
    lines += ["", "## What no signal can tell", "", *_unknowable(everything)]
    lines += ["", "## Tolerances", "", *_tolerances({cell.measure for cell in cells})]
    return "\n".join(lines) + "\n"


def _over_all(cells: Sequence[Cell], everything: Sequence[Cell], failures: Sequence[str]) -> str:
    said = (
        f"**Over all: {false_percent(cells):.2f} % false, {_sure_percent(cells):.2f} % false and"
        f" sure** (quality of 0.7 and more: shown without a mark of doubt), of {_due(cells):,}"
        " values; with what no signal can tell (below) and with the published radar chain, which"
        f" always answers: {false_percent(everything):.2f} and {_sure_percent(everything):.2f} %."
    )
    return f"{said} Exceptions: {len(failures)}{''.join(f', {one}' for one in failures)}."


def _cells(results: Iterable[Result]) -> list[Cell]:
    return [cell for result in results for cell in result.cells]


def _knowable(results: Iterable[Result]) -> list[Cell]:
    return [cell for cell in _cells(results) if is_knowable(cell)]


def _due(cells: Iterable[Cell]) -> int:
    return sum(cell.due for cell in cells)


def _sure_percent(cells: Sequence[Cell]) -> float:
    return 100 * sum(cell.sure for cell in cells) / max(sum(cell.due for cell in cells), 1)


def _percent(cells: Sequence[Cell]) -> str:
    if not sum(cell.due for cell in cells):
        return ""
    told = 100 * sum(cell.told for cell in cells) / sum(cell.due for cell in cells)
    false, sure = false_percent(cells), _sure_percent(cells)
    shown = "0" if false == 0 else f"{false:.2f}, {sure:.2f}"
    return f"{f'**{shown}**' if sure >= 1 else shown} ({told:.0f})"


def _found(results: Iterable[Result], disturbance: str) -> str:
    """Findings that the undisturbed run does not have, of all scenes."""
    names: Counter[str] = Counter()
    hours = 0.0
    for result in results:
        names.update(result.findings.get(disturbance, ()))
        hours += result.hours.get(disturbance, 0.0)
    return ", ".join(f"{name} {n / hours:.1f}" for name, n in names.most_common(4)) if hours else ""


def _by_measure(cells: Sequence[Cell]) -> list[str]:
    lines = ["| scene | measure | false, sure % (shown) | worst |", "|---|---|---:|---|"]
    keys = dict.fromkeys((cell.scene, cell.measure, cell.method) for cell in cells)
    for scene, measure, method in keys:
        mine = [
            one for one in cells if (one.scene, one.measure, one.method) == (scene, measure, method)
        ]
        worst = max(mine, key=lambda one: false_percent([one]))
        at = f"{worst.disturbance}: {false_percent([worst]):.1f} %" if worst.wrong else ""
        name = f"`{MEASURES[measure].key}`, {METHODS[method].key}"
        lines.append(f"| {scene} | {name} | {_percent(mine)} | {at} |")
    return lines


def overview_part(results: Sequence[Result], day: str) -> str:
    """What stands out, for the overview: measures that are often false and sure, over all."""
    everything = _cells(results)
    cells = [cell for cell in everything if is_knowable(cell)]
    failures = [one for result in results for one in result.failures]
    keys = dict.fromkeys((cell.measure, cell.method) for cell in cells)
    rows = []
    for key in keys:
        mine = [cell for cell in cells if (cell.measure, cell.method) == key]
        by_kind = {
            one.name: [cell for cell in mine if cell.disturbance == one.name]
            for one in DISTURBANCES
        }
        worst = sorted(by_kind, key=lambda name: -_sure_percent(by_kind[name]))[:3]
        said = ", ".join(
            f"{name} {_sure_percent(by_kind[name]):.0f} %"
            for name in worst
            if _sure_percent(by_kind[name]) >= 1
        )
        name = f"`{MEASURES[key[0]].key}`, {METHODS[key[1]].key}"
        rows.append((_sure_percent(mine), f"| {name} | {_percent(mine)} | {said} |"))
    bad = [row for sure, row in sorted(rows, reverse=True) if sure >= 1]
    intro = (
        f"{day}. {_over_all(cells, everything, failures)} The goal: below 1 %. {len(bad)} of"
        f" {len(rows)} ways to a measure are false and sure more often:"
    )
    head = ("| measure | false, sure % (shown) | sure and false where |", "|---|---:|---|")
    return "\n".join((intro, "", *head, *bad))


def _above(cells: Sequence[Cell]) -> list[str]:
    """Cells that are above the aim, worst first."""
    bad = sorted((one for one in cells if false_percent([one]) >= 1), key=_badness)
    if not bad:
        return ["Nothing."]
    lines = ["| scene | measure | disturbance | due | shown | false | of them sure |",
             "|---|---|---|---:|---:|---:|---:|"]  # fmt: skip
    lines += [
        f"| {one.scene} | `{MEASURES[one.measure].key}` | {one.disturbance} | {one.due}"
        f" | {one.told} | {one.wrong} | {one.sure} |"
        for one in bad
    ]
    return lines


def _unknowable(cells: Sequence[Cell]) -> list[str]:
    """What is counted apart, and why."""
    lines = ["| disturbance | measure | false % | why |", "|---|---|---:|---|"]
    for name, measures in UNKNOWABLE.items():
        for measure, why in measures.items():
            mine = [one for one in cells if (one.disturbance, one.measure) == (name, measure)]
            key = MEASURES[measure].key
            lines.append(f"| {name} | `{key}` | {false_percent(mine):.1f} | {why} |")
    return lines


def _badness(cell: Cell) -> tuple[float, str]:
    return -cell.sure / max(cell.due, 1), cell.scene


def _tolerances(measures: set[Measure]) -> list[str]:
    lines = ["| measure | within | from |", "|---|---|---|"]
    for measure in sorted(measures):
        row, tolerance = MEASURES[measure], TOLERANCES[measure]
        within = f"{tolerance.absolute:g} {row.unit if row.unit != '1' else ''}".strip()
        if tolerance.share:
            within += f" or {100 * tolerance.share:g} %"
        lines.append(
            f"| `{row.key}` | {within if tolerance.absolute else 'the same'} | {tolerance.source} |"
        )
    return lines


def examined(scene: Scene, kept: Path) -> Result:
    """The result of a scene; from a file where it was kept."""
    file = kept / f"{scene.name.replace(' ', '-')}.json"
    if file.is_file():
        return msgspec.json.decode(file.read_bytes(), type=Result)
    began_s = time.process_time()
    result = examine(scene)
    used_s = time.process_time() - began_s
    print(f"{scene.name:32s} {used_s:5.1f} s  {false_percent(result.cells):5.2f} %", flush=True)
    beside = file.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(result))
    beside.replace(file)
    return result


def _recorded(folder: Path | None) -> list[Scene]:
    return [some_people(scene, PEOPLE) for scene in recorded_scenes(folder, DURATION_S)]


def main() -> int:
    """Examine all scenes, write the page; gives 1 when something raised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", type=Path, nargs="?", help="folder of the data sets")
    parser.add_argument("--kept", type=Path, help="folder: what is there is not run again")
    parser.add_argument("--only", help="beginning of the name of the scenes to run; no page")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write")
    parser.add_argument("--overview", type=Path, default=overview.PAGE, help="of all pages")
    options = parser.parse_args()
    if options.kept is None:
        options.kept = folder_of_now("robustness", options.recordings)
    options.kept.mkdir(parents=True, exist_ok=True)
    made = made_scenes(DURATION_S, PEOPLE)
    missing = without_a_scene(made)
    if missing:
        parser.error(f"no scene runs {', '.join(sorted(missing))}")
    if options.only:
        mine = [scene for scene in made if scene.name.startswith(options.only)]
        for scene in mine or _recorded(options.recordings):
            if scene.name.startswith(options.only):
                examined(scene, options.kept)
        return 0
    recorded = _recorded(options.recordings)
    results = [[examined(scene, options.kept) for scene in each] for each in (made, recorded)]
    command = "make accuracy" + (" RECORDINGS=folder" if options.recordings else "")
    day = time.strftime("%Y-%m-%d")
    options.page.write_text(page(results[0], results[1], day, command))
    overview.put("false numbers", overview_part([*results[0], *results[1]], day), options.overview)
    print(f"written: {options.page}")
    return 1 if any(result.failures for group in results for result in group) else 0


if __name__ == "__main__":
    sys.exit(main())
