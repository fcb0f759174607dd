"""How often a number is shown that is wrong, by estimator and disturbance: ``robustness.md``.

    python -m tests.accuracy.robustness [RECORDINGS]

Each scene runs through a lane, as in life: once undisturbed and once for each disturbance, as
devices side by side. What counts is what a page would show: a value whose quality is at least
that of its measure. It is wrong when it is farther from the truth than the measure's tolerance.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.emission import VALID_FROM
from services.dsp.core.lane import LaneSignals
from shared.contracts.events import Event, EventKind
from shared.contracts.frames import FRAME, FrameBatch, SampleFormat
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from shared.contracts.quality import Validity
from tests.accuracy.disturbances import DISTURBANCES, Disturbance, applies, disturbed
from tests.accuracy.scenes import Scene, Sent
from tests.accuracy.tolerances import (
    BY_DEFINITION,
    NOTHING_MOVES,
    STILL,
    TOLERANCES,
    TREMBLING,
    UNKNOWABLE,
    Tolerance,
)
from tests.unit.services.dsp.signals import START_S

Floats = NDArray[np.float64]
SECOND_US = 1_000_000
LATENCY_US = 80_000
MOST_PEOPLE = 64
BEGIN_S, DURATION_S = 80, 200
TECHNICAL = frozenset(
    {EventKind.LEAD_OFF, EventKind.LEAD_ON, EventKind.SAMPLES_MISSING, EventKind.SENSOR_FAULT}
)
NEAR_S, STEADY_S = 5.0, 12.0
SAME_EVENT_S = 15.0
SMALL = 1e-6
Series = dict[tuple[int, Measure, Method], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One measure of one scene under one disturbance.

    Attributes
    ----------
    due : values that the undisturbed run tells in that time
    told : shown, where the truth is known
    wrong : shown and wrong
    sure : of the wrong ones those without a mark of doubt
    """

    scene: str
    measure: Measure
    method: Method
    disturbance: str
    due: int
    told: int
    wrong: int
    sure: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one scene."""

    cells: list[Cell]
    failures: list[str]
    findings: dict[str, list[str]]
    hours: dict[str, float]


class _Ran(NamedTuple):
    series: Series
    events: list[Event]


def examine(
    scene: Scene, *, begin_s: int = BEGIN_S, seconds: int = DURATION_S
) -> Result:  # fmt: skip
    """Run a scene undisturbed and under all that can happen to it."""
    chosen = [each for each in DISTURBANCES if applies(each, scene)]
    variants = [[one._replace(samples=one.samples[:, :, : seconds * one.rate_hz])
                 for one in (scene.main, *scene.beside)]]  # fmt: skip
    variants += [disturbed(scene, each, begin_s, seconds) for each in chosen]
    crowding = [1.0, *(each.crowding for each in chosen)]
    failures: list[str] = []
    try:
        ran = _run(variants, crowding, seconds, scene)
    except Exception:  # noqa: BLE001  # to be told which, below
        ran = _one_by_one(scene, variants, crowding, seconds, chosen, failures)
    cells: list[Cell] = []
    findings: dict[str, list[str]] = {}
    hours: dict[str, float] = {}
    for number, disturbance in enumerate(chosen, 1):
        if disturbance.name in failures:
            continue
        cells += _cells(scene, disturbance, number, ran.series, begin_s, seconds)
        findings[disturbance.name] = _new_findings(ran.events, number, begin_s)
        hours[disturbance.name] = len(scene.main.samples) * (seconds - begin_s) / 3600
    return Result(
        cells=cells,
        failures=[f"{scene.name}, {name}" for name in failures],
        findings=findings,
        hours=hours,
    )


def _one_by_one(
    scene: Scene, variants: Sequence[list[Sent]], crowding: Sequence[float], seconds: int,
    chosen: Sequence[Disturbance], failures: list[str],
) -> _Ran:  # fmt: skip
    ran = _run(variants[:1], crowding[:1], seconds, scene)
    for number, disturbance in enumerate(chosen, 1):
        try:
            alone = _run([variants[number]], [crowding[number]], seconds, scene, first=number)
        except Exception:  # noqa: BLE001  # counted
            failures.append(disturbance.name)
            continue
        ran.series.update(alone.series)
        ran.events.extend(alone.events)
    return ran


def _run(
    variants: Sequence[list[Sent]], crowding: Sequence[float], seconds: int,
    scene: Scene, *, first: int = 0,
) -> _Ran:  # fmt: skip
    """All variants of a scene through one lane, a second at a time."""
    lane, tables, events = LaneSignals(circumstances=scene.circumstances), [], []
    for second in range(seconds):
        lane.take(_message(variants, crowding, second, first, scene.flags))
        computed = lane.compute()
        tables += computed.vitals
        events += [event for event in computed.events if event.kind not in TECHNICAL]
    series: Series = {}
    if tables:
        told = np.concatenate(tables)
        columns = ("device", "measure", "method")
        order = np.lexsort((told["t"], *(told[name] for name in columns)))
        told = told[order]
        keys = np.stack([told[name].astype(np.int64) for name in columns], axis=1)
        starts = np.flatnonzero(np.r_[True, (np.diff(keys, axis=0) != 0).any(axis=1)])
        for begin, end in zip(starts, [*starts[1:], len(told)], strict=True):
            device, measure, method = keys[begin].tolist()
            series[device, Measure(measure), Method(method)] = told[begin:end]
    return _Ran(series, events)


def _message(
    variants: Sequence[list[Sent]], crowding: Sequence[float], second: int, first: int, flags: int
) -> FrameBatch:
    rows, parts, start = [], [], 0
    t0 = (START_S + second) * SECOND_US
    for number, (sent, dense) in enumerate(zip(variants, crowding, strict=True), first):
        for one in sent:
            n = one.rate_hz
            block = _crowded(one, second, dense) if dense != 1.0 else (
                one.samples[:, :, second * n : (second + 1) * n]
            )  # fmt: skip
            for person, values in enumerate(block):
                if np.isnan(values).all():
                    continue
                octets = np.ascontiguousarray(values.T, dtype="<f4").tobytes()
                rows.append((
                    number * MOST_PEOPLE + person + 1, 1, second, 0, one.stream, t0,
                    round(1e9 / n), t0 + SECOND_US + LATENCY_US, flags, len(values),
                    SampleFormat.FLOAT32, one.place, 1.0, 0.0, start, len(octets),
                ))  # fmt: skip
                parts.append(octets)
                start += len(octets)
    if not rows:  # nobody sends: time goes on with the next
        return FrameBatch(_nothing(t0), memoryview(b""))
    return FrameBatch(np.array(rows, dtype=FRAME), memoryview(b"".join(parts)))


def _nothing(t0: int) -> NDArray[Any]:
    """A frame of nobody, of a stream from which nothing is computed."""
    table = np.zeros(1, dtype=FRAME)
    table["stream"], table["received"], table["t0"] = 8, t0 + SECOND_US + LATENCY_US, t0
    table["format"], table["channels"] = SampleFormat.FLOAT32, 1
    return table


def _crowded(one: Sent, second: int, dense: float) -> Floats:
    """A second in more or fewer samples than its rate says."""
    place = (second + np.arange(round(one.rate_hz * dense)) / (one.rate_hz * dense)) * one.rate_hz
    known = np.arange(one.samples.shape[2])
    return np.array([[np.interp(place, known, row) for row in rows] for rows in one.samples])


def _cells(
    scene: Scene, disturbance: Disturbance, number: int, series: Series, begin_s: int, seconds: int
) -> Iterator[Cell]:
    clean = {key[1:] for key in series if key[0] <= MOST_PEOPLE}
    for measure, method in sorted(key for key in clean if key[0] in scene.judged):
        due = told = wrong = sure = 0
        for person in range(len(scene.main.samples)):
            twin = _within(series.get((person + 1, measure, method)), begin_s, seconds)
            mine = _within(
                series.get((number * MOST_PEOPLE + person + 1, measure, method)), begin_s, seconds
            )
            due += 0 if twin is None else len(twin)
            if mine is None:
                continue
            mine = mine[mine["validity"] != Validity.ABSENT]
            right, known = _right(scene, disturbance, measure, person, mine, twin, begin_s)
            told += int(known.sum())
            wrong += int((known & ~right).sum())
            sure += int((known & ~right & (mine["quality"] >= VALID_FROM)).sum())
        yield Cell(
            scene=scene.name, measure=measure, method=method, disturbance=disturbance.name,
            due=due, told=told, wrong=wrong, sure=sure,
        )  # fmt: skip


def _within(rows: Any, begin_s: int, seconds: int) -> Any:
    if rows is None:
        return None
    at = (rows["t"] / SECOND_US) - START_S
    return rows[(at > begin_s) & (at <= seconds)]


def _right(
    scene: Scene, disturbance: Disturbance, measure: Measure, person: int, mine: Any, twin: Any,
    begin_s: int,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:  # fmt: skip
    """Which values are right, and of which it is known."""
    value = mine["value"].astype(np.float64)
    at = mine["t"] / SECOND_US - START_S
    is_held = measure is Measure.TIME_SINCE_BREATH and disturbance.name in STILL
    adds = disturbance.is_empty or disturbance.name in TREMBLING
    if is_held or (adds and measure in BY_DEFINITION):
        return value >= 0, np.zeros(len(value), dtype=np.bool_)
    if disturbance.is_alone:
        right = np.abs(value - NOTHING_MOVES.get(measure, np.nan)) < SMALL
        return right, np.ones(len(value), dtype=np.bool_)
    tolerance = TOLERANCES[measure]
    truth = scene.truth.get(measure)
    then = begin_s + disturbance.speed * (at - begin_s)
    if truth is None:
        wanted = _of_twin(twin, then, tolerance, is_steady=disturbance.speed != 1.0)
    elif truth.ndim == 1:
        wanted = np.full(len(value), truth[person])
    else:
        wanted = truth[person][np.clip(np.rint(then).astype(int), 0, truth.shape[1] - 1)]
    off = np.abs(value - wanted)
    right = off <= np.maximum(tolerance.absolute, tolerance.share * np.abs(wanted)) + SMALL
    if disturbance.is_empty and measure in NOTHING_MOVES:
        right |= np.abs(value - NOTHING_MOVES[measure]) < SMALL
    return right, np.isfinite(wanted)


def _of_twin(twin: Any, at_s: Floats, tolerance: Tolerance, *, is_steady: bool) -> Floats:
    """The undisturbed value nearest in time, within a few seconds; NaN where there is none.

    Where clocks differ windows do: then only what is steady counts.
    """
    wanted = np.full(len(at_s), np.nan)
    if twin is None or not len(at_s):
        return wanted
    shown = twin[twin["validity"] != Validity.ABSENT]
    if not len(shown):
        return wanted
    value = shown["value"].astype(np.float64)
    apart = np.abs(shown["t"][None, :] / SECOND_US - START_S - at_s[:, None])
    is_near = apart.min(axis=1) <= NEAR_S
    wanted[is_near] = value[apart.argmin(axis=1)][is_near]
    if is_steady:
        low = np.where(apart <= STEADY_S, value, np.inf).min(axis=1)
        high = np.where(apart <= STEADY_S, value, -np.inf).max(axis=1)
        wanted[~(high - low <= tolerance.absolute / 2)] = np.nan
    return wanted


def _new_findings(events: Sequence[Event], number: int, begin_s: int) -> list[str]:
    """What was found and was not found undisturbed at about that time."""

    def of(variant: int) -> list[tuple[int, str, float]]:
        base = variant * MOST_PEOPLE + 1
        return [
            (event.device - base, str(event.data.get("name") or event.kind.value),
             event.t / SECOND_US - START_S)
            for event in events
            if event.device is not None and base <= event.device < base + MOST_PEOPLE
            and not event.data.get("has_ended")
        ]  # fmt: skip

    known = of(0)
    return [
        name
        for person, name, at in of(number)
        if at > begin_s
        and not any(
            one == person and other == name and abs(when - at) <= SAME_EVENT_S
            for one, other, when in known
        )
    ]


def answers_of(
    scene: Scene, seconds: int, within: Mapping[tuple[Measure, Method], tuple[float, float]]
) -> dict[tuple[Measure, Method], tuple[Floats, NDArray[np.bool_]]]:
    """Quality of each shown value whose truth is known, and whether it is right.

    Parameters
    ----------
    within : by measure and method, absolute or as a share of the truth
    """
    sent = [
        one._replace(samples=one.samples[:, :, : seconds * one.rate_hz])
        for one in (scene.main, *scene.beside)
    ]
    series = _run([sent], [1.0], seconds, scene).series
    found: dict[tuple[Measure, Method], list[tuple[Floats, NDArray[np.bool_]]]] = {}
    for (device, measure, method), rows in series.items():
        limits, truth = within.get((measure, method)), scene.truth.get(measure)
        if limits is None or truth is None:
            continue
        shown = rows[rows["validity"] != Validity.ABSENT]
        at = np.rint(shown["t"] / SECOND_US - START_S).astype(int)
        of_person = truth[device - 1]
        wanted = of_person[np.clip(at, 0, truth.shape[1] - 1)] if truth.ndim > 1 else of_person
        off = np.abs(shown["value"] - wanted)
        right = off <= np.maximum(limits[0], limits[1] * np.abs(wanted)) + SMALL
        known = np.isfinite(off)
        pair = shown["quality"][known].astype(np.float64), right[known]
        found.setdefault((measure, method), []).append(pair)
    return {
        key: (np.concatenate([q for q, _ in each]), np.concatenate([r for _, r in each]))
        for key, each in found.items()
    }


def is_knowable(cell: Cell) -> bool:
    """Whether the signal can tell that a number would be wrong, and the way is ours."""
    return cell.method is not Method.RADAR_PUBLISHED and cell.measure not in UNKNOWABLE.get(
        cell.disturbance, {}
    )


def false_percent(cells: Sequence[Cell]) -> float:
    """Wrong values shown, of all that were due."""
    return 100 * sum(cell.wrong for cell in cells) / max(sum(cell.due for cell in cells), 1)
