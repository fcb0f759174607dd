"""Streams of one device that meet in one estimator."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dsp.core import estimators, lane
from services.dsp.core.estimator import Companion, Estimator
from services.dsp.core.lane import Computed, LateSamples
from services.dsp.core.outputs import Finding, Output, Reading
from services.dsp.core.recomputation import recompute
from shared.contracts.events import EventKind
from shared.contracts.frames import Frame
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from shared.contracts.streams import Stream
from tests.unit.services.dsp.core.test_lane import START_US, read, rows, stream_of

DURATION_S = 30
SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    unused: Any


def init(devices: int, _rate_hz: int) -> Nothing:
    return Nothing(unused=np.zeros(devices))


def reading(value: Any) -> Reading:
    known = np.isfinite(value).astype(float)
    return Reading(Measure.TEMPERATURE, Method.TEMPERATURE_SENSOR, value, known, known + 0.01)


def both(state: Nothing, samples: Any, times: Any) -> tuple[Nothing, Output]:
    """The mean of the main stream and a tenth of the mean of what accompanies it."""
    main, beside = samples
    assert main.shape[1:] == (50,)
    assert beside.shape[1:] == (2, 10)
    with np.errstate(invalid="ignore"):
        seen = np.nan_to_num(beside[:, 0].mean(axis=1), nan=0.0)
    value = main.mean(axis=1) + seen / 10
    finding = Finding(0, EventKind.STATUS_CHANGED, int(times[0]), name="high")
    return state, Output((reading(value),), findings=(finding,) if value[0] > 31.5 else ())


def first(state: Nothing, samples: Any, _times: Any) -> tuple[Nothing, Output]:
    return state, Output((reading(samples.mean(axis=1)),))


def second(state: Nothing, _samples: Any, _times: Any, before: Output) -> tuple[Nothing, Output]:
    value = before.readings[0].value + 1
    return state, Output((reading(value)._replace(method=Method.DEVICE),))


def row(key: str, step: Any, **more: Any) -> Estimator:
    return Estimator(
        key=key, stream=Stream.IMPEDANCE, n_channels=1, rates_hz=(50, 50), delay_s=0,
        measures=(Measure.TEMPERATURE,), memory_s=0, init=init, step=step, **more,
    )  # fmt: skip


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A table of one's own for the time of a test."""
    estimators.chains_for.cache_clear()
    monkeypatch.setitem(estimators.MOST_CHANNELS, int(Stream.FLOW), 2)
    is_computed = lane.IS_COMPUTED.copy()
    is_computed[Stream.FLOW] = True
    monkeypatch.setattr(lane, "IS_COMPUTED", is_computed)
    yield monkeypatch
    estimators.chains_for.cache_clear()


@pytest.fixture
def joined(table: pytest.MonkeyPatch) -> None:
    beside = Companion(stream=Stream.FLOW, n_channels=2, rate_hz=10)
    table.setattr(estimators, "ESTIMATORS", (row("both", both, companions=(beside,)),))


def main_and_beside() -> tuple[list[Frame], list[Frame]]:
    """A main stream of 30, 30.1, 30.2 .. and one of 10 and 20 in turns that accompanies it."""
    n = DURATION_S * 50
    values = 30 + np.repeat(np.arange(DURATION_S) / 10, 50)[None]
    main = stream_of(1, Stream.IMPEDANCE, 50, values + 0.002 * (np.arange(n) % 2), scale=0.001)
    square = np.where(np.arange(DURATION_S * 40) // 40 % 2 == 0, 10.0, 20.0)
    wave = 0.01 * (np.arange(DURATION_S * 40) % 2)
    two = np.array([square + wave, square - wave])
    beside = stream_of(1, Stream.FLOW, 40, two, scale=0.01, shift_us=0)
    return main, [one._replace(n=one.n + 1000) for one in beside]


def run(frames: list[Frame], cuts: list[int], *, asked: set[int]) -> list[Computed]:
    signals, computed = lane.LaneSignals(), []
    edges = [0, *sorted(set(cuts)), len(frames)]
    for number, (start, end) in enumerate(pairwise(edges)):
        for one in frames[start:end]:  # a message holds one frame here
            signals.take(read([one]))
        if number in asked:
            computed.append(signals.compute())
    computed.append(signals.compute())
    return computed


def told(computed: list[Computed]) -> dict[int, float]:
    """Value by the second that it speaks of."""
    return {
        int(one["t"] - START_US) // SECOND_US: round(float(one["value"]), 2)
        for each in computed
        for part in each.vitals
        for one in part
    }


def late_of(computed: list[Computed]) -> list[LateSamples]:
    return [late for each in computed for late in each.late]


def with_clock(frames: list[Frame]) -> list[Frame]:
    """In order of arrival, with another device whose frames let time pass."""
    ticks = stream_of(2, Stream.IMPEDANCE, 50, 30 + np.zeros((1, 2000)), scale=0.001)
    return sorted([*frames, *ticks], key=lambda one: (one.received, one.device, one.n))


def of_one(computed: list[Computed]) -> list[Computed]:
    return [
        Computed(
            vitals=[part[part["device"] == 1] for part in each.vitals],
            events=each.events, late=each.late,
        )
        for each in computed
    ]  # fmt: skip


@pytest.mark.usefixtures("joined")
def test_seconds_of_both_meet() -> None:
    main, beside = main_and_beside()
    computed = of_one(run(with_clock(main + beside), [], asked=set()))
    values = told(computed)
    assert values[1] == pytest.approx(31.0)
    assert values[2] == pytest.approx(32.1)
    assert len(values) == DURATION_S
    assert {event.data["name"] for each in computed for event in each.events} >= {"high"}
    assert not late_of(computed)


@pytest.mark.usefixtures("joined")
def test_who_never_comes_is_not_waited_for_and_who_stops_is_for_a_while() -> None:
    main, beside = main_and_beside()
    alone = told(of_one(run(with_clock(main), [], asked=set())))
    assert alone[5] == pytest.approx(30.4)
    stops = told(of_one(run(with_clock(main + beside[:10]), [], asked=set())))
    assert stops[9] == pytest.approx(30.8 + 1.0)
    assert stops[12] == pytest.approx(31.1)


@pytest.mark.usefixtures("joined")
@given(
    cuts=st.lists(st.integers(1, 2 * DURATION_S), max_size=12),
    asked=st.sets(st.integers(0, 12)),
    delays=st.lists(st.integers(0, 4_500_000), min_size=DURATION_S, max_size=DURATION_S),
    lost=st.sets(st.integers(0, DURATION_S - 1), max_size=14),
)
@settings(deadline=None, max_examples=40, derandomize=True)
def test_moments_do_not_matter_and_what_comes_too_late_is_noted(
    cuts: list[int], asked: set[int], delays: list[int], lost: set[int]
) -> None:
    main, beside = main_and_beside()
    shifted = [
        one._replace(received=one.received + delay)
        for number, (one, delay) in enumerate(zip(beside, delays, strict=True))
        if number not in lost
    ]
    frames = with_clock(main + shifted)
    plain = run(frames, [], asked=set())
    again = run(frames, cuts, asked=asked)
    assert rows(again) == rows(plain)
    assert late_of(again) == late_of(plain)
    assert {event.id for each in again for event in each.events} == {
        event.id for each in plain for event in each.events
    }
    undisturbed = recompute(read(main + shifted), only=int(Stream.IMPEDANCE))
    final, live = told([undisturbed]), told(of_one(plain))
    noted = [(late.start_us, late.end_us) for late in late_of(plain)]
    for at in live.keys() & final.keys():
        begin = START_US + (at - 1) * SECOND_US
        if live[at] != final[at]:
            assert any(start < begin + SECOND_US and end > begin for start, end in noted), at


def test_one_estimator_builds_on_another(table: pytest.MonkeyPatch) -> None:
    rows_of_table = (row("first", first), row("second", second, after="first"))
    table.setattr(estimators, "ESTIMATORS", rows_of_table)
    main, _ = main_and_beside()
    computed = run(main, [], asked=set())
    by_method = {
        int(method): told(
            [Computed(vitals=[p[p["method"] == method] for p in one.vitals]) for one in computed]
        )
        for method in (Method.TEMPERATURE_SENSOR, Method.DEVICE)
    }
    assert by_method[Method.TEMPERATURE_SENSOR][7] == pytest.approx(30.6)
    assert by_method[Method.DEVICE][7] == pytest.approx(31.6)
