"""Makes ``services/dsp/core/ppg/pulse_quality_weights.py``.

``python -m tests.accuracy.train_pulse_quality [--write]``. Reads the pulse waves of the BIDMC PPG
and Respiration Dataset (PhysioNet, ODC-BY 1.0) beside the repository: 26 people in intensive care.
A window is right when its rate lies within 5/min of the ECG. Noise that no heart made (white,
brown, and in the band of the pulse; a third as many windows) is always wrong. First it reports the
reliability on people whom the weights have not seen (each one left out), then it learns from all.
"""

import argparse
import itertools
import sys
import textwrap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, signal

from services.dsp.core.ppg import pulsation, pulse_rate
from services.dsp.core.ppg.pulsation import GRID_HZ
from services.dsp.core.ppg.pulses import WINDOW_S, find_pulses
from tests.accuracy.recordings import BIDMC, packed_recordings
from tests.accuracy.streams import as_rows
from tests.accuracy.test_recordings import pulse_reference

Floats = NDArray[np.float64]
TARGET = Path(pulse_rate.__file__).with_name("pulse_quality_weights.py")
OFFSET = "OFFSET = "
HEAD = '''"""Weights of the quality of a pulse rate.

Written by ``python -m tests.accuracy.train_pulse_quality --write``, which tells from what. Never
by hand.
"""

# fmt: off
WEIGHTS = (
'''
NEAR_PER_MIN = 5.0
RIDGE = 1.0  # of weights of features of unit variance: 8 features, 1,034 windows
CONFIDENT = 0.7
JOLTS_PER_S = 0.3
JOLTED_EACH = 3  # every third window once more, under jolts
NOISES, NOISE_S = 12, 300
ENDS_S = np.arange(20, 480, 10)
BINS = (0.0, 0.5, 0.75, 0.9, 0.95, 0.98, 1.0)


def judged(rows: Floats, rate_hz: int, ends_s: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Rates (rows, ends) and features (rows, ends, features) of the windows before `ends_s`."""
    state = pulsation.init(len(rows), rate_hz, 1)
    seconds = []
    for second in range(int(ends_s[-1]) + pulse_rate.DELAY_S):
        block = np.full((len(rows), 1, rate_hz), np.nan)
        part = rows[:, second * rate_hz : (second + 1) * rate_hz]
        block[:, 0, : part.shape[1]] = part
        state, out = pulsation.step(state, block)
        seconds.append(out.pulse[:, 0])
    light = np.concatenate(seconds, axis=1)
    rates, features = [], []
    for end in ends_s + pulse_rate.DELAY_S:
        window = light[:, (end - WINDOW_S) * GRID_HZ : end * GRID_HZ]
        rate, seen = pulse_rate.rate_and_features(find_pulses(window))
        rates.append(rate)
        features.append(seen)
    return np.stack(rates, axis=1), np.stack(features, axis=1)


def noises(rate_hz: int) -> Floats:
    """White, brown and band noise, one a row."""
    rng = np.random.default_rng(7)
    white = rng.standard_normal((NOISES, NOISE_S * rate_hz))
    brown = np.cumsum(white[: NOISES // 3], axis=1)
    band = signal.butter(2, (0.5, 5.0), "bandpass", fs=rate_hz, output="sos")
    return np.concatenate(
        (white[: NOISES // 3], brown, signal.sosfilt(band, white[-NOISES // 3 :], axis=1))
    )


def jolted(rows: Floats, rate_hz: int) -> Floats:
    """The waves under jolts of half a second, up to several times their height."""
    rng = np.random.default_rng(5)
    height = np.nanquantile(rows, 0.98, axis=1) - np.nanquantile(rows, 0.02, axis=1)
    struck = (rng.random(rows.shape) < JOLTS_PER_S / rate_hz) * rng.standard_normal(rows.shape)
    bumps = signal.fftconvolve(struck, np.hanning(rate_hz // 2)[None], mode="same", axes=1)
    return np.asarray(rows + 3 * height[:, None] * bumps)


def learned(features: Floats, right: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Weights and offset of the logistic of raw features."""
    middle, scale = features.mean(axis=0), features.std(axis=0)
    z = np.column_stack(((features - middle) / scale, np.ones(len(features))))
    sign = np.where(right, 1.0, -1.0)

    def loss(weights: Floats) -> float:
        fit = np.logaddexp(0, -sign * (z @ weights)).sum()
        return float(fit + RIDGE * np.square(weights[:-1]).sum())

    best = np.asarray(optimize.minimize(loss, np.zeros(z.shape[1])).x)
    weights = best[:-1] / scale
    return weights, float(best[-1] - weights @ middle)


def chance(features: Floats, weights: Floats, offset: float) -> Floats:
    return np.asarray(1 / (1 + np.exp(-(features @ weights + offset))))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args(arguments).write
    recordings = packed_recordings(BIDMC)
    rate_hz = recordings[0].rate_hz
    rows = as_rows([recording.channels["PPG"] for recording in recordings])
    rates, features = judged(rows, rate_hz, ENDS_S)
    reference = np.array([pulse_reference(each, ENDS_S.astype(float)) for each in recordings])
    known = np.isfinite(reference)
    error = np.abs(rates - reference)
    right = error <= NEAR_PER_MIN
    noise = judged(noises(rate_hz), rate_hz, np.arange(20, NOISE_S, 10))[1]
    noise = noise.reshape(-1, features.shape[2])
    wrong = np.zeros(len(noise), dtype=np.bool_)
    shaken_rates, shaken = judged(jolted(rows, rate_hz), rate_hz, ENDS_S[::JOLTED_EACH])
    shaken_right = np.abs(shaken_rates - reference[:, ::JOLTED_EACH]) <= NEAR_PER_MIN
    shaken_known = known[:, ::JOLTED_EACH]
    unseen = np.full(known.shape, np.nan)
    struck_unseen = np.full(shaken_known.shape, np.nan)
    for person in range(len(recordings)):
        others = known.copy()
        others[person] = False
        struck = shaken_known.copy()
        struck[person] = False
        seen = np.concatenate((features[others], shaken[struck], noise))
        are_right = np.concatenate((right[others], shaken_right[struck], wrong))
        weights, offset = learned(seen, are_right)
        unseen[person] = chance(features[person], weights, offset)
        struck_unseen[person] = chance(shaken[person], weights, offset)
    sys.stdout.write("chance      windows  right %  mean error /min\n")
    for low, high in itertools.pairwise(BINS):
        inside = known & (unseen >= low) & (unseen < high + (high == 1))
        if inside.any():
            sys.stdout.write(
                f"{low:4.2f}-{high:4.2f}  {inside.sum():7d}  {100 * right[inside].mean():7.1f}"
                f"  {np.nanmean(error[inside]):8.2f}\n"
            )
    for least in (0.0, 0.3, 0.5, 0.6, 0.75, 0.9):
        told = known & (unseen >= least)
        share, mean = 100 * told.sum() / known.sum(), np.nanmean(error[told])
        sys.stdout.write(
            f"from {least:4.2f}: answered {share:5.1f} %, mean error {mean:.3f} /min\n"
        )
    sure = shaken_known & (struck_unseen >= CONFIDENT)
    sys.stdout.write(
        f"under jolts: right {100 * shaken_right[shaken_known].mean():.1f} %,"
        f" from {CONFIDENT} on {sure.sum()}, right {100 * shaken_right[sure].mean():.1f} %\n"
    )
    weights, offset = learned(
        np.concatenate((features[known], shaken[shaken_known], noise)),
        np.concatenate((right[known], shaken_right[shaken_known], wrong)),
    )
    told = chance(noise, weights, offset)
    sys.stdout.write(
        f"noise: median {np.median(told):.2f}, above 0.75: {(told > 0.75).mean():.3f}\n"
    )
    numbers = ", ".join(f"{weight:.4g}" for weight in weights)
    text = (
        HEAD + textwrap.indent(textwrap.fill(numbers, 90), "    ") + f",\n)\n{OFFSET}{offset:.4g}\n"
    )
    if write:
        TARGET.write_text(text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
