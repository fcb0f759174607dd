"""The QRS complexes of a minute, and what is done in blocks of devices."""

import numpy as np
import pytest
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from services.dsp.core.respiration import from_ecg, likelihood, track
from services.dsp.core.respiration.from_ecg import APART, EDGE, KEPT_S, LOWEST, STEEP, TRACE_HZ
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

MORE = max(from_ecg.BLOCK, likelihood.BLOCK, track.BLOCK) + 3


def minutes() -> Floats:
    beats = [signals.beat_times(rate, KEPT_S, seed=k) for k, rate in enumerate((48, 75, 130))]
    rows = [signals.ecg(each, KEPT_S, TRACE_HZ, noise_mv=0.05, seed=k)
            for k, each in enumerate(beats)]  # fmt: skip
    return np.array(rows, dtype=np.float32)


@pytest.mark.parametrize("holes", [0, 5])
def test_complexes_are_where_a_minute_is_steepest(holes: int) -> None:
    """As the filters of another library find them, one after the other."""
    trace = minutes()
    trace[1, 30 * TRACE_HZ : 30 * TRACE_HZ + 60 * holes] = np.nan
    row, place, contrast = from_ecg.complexes(trace)
    known = np.nan_to_num(trace)
    steep = np.abs(np.diff(known, prepend=known[:, :1])).astype(np.float64)
    near_hole = maximum_filter1d(np.isnan(trace).astype(int), 2 * EDGE + 1, axis=1) > 0
    steep[near_hole] = 0
    steep = uniform_filter1d(uniform_filter1d(steep, STEEP, axis=1), STEEP, axis=1)
    usual = np.median(steep.reshape(3, -1, TRACE_HZ).max(axis=2), axis=1)
    summit = (steep == maximum_filter1d(steep, 2 * APART + 1, axis=1)) & ~near_hole
    summit &= steep > LOWEST * usual[:, None]
    summit[:, :EDGE] = summit[:, -EDGE:] = False
    wanted_row, near = np.nonzero(summit)
    np.testing.assert_array_equal(row, wanted_row)
    assert np.abs(place - near).max() <= -from_ecg.QRS[0]
    assert (contrast > from_ecg.CONTRAST[1]).all()


def test_devices_of_several_blocks_have_the_bits_of_each_alone() -> None:
    few = np.array([
        signals.ecg(signals.beat_times(rate, 40, seed=k), 40, 100, seed=k)
        for k, rate in enumerate((52.0, 80.0, 110.0))
    ])  # fmt: skip
    few[2, 3000:3050] = np.nan
    many = few[np.arange(MORE) % len(few)]
    told: list[tuple[Floats, ...]] = []
    for rows in (few, many):
        state, value = from_ecg.init(len(rows), 100), few[:, 0]
        for second in range(40):
            block = rows[:, second * 100 : (second + 1) * 100].copy()
            times = np.full(len(rows), (START_S + second) * SECOND_US)
            state, output = from_ecg.step(state, block, times)
            value = np.asarray(output.readings[0].value, dtype=np.float64)
        told.append((value, np.asarray(state.track.likely), np.asarray(state.track.certainty)))
    assert np.isfinite(told[0][0]).all()
    for alone, crowd in zip(*told, strict=True):
        np.testing.assert_array_equal(crowd, alone[np.arange(MORE) % len(few)])
