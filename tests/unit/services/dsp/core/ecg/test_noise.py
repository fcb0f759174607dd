"""Each kind of noise is named when it comes and when it goes, and a clean signal has none."""

from functools import cache

import numpy as np
import pytest
from scipy import signal

from services.dsp.core.ecg import heart_rate, noise
from services.dsp.core.ecg.noise import WINDOW_S, Noise
from services.dsp.core.outputs import Finding
from shared.contracts.events import EventKind
from tests.unit.services.dsp import signals

RATE_HZ, SECONDS = 250, 75
FIRST_S, LAST_S = 20, 45  # of the noise
START_US = 1_700_000_000_000_000
KINDS = ("clean", *Noise)


def disturbed(kind: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """An ECG with noise of one kind for a while."""
    lead = signals.ecg(signals.beat_times(70, SECONDS, seed=3), SECONDS, RATE_HZ, seed=3)
    height, t = np.ptp(lead), np.arange(len(lead)) / RATE_HZ
    white = np.random.default_rng(4).standard_normal(len(lead))
    low = signal.sosfiltfilt(signal.butter(2, (2, 9), "bandpass", fs=RATE_HZ, output="sos"), white)
    added = {
        "clean": np.zeros(len(lead)),
        Noise.WANDER: 2 * height * np.sin(2 * np.pi * 0.22 * t),
        Noise.MUSCLE: 0.3 * height * white,
        Noise.MAINS: 0.3 * height * np.sin(2 * np.pi * 49.9 * t),
        Noise.MOTION: 0.5 * height * low / low.std(),
        Noise.CLIPPED: 10 * height * np.sign(np.sin(2 * np.pi * 0.3 * t)),
        Noise.PACEMAKER: np.zeros(len(lead)),
    }[kind]
    if kind is Noise.PACEMAKER:
        added[:: int(0.8 * RATE_HZ)] = 5 * height
    noisy = lead + np.where((t >= FIRST_S) & (t < LAST_S), added, 0)
    if kind is Noise.CLIPPED:
        noisy = np.clip(noisy, -4 * height, 4 * height)
    return np.asarray(noisy)


@cache
def findings() -> list[Finding]:
    leads = np.array([disturbed(kind) for kind in KINDS])
    state = heart_rate.init(len(leads), RATE_HZ)
    found: list[Finding] = []
    for second in range(SECONDS):
        block = leads[:, second * RATE_HZ : (second + 1) * RATE_HZ].copy()
        times = np.full(len(leads), START_US + second * 1_000_000)
        state, output = heart_rate.step(state, block, times)
        found += output.findings
    return found


@pytest.mark.parametrize("kind", list(Noise))
def test_noise_is_named_when_it_comes_and_when_it_goes(kind: Noise) -> None:
    mine = [one for one in findings() if one.row == KINDS.index(kind) and one.name == kind]
    assert [one.has_ended for one in mine] == [False, True]
    assert all(one.kind is EventKind.SIGNAL_NOISE for one in mine)
    begun_s, ended_s = ((one.t - START_US) / 1e6 for one in mine)
    assert FIRST_S < begun_s <= FIRST_S + WINDOW_S + 1
    assert LAST_S <= ended_s <= LAST_S + 2 * WINDOW_S


def test_a_clean_signal_is_not_said_to_be_disturbed() -> None:
    assert not [one for one in findings() if one.row == 0]


def test_what_is_not_there_is_not_named() -> None:
    """Wander, mains and spikes are told from what disturbs complexes, and muscle from motion."""
    told = {(KINDS[one.row], one.name) for one in findings()}
    assert (Noise.MUSCLE, Noise.MOTION.value) not in told
    assert (Noise.MOTION, Noise.MUSCLE.value) not in told
    for kind in (Noise.MAINS, Noise.PACEMAKER):
        assert {name for row, name in told if row == kind} == {kind.value}


def test_how_high_it_is_between_complexes_tells_muscle_from_motion() -> None:
    kinds = ("clean", Noise.MUSCLE, Noise.MOTION)
    leads = np.array([disturbed(kind) for kind in kinds])
    state = heart_rate.init(len(leads), RATE_HZ)
    at_first = noise.between(state.noise)
    for second in range(FIRST_S + WINDOW_S + 1):
        block = leads[:, second * RATE_HZ : (second + 1) * RATE_HZ].copy()
        times = np.full(len(leads), START_US + second * 1_000_000)
        state, _ = heart_rate.step(state, block, times)
    between, at_30_hz = np.exp(noise.between(state.noise)).T
    assert (at_first == 0).all()  # as high as complexes: nothing was measured
    assert between[0] < 0.1
    assert between[2] > 2 * between[0]
    assert at_30_hz[1] > 2 * max(at_30_hz[0], at_30_hz[2])
