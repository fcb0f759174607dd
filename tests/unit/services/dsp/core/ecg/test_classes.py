"""Classes of beats on signals whose truth is known."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from services.dsp.core.ecg import classes, ring
from services.dsp.core.ecg.prematurity import irregularity
from services.dsp.core.ecg.ring import masked_median
from services.dsp.core.outputs import Beats, Output
from shared.contracts.beats import BeatClass, BeatKind
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

RATE_HZ, DURATION_S = 250, 100


def wide(beats: Floats, duration_s: float) -> Floats:
    """Complexes without a P wave, wide and turned over, as those of ventricular beats."""
    t = np.arange(int(duration_s * RATE_HZ)) / RATE_HZ
    x = np.zeros(len(t))
    for beat in beats:
        x += 1.3 * np.exp(-0.5 * ((t - beat) / 0.035) ** 2)
        x -= 0.7 * np.exp(-0.5 * ((t - beat - 0.1) / 0.04) ** 2)
        x -= 0.5 * np.exp(-0.5 * ((t - beat - 0.3) / 0.07) ** 2)
    return x


class Second(NamedTuple):
    """One second of a lead, and the beats that are known by its end."""

    samples: Floats
    times: NDArray[np.int64]
    heart: Output


def seconds_of(lead: Floats, beats: Floats) -> Iterator[Second]:
    """The seconds of a lead with beats at known times, told as late as the detector tells them."""
    t_us = np.rint(beats * SECOND_US).astype(np.int64) + START_S * SECOND_US
    rr_ms = np.diff(beats, prepend=np.nan).astype(np.float32) * 1000
    n = len(lead) // RATE_HZ
    for second in range(n + ring.DELAY_S):
        block = np.full((1, RATE_HZ), np.nan)
        if second < n:
            block[0] = lead[second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.array([(START_S + second) * SECOND_US])
        mine = (t_us >= times[0] - SECOND_US) & (t_us < times[0])
        row = np.zeros(int(mine.sum()), dtype=np.intp)
        sure = np.full(len(row), 0.999, dtype=np.float32)
        heart = Output((), Beats(BeatKind.R_PEAK, row, t_us[mine], rr_ms[mine], sure))
        yield Second(block, times, heart)


def told(lead: Floats, beats: Floats) -> dict[float, BeatClass]:
    """Class of each beat by its time."""
    state = ring.init(1, RATE_HZ)
    found: dict[float, BeatClass] = {}
    for each in seconds_of(lead, beats):
        state, judged = classes.step(state, each.samples, each.times, each.heart)
        assert judged.beats is not None
        assert judged.beats.classes is not None
        for t, code in zip(judged.beats.t, judged.beats.classes, strict=True):
            assert int(t) <= each.times[0] - (ring.AHEAD_S - 1) * SECOND_US
            found[t / SECOND_US - START_S] = BeatClass(code)
    return found


def near(found: dict[float, BeatClass], beats: Floats) -> list[BeatClass]:
    """Class of the beat at each of some times."""
    t = np.array(list(found))
    kinds = list(found.values())
    return [kinds[int(np.argmin(np.abs(t - beat)))] for beat in beats]


@pytest.fixture(scope="module")
def regular() -> Floats:
    return np.arange(0.5, DURATION_S, 0.85)


def test_normal_beats_are_normal(regular: Floats) -> None:
    found = told(signals.ecg(regular, DURATION_S, RATE_HZ), regular)
    assert len(found) >= len(regular) - 2
    assert set(found.values()) == {BeatClass.N}


@pytest.mark.parametrize("gain", [1.0, -1.0, 300.0])
def test_wide_early_beats_are_ventricular(regular: Floats, gain: float) -> None:
    ectopic = regular[20::12] + 0.5
    normal = np.setdiff1d(regular, regular[21::12])  # the pause after it makes up for it
    lead = signals.ecg(normal, DURATION_S, RATE_HZ) + wide(ectopic, DURATION_S)
    found = told(gain * lead, np.sort(np.concatenate((normal, ectopic))))
    assert near(found, ectopic[:-1]) == [BeatClass.V] * (len(ectopic) - 1)
    assert near(found, normal[:-2]) == [BeatClass.N] * (len(normal) - 2)


def test_narrow_early_beats_are_supraventricular(regular: Floats) -> None:
    shift = np.where(np.arange(len(regular)) % 15 == 10, -0.3, 0)
    found = told(signals.ecg(regular + shift, DURATION_S, RATE_HZ), regular + shift)
    assert near(found, (regular + shift)[10:-2:15]) == [BeatClass.S] * len(regular[10:-2:15])
    assert sum(kind != BeatClass.N for kind in found.values()) == len(regular[10:-2:15])


@pytest.mark.parametrize(("pace_s", "kind"), [(0.75, BeatClass.N), (0.5, BeatClass.S)])
def test_a_run_counts_where_it_is_much_faster(pace_s: float, kind: BeatClass) -> None:
    before, after = np.arange(0.5, 60, 1.0), np.arange(66.2, DURATION_S, 1.0)
    run = before[-1] + pace_s * np.arange(1, 9)
    beats = np.concatenate((before, run, after))
    found = told(signals.ecg(beats, DURATION_S, RATE_HZ), beats)
    assert near(found, run) == [kind] * len(run)
    assert set(near(found, before)) == {BeatClass.N}


def test_a_run_that_fills_the_ring_is_seen_beside_the_rhythm_before_it() -> None:
    before = np.arange(0.5, 70, 1.0)
    run = np.arange(before[-1] + 0.5, 140, 0.5)
    beats = np.concatenate((before, run))
    found = told(signals.ecg(beats, 145, RATE_HZ), beats)
    assert set(near(found, run[:-2])) == {BeatClass.S}
    assert set(near(found, before[:-1])) == {BeatClass.N}


def test_an_early_beat_before_a_ventricular_one_is_not_told_supraventricular(
    regular: Floats,
) -> None:
    early, ectopic = regular[20::12] - 0.3, regular[20::12] + 0.1
    normal = np.setdiff1d(regular, np.concatenate((regular[20::12], regular[21::12])))
    narrow = np.sort(np.concatenate((normal, early)))
    lead = signals.ecg(narrow, DURATION_S, RATE_HZ) + wide(ectopic, DURATION_S)
    found = told(lead, np.sort(np.concatenate((narrow, ectopic))))
    assert near(found, ectopic[:-1]) == [BeatClass.V] * (len(ectopic) - 1)
    assert BeatClass.S not in near(found, early[:-1])
    alone = told(signals.ecg(narrow, DURATION_S, RATE_HZ), narrow)
    assert near(alone, early[:-1]) == [BeatClass.S] * (len(early) - 1)


def test_nothing_is_early_where_all_is_irregular() -> None:
    rng = np.random.default_rng(4)
    beats = 0.5 + np.cumsum(rng.uniform(0.45, 1.2, 110))
    beats = beats[beats < DURATION_S]
    found = told(signals.ecg(beats, DURATION_S, RATE_HZ), beats)
    late = [kind for t, kind in found.items() if t > 20]
    assert late.count(BeatClass.S) <= 1


def test_noise_gives_no_exception_and_missing_samples_no_beat(regular: Floats) -> None:
    rng = np.random.default_rng(2)
    lead = signals.ecg(regular, DURATION_S, RATE_HZ)
    lead[40 * RATE_HZ : 60 * RATE_HZ] = np.nan
    lead[60 * RATE_HZ : 70 * RATE_HZ] += 5 * np.sin(np.arange(10 * RATE_HZ) * 50 * 2 * np.pi / 250)
    lead[70 * RATE_HZ : 80 * RATE_HZ] = np.clip(rng.standard_normal(10 * RATE_HZ) * 9, -3, 3)
    assert all(not 40.2 < t < 59.8 for t in told(lead, regular))


def test_early_beats_vote_among_themselves() -> None:
    rows, n = 20, 6
    logit = np.full((rows, n), -6.0, dtype=np.float32)
    logit[:, :2] = (2.0, 1.0)
    alike = np.ones((rows, n, n), dtype=np.bool_)
    early = np.zeros((rows, n), dtype=np.bool_)
    early[1:, :2] = True
    together = classes.together(logit, alike, alike.sum(axis=2, dtype=np.int16))
    told = classes.among_early(logit, together, alike, early)
    np.testing.assert_array_equal(told[0], together[0], "nothing is early there")
    np.testing.assert_array_equal(told[:, 2:], together[:, 2:], "those on time hear all")
    assert (together[:, :2] < -3).all()
    np.testing.assert_allclose(told[1:, 0], 0.15 * 2 + 0.85 * 1, rtol=1e-6)
    np.testing.assert_allclose(told[1:, 1], 0.15 * 1 + 0.85 * 2, rtol=1e-6)
    alone = classes.among_early(logit[:1], together[:1], alike[:1], logit[:1] == 2)
    assert alone[0, 0] == 2, "who hears nobody has its own"


def test_entropy_tells_regular_from_irregular() -> None:
    rng = np.random.default_rng(0)
    regular = np.log(0.8 + 0.01 * rng.standard_normal(90))
    bigeminy = np.log(np.where(np.arange(90) % 2, 0.6, 1.0) + 0.01 * rng.standard_normal(90))
    fibrillation = np.log(rng.uniform(0.4, 1.1, 90))
    rr = np.stack((regular, bigeminy, fibrillation))
    entropy = irregularity(rr, np.ones(rr.shape, dtype=np.bool_))
    assert entropy[0] < 0.3
    assert entropy[1] < 0.5
    assert entropy[2] > 1.6


def test_median_counts_only_what_is_asked() -> None:
    values = np.array([[5.0, 1.0, 9.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
    mask: NDArray[Any] = np.array([[True, True, False, True], [False] * 4])
    np.testing.assert_array_equal(masked_median(values, mask), [2.0, 0.0])
