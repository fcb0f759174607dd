"""The features of candidates against their definitions, one candidate after the other."""

import numpy as np
import pytest
from scipy import signal

from services.dsp.core.ecg import candidates
from services.dsp.core.ecg.bands import CENTRES_HZ, ENVELOPE_DELAY, ENVELOPE_HZ
from services.dsp.core.ecg.candidates import AHEAD, FEATURES, HISTORY_S, NEIGHBOUR
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import Floats

RATE_HZ, N, DURATION_S = 250, 4, 12
START = HISTORY_S * ENVELOPE_HZ - (AHEAD - ENVELOPE_DELAY) - ENVELOPE_HZ  # in the history
RINGS = {
    "before_250ms": (-16, -6), "before_450ms": (-29, -16), "before_900ms": (-58, -29),
    "after_250ms": (6, 16), "after_375ms": (16, 24),
}  # fmt: skip


def test_features_are_what_they_are_called() -> None:
    ecg = [
        signals.ecg(signals.beat_times(rate, DURATION_S, seed=rate), DURATION_S, RATE_HZ, seed=rate)
        for rate in (50, 70, 100, 150)
    ]
    samples = np.array(ecg) + 0.02 * np.random.default_rng(2).standard_normal((N, len(ecg[0])))
    samples[3, 2000:2010] = np.nan
    state = candidates.init(N, RATE_HZ)
    seen = 0
    for second in range(DURATION_S):
        block = samples[:, second * RATE_HZ : (second + 1) * RATE_HZ]
        state, found = candidates.step(state, block)
        qrs, bands = np.nan_to_num(state.qrs), np.nan_to_num(state.envelopes)
        shorter = qrs.shape[1] - bands.shape[2]
        for n, row in enumerate(found.row):
            told = dict(zip(FEATURES, found.features[n], strict=True))
            place = int(found.place[n]) + START
            here = qrs[row, place]
            near = qrs[row, place - NEIGHBOUR : place + NEIGHBOUR + 1]
            assert here == near.max() == found.size[n]
            expected = {
                name: qrs[row, place + first : place + last + 1].max() / here
                for name, (first, last) in RINGS.items()
            }
            at = place - shorter
            for band, centre_hz in enumerate(CENTRES_HZ):
                expected[f"band_{centre_hz:.0f}"] = bands[row, band, at - 2 : at + 3].max() / here
            for name, band in (("near_30", 4), ("near_4", 0), ("near_11", 2)):
                expected[name] = bands[row, band, at - 24 : at + 25 : 4].mean() / here
            square = qrs[row] ** 2
            wide = square[place - 8 : place + 9].sum()
            expected["sharpness"] = square[place - 2 : place + 3].sum() / wide
            expected["before_450ms_17"] = (
                bands[row, 3, at - 29 : at - 15].max() / bands[row, 3, at]
            )  # fmt: skip
            for name, ratio in expected.items():
                if ratio > 1e-3:  # below the smallest number that is added counts
                    np.testing.assert_allclose(told[name], np.log(ratio), atol=1e-4, err_msg=name)
            seen += 1
    assert seen > 100


def places_s(samples: Floats) -> list[Floats]:
    """Times of the candidates of each row."""
    state, told = candidates.init(len(samples), RATE_HZ), []
    for second in range(samples.shape[1] // RATE_HZ):
        block = samples[:, second * RATE_HZ : (second + 1) * RATE_HZ]
        state, found = candidates.step(state, block.copy())
        told.append((found.row, second + (found.place - AHEAD) / ENVELOPE_HZ))
    row, t_s = (np.concatenate(column) for column in zip(*told, strict=True))
    return [t_s[row == k] for k in range(len(samples))]


def test_beats_hidden_by_electrodes_that_move_are_candidates_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = 40
    beats = signals.beat_times(75, seconds, seed=1)
    lead = signals.ecg(beats, seconds, RATE_HZ, seed=1)
    white = np.random.default_rng(6).standard_normal(len(lead))
    slow = signal.sosfiltfilt(signal.butter(4, (1, 8), "bandpass", fs=RATE_HZ, output="sos"), white)
    rows = np.stack((lead, lead + 0.7 * np.ptp(lead) * slow / slow.std()))
    clean, moved = places_s(rows)
    monkeypatch.setattr(candidates, "MOVED", np.inf)
    clean_before, moved_before = places_s(rows)
    np.testing.assert_array_equal(clean, clean_before)
    assert set(moved_before) < set(moved)
    asked = beats[(beats > 12) & (beats < seconds - 2)]

    def missed(t_s: Floats) -> int:
        return int((np.abs(t_s[None, :] - asked[:, None]).min(axis=1) > 0.06).sum())

    assert missed(moved) < missed(moved_before) / 2
