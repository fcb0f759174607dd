"""Makes ``services/dsp/core/ppg/motion_quality_weights.py``.

``python -m tests.accuracy.train_motion_quality [--write]``. Reads the recordings of the IEEE Signal
Processing Cup 2015 beside the repository: 11 records of people who run or exercise. A window is
right when its rate lies within 5/min of the ECG. First it reports how well the chance ranks the
windows of records that the weights have not seen (each person left out), how often it is right, and
what it says of noise in place of the light beside the same movement (learned with it, real windows
are ranked worse: 0.911). Then it learns from all.
"""

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from services.dsp.core.ppg import motion, motion_quality, pulse_in_motion, rate_track
from services.dsp.core.ppg.motion import LAG
from services.dsp.core.ppg.motion_quality_weights import WEIGHTS
from services.dsp.core.windows import take
from tests.accuracy.recordings import DATA, packed_recordings
from tests.accuracy.streams import as_rows
from tests.accuracy.test_pulse_in_motion import AXES, LIGHTS, NEAR_PER_MIN

Floats = NDArray[np.float64]
TARGET = Path(motion_quality.__file__).with_name("motion_quality_weights.py")
RIDGE = 10.0  # of weights of features of unit variance: windows overlap by three quarters
PERSONS = (0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9)  # of the recordings in order: two are of one person
BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.96, 0.98, 1.0)
HEAD = '''"""Weights of the quality of a pulse rate in motion.

Written by ``python -m tests.accuracy.train_motion_quality --write``, which tells from what. Never
by hand.
"""

# fmt: off
'''


def judged(rows: dict[str, Floats], rate_hz: int) -> tuple[Floats, Floats, Floats]:
    """Rates, features, and shares of the quality that the bounds leave, of each row and second.

    Index k speaks of the end at k.
    """
    light = np.stack([rows[name] for name in LIGHTS], axis=1)
    jolt = np.stack([rows[name] for name in AXES], axis=1)
    devices, seconds = len(light), light.shape[2] // rate_hz
    state = pulse_in_motion.init(devices, rate_hz)
    rates = np.full((devices, seconds + 1), np.nan)
    features = np.zeros((devices, seconds + 1, len(WEIGHTS)))
    shares = np.zeros((devices, seconds + 1))
    for second in range(seconds):
        now = slice(second * rate_hz, (second + 1) * rate_hz)
        moved = jolt[:, :, now].reshape(devices, len(AXES), pulse_in_motion.MOTION_HZ, -1)
        times = np.zeros(devices, dtype=np.int64)
        state, output = pulse_in_motion.step(state, (light[:, :, now], moved.mean(axis=3)), times)
        at = second + 1 - pulse_in_motion.DELAY_S
        if at >= 0:
            rates[:, at] = output.readings[0].value
            told = np.isfinite(rates[:, at])
            part = take(state, np.flatnonzero(told))
            if told.any():
                n = len(LIGHTS)
                seen = motion.judge(part.window[:, :n, LAG:-LAG], part.window[:, n:])
                found = rate_track.track(part.likelihood)
                features[told, at] = motion_quality.features(found, seen, part.kept)
                shares[told, at] = motion_quality.share(part.kept, n)
    return rates, features, shares


def learned(features: Floats, right: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Weights and offset of the logistic, ridge on weights of features of unit variance."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scaled = (features - mean) / spread

    def loss(weights: Floats) -> float:
        odds = scaled @ weights[:-1] + weights[-1]
        return float(np.logaddexp(0, np.where(right, -odds, odds)).sum()) + 0.5 * RIDGE * float(
            weights[:-1] @ weights[:-1]
        )

    found = optimize.minimize(loss, np.zeros(features.shape[1] + 1)).x
    weights = found[:-1] / spread
    return weights, float(found[-1] - weights @ mean)


def chance(features: Floats, shares: Floats, weights: Floats, offset: float) -> Floats:
    """As the estimator tells it."""
    odds = features @ weights + offset
    return np.asarray(np.minimum(1 / (1 + np.exp(-odds)), motion_quality.MOST) * shares)


def ranked(quality: Floats, right: NDArray[np.bool_]) -> float:
    """Chance that a right window has the higher number."""
    good, bad = quality[right][:, None], quality[~right]
    return float((good > bad).mean() + 0.5 * (good == bad).mean())


def main(arguments: list[str]) -> int:
    """Report, and write the weights when asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args(arguments).write
    recordings = packed_recordings(DATA / "troika")
    rate_hz = recordings[0].rate_hz
    end = np.full(2 * rate_hz, np.nan)
    rows = {
        name: as_rows([np.append(each.channels[name], end) for each in recordings])
        for name in (*LIGHTS, *AXES)
    }
    rates, seen, shares = judged(rows, rate_hz)
    rng = np.random.default_rng(1)
    dark = {name: np.where(np.isnan(rows[name]), np.nan, rng.standard_normal(rows[name].shape))
            for name in LIGHTS}  # fmt: skip
    _, of_noise, noise_shares = judged(rows | dark, rate_hz)
    parts, noises = [], []
    for row, recording in enumerate(recordings):
        at = np.rint(recording.references["ref_end_s"]).astype(int)
        error = np.abs(rates[row, at] - recording.references["ref_rate"])
        known = np.isfinite(error)
        parts.append((seen[row, at][known], error[known] <= NEAR_PER_MIN, shares[row, at][known]))
        noises.append((of_noise[row, at][known], noise_shares[row, at][known]))
    told, of_nothing = [], []
    for left_out in range(len(parts)):
        person = PERSONS[left_out]
        others = [part for part, whose in zip(parts, PERSONS, strict=True) if whose != person]
        weights, offset = learned(
            np.concatenate([one[0] for one in others]), np.concatenate([one[1] for one in others])
        )
        told.append(chance(parts[left_out][0], parts[left_out][2], weights, offset))
        of_nothing.append(chance(*noises[left_out], weights, offset))
    quality = np.concatenate(told)
    right = np.concatenate([one[1] for one in parts])
    first = len(told[0])
    sys.stdout.write(
        f"left out: AUC {ranked(quality, right):.3f}, without the first record "
        f"{ranked(quality[first:], right[first:]):.3f}\n"
        f"noise: median {np.median(np.concatenate(of_nothing)):.2f}, above 0.7 in "
        f"{100 * (np.concatenate(of_nothing) >= 0.7).mean():.1f} %\nchance  windows  right %\n"
    )
    for low, high in itertools.pairwise(BINS):
        inside = (quality >= low) & (quality < high)
        share = 100 * right[inside].mean() if inside.any() else np.nan
        sys.stdout.write(f"{low:.2f} to {high:.2f}  {inside.sum():5d}  {share:5.1f}\n")
    weights, offset = learned(np.concatenate([one[0] for one in parts]), right)
    numbers = ", ".join(f"{weight:.4g}" for weight in weights)
    text = f"{HEAD}WEIGHTS = ({numbers})\nOFFSET = {offset:.4g}\n"
    if write:
        TARGET.write_text(text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
