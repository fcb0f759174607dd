"""Breaths whose volumes are known by formula."""

from typing import Any

import numpy as np
import pytest

from services.dsp.core.spirometry import finder
from services.dsp.core.spirometry.blow import Blow, measure
from shared.contracts.forced_breaths import Fault, faults
from shared.contracts.measures import Measure
from tests.unit.services.dsp.bodies import FLOW_HZ as RATE_HZ
from tests.unit.services.dsp.bodies import (
    FVC,
    PEF,
    RISE_S,
    TAU_S,
    breath,
    quiet_breathing,
    rest,
    session,
)

Floats = Any


def run(flow: Floats, *, begin: int = 0, rate_hz: int = RATE_HZ) -> list[tuple[int, int, Blow]]:
    state = finder.init(len(flow), rate_hz)
    found = []
    for second in range(begin, flow.shape[1] // rate_hz):
        state, blows = finder.advance(state, flow[:, second * rate_hz : (second + 1) * rate_hz])
        found += [(second, row, blow) for row, blow in blows]
    return found


def test_a_breath_has_the_volumes_of_its_formula() -> None:
    blow = measure(np.concatenate((np.zeros(100), breath(), np.zeros(200))), RATE_HZ)
    assert blow is not None
    assert blow.fvc == pytest.approx(FVC, rel=0.001)
    # The tangent at the highest flow meets zero volume half a rise after the start.
    first = RISE_S / 2 + 1 - RISE_S
    assert blow.fev1 == pytest.approx(FVC - PEF * TAU_S * np.exp(-first / TAU_S), rel=0.003)
    assert blow.pef == pytest.approx(PEF, rel=0.02)
    # Flow falls with the volume that is left: by half of it, half the flow.
    left = 0.5 * FVC
    assert blow.fef50 == pytest.approx(left / TAU_S, rel=0.02)
    assert blow.fef25 > blow.fef25_75 > blow.fef75
    assert faults(blow.how_blown) == ()
    assert blow.lasted_s == pytest.approx(6 - RISE_S / 2, abs=0.01)


@pytest.mark.parametrize("zero", [-0.02, 0.0, 0.015])
def test_the_zero_of_the_sensor_is_taken_off(zero: float) -> None:
    found = run(session(zero)[None])
    assert len(found) == 1
    blow = found[0][2]
    assert blow.zero == pytest.approx(zero, abs=0.002)
    assert blow.fvc == pytest.approx(FVC, rel=0.01)
    assert blow.pef == pytest.approx(PEF, rel=0.02)


def test_each_breath_is_told_once_soon_and_as_a_reading() -> None:
    two = np.concatenate((session(), session(seed=1), np.zeros(800)))[None]
    found = run(two)
    assert [second for second, _, _ in found] == sorted({second for second, _, _ in found})
    assert len(found) == 2
    assert found[0][0] <= 10 + 6 + 4
    state = finder.init(1, RATE_HZ)
    values = []
    for second in range(found[0][0] + 1):
        block = two[:, second * RATE_HZ : (second + 1) * RATE_HZ]
        state, out = finder.step(state, block, np.array([second * 1_000_000]))
        values.append({r.measure: (r.value[0], r.quality[0], r.coverage[0]) for r in out.readings})
    assert all(not any(told[2] for told in each.values()) for each in values[:-1])
    assert values[-1][Measure.PEF][0] == pytest.approx(60 * PEF, rel=0.02)
    assert values[-1][Measure.FVC][1] > 0.9


@pytest.mark.parametrize(
    "flow",
    [
        np.full(3000, np.nan),
        np.zeros(3000),
        np.full(3000, 14.0),
        quiet_breathing(30),
        -session()[:2400],
        10 * np.sin(np.arange(3000) * 2.9),
        breath(3, pef=0.8),
    ],
    ids=["nothing", "flat", "stuck", "quiet", "sign", "mains", "weak"],
)
def test_what_is_no_forced_breath_gives_nothing(flow: Floats) -> None:
    assert run(flow[None]) == []


@pytest.mark.parametrize(("first", "end"), [(1020, 1030), (1095, 1100), (1120, 1180), (1150, 1400)])
def test_a_breath_with_a_hole_is_none(first: int, end: int) -> None:
    """However long, and however long after it the flow is still above the noise."""
    flow = session()
    flow[first:end] = np.nan
    assert run(flow[None]) == []


def test_forgets_and_stands_alone() -> None:
    flow = np.stack([np.roll(session(seed=k), 130 * k) for k in range(4)])
    flow = np.concatenate((rest(40)[None] + 0 * flow[:, :1], flow), axis=1)
    whole = run(flow)
    later = run(flow, begin=8)
    assert later == [each for each in whole if each[0] >= 8]
    for row in range(4):
        alone = run(flow[row : row + 1])
        assert [(s, b) for s, _, b in alone] == [(s, b) for s, r, b in whole if r == row]


def test_a_hesitant_start_and_a_cough_are_not_acceptable() -> None:
    slow = np.concatenate((np.zeros(100), np.full(60, 0.6), breath(), np.zeros(200)))
    hesitant = measure(slow, RATE_HZ)
    assert hesitant is not None
    assert faults(hesitant.how_blown) == (Fault.SLOW_START,)
    cough = breath()
    cough[30:40] = 0.3
    blow = measure(np.concatenate((np.zeros(100), cough, np.zeros(200))), RATE_HZ)
    assert blow is not None
    assert faults(blow.how_blown) == (Fault.COUGH,)
    short = measure(np.concatenate((np.zeros(100), breath(0.7), -breath(3))), RATE_HZ)
    assert short is not None
    assert faults(short.how_blown) == (Fault.EARLY_END,)
    assert faults(short.how_blown, largest_before=short.fvc + 0.14) == ()
    assert faults(short.how_blown, largest_before=short.fvc + 0.16) == (Fault.EARLY_END,)


@pytest.mark.parametrize("step", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.85])
def test_a_breath_beyond_the_range_of_the_sensor_is_withheld(share: float, step: float) -> None:
    """Its volume is what the sensor let through; steps are those of its converter."""
    flow = session()
    whole, cut = flow.copy(), np.minimum(flow, share * PEF)
    if step:
        whole, cut = (np.rint(each / step) * step for each in (whole, cut))
    ((_, _, blow),) = run(whole[None])
    assert not blow.is_cut_off
    ((second, _, blow),) = run(cut[None])
    assert blow.is_cut_off
    state = finder.init(1, RATE_HZ)
    qualities = []
    for at in range(second + 1):
        block = cut[None, at * RATE_HZ : (at + 1) * RATE_HZ]
        state, out = finder.step(state, block, np.array([at * 1_000_000]))
        qualities += [reading.quality[0] for reading in out.readings]
    assert 0 < max(qualities) < 0.5
