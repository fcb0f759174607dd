"""Beats that come too early, and look otherwise, are no breath."""

import numpy as np
import pytest

from services.dsp.core.respiration import from_ecg
from services.dsp.core.respiration.ectopy import ectopic
from services.dsp.core.windows import Rows
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

RATE_HZ = 250
DURATION_S = 150
SHOWN = 0.3  # least quality of a respiration rate


def beats(intervals: Floats) -> tuple[Rows, Floats]:
    """Of one device: row and interval before each, NaN of the first."""
    return np.zeros(len(intervals), dtype=np.intp), np.concatenate(([np.nan], intervals[1:]))


def test_a_premature_wide_beat_and_its_pause() -> None:
    row, interval = beats(np.array([0.8, 0.8, 0.65, 0.95, 0.8, 0.8]))
    area = np.array([1.0, 1.02, 1.6, 0.98, 1.0, 1.0])
    np.testing.assert_array_equal(np.flatnonzero(ectopic(row, interval, area, 1)), [2])
    # As early, and as all others look: a breath moves intervals so far in the young.
    assert not ectopic(row, interval, np.ones(6), 1).any()


def test_a_much_too_early_beat_of_the_atria() -> None:
    row, interval = beats(np.array([0.8, 0.8, 0.5, 1.1, 0.8, 0.8]))
    np.testing.assert_array_equal(np.flatnonzero(ectopic(row, interval, np.ones(6), 1)), [2])


def test_every_other_beat() -> None:
    """The usual area is that of beats that are not early, however many are."""
    row, interval = beats(np.tile([1.1, 0.7], 15))
    area = np.tile([1.0, 1.7], 15)
    found = ectopic(row, interval, area, 1)
    np.testing.assert_array_equal(found[1:-1], (area > 1.5)[1:-1])


def test_each_device_by_itself() -> None:
    row = np.repeat([0, 2], 6)
    interval = np.tile([np.nan, 0.8, 0.65, 0.95, 0.8, 0.8], 2)
    area = np.concatenate((np.array([1.0, 1.0, 1.6, 1.0, 1.0, 1.0]), np.full(6, 1.6)))
    np.testing.assert_array_equal(np.flatnonzero(ectopic(row, interval, area, 3)), [2])
    assert not ectopic(row[:0], interval[:0], area[:0], 3).any()


def lead(*, each: int, breath_per_min: float | None) -> Floats:
    """A heart of 78 /min of which each so-maniest beat is ventricular, early, with a pause."""
    rng = np.random.default_rng(each)
    t = np.arange(DURATION_S * RATE_HZ) / RATE_HZ
    x = 0.02 * rng.standard_normal(len(t))
    sinus_s = 0.5 + 60 / 78 * np.arange(int(DURATION_S * 78 / 60) - 1)
    sinus_s += 0.008 * rng.standard_normal(len(sinus_s))
    for number, beat_s in enumerate(sinus_s.tolist()):
        is_ventricular = number % each == each - 1
        at_s = beat_s - 0.25 * is_ventricular
        breath = 0.0
        if breath_per_min is not None:
            breath = 0.12 * np.sin(2 * np.pi * breath_per_min / 60 * at_s)
        waves = ((1.6, 0.0, 0.035), (-0.5, 0.25, 0.07)) if is_ventricular else (
            (0.12, -0.17, 0.025), (1.1, 0.0, 0.011), (-0.2, 0.026, 0.010), (0.28, 0.26, 0.05),
        )  # fmt: skip
        for height, after_s, width_s in waves:
            x += (1 + breath) * height * np.exp(-0.5 * ((t - at_s - after_s) / width_s) ** 2)
    return x


def told(x: Floats) -> tuple[float, float]:
    """Rate and quality at the end."""
    state, reading = from_ecg.init(1, RATE_HZ), None
    for second in range(DURATION_S):
        block = x[None, second * RATE_HZ : (second + 1) * RATE_HZ].copy()
        times = np.array([(START_S + second) * SECOND_US])
        state, output = from_ecg.step(state, block, times)
        (reading,) = output.readings
    assert reading is not None
    return float(reading.value[0]), float(reading.quality[0])


@pytest.mark.parametrize("each", [2, 3, 4])
def test_a_rhythm_of_ectopic_beats_is_no_breath(each: int) -> None:
    assert told(lead(each=each, breath_per_min=None))[1] < SHOWN


def test_a_breath_between_ectopic_beats() -> None:
    per_min, quality = told(lead(each=13, breath_per_min=17))
    assert per_min == pytest.approx(17, abs=1)
    assert quality > 0.7
