"""Signals with a known truth for the tests of the estimators: simple, seeded, not realistic."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
START_S = 1_767_225_600  # 2026-01-01, a whole minute
SECOND_US = 1_000_000


def beat_times(rate_per_min: float, duration_s: float, *, seed: int = 0) -> Floats:
    """Beats from 0.3 s on, the intervals varying by 3 %."""
    rng = np.random.default_rng(seed)
    n = int(duration_s * rate_per_min / 60) + 2
    intervals = 60 / rate_per_min * (1 + 0.03 * rng.standard_normal(n))
    beats = 0.3 + np.cumsum(intervals)
    return np.asarray(beats[beats < duration_s])


def ecg(
    beats: Floats, duration_s: float, rate_hz: int, *, noise_mv: float = 0.02, seed: int = 0
) -> Floats:
    """P, QRS and T at each beat (s), baseline wander, noise: mV."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(duration_s * rate_hz)) / rate_hz
    x = 0.15 * np.sin(2 * np.pi * 0.21 * t + seed) + noise_mv * rng.standard_normal(len(t))
    waves = (
        (0.12, -0.17, 0.025), (-0.12, -0.022, 0.008), (1.1, 0.0, 0.011),
        (-0.2, 0.026, 0.010), (0.28, 0.26, 0.05),
    )  # fmt: skip
    for beat in beats:
        near = slice(max(0, int((beat - 0.5) * rate_hz)), int((beat + 0.7) * rate_hz))
        for height, after_s, width_s in waves:
            x[near] += height * np.exp(-0.5 * ((t[near] - beat - after_s) / width_s) ** 2)
    return x


def ppg(
    beats: Floats, duration_s: float, rate_hz: int, *, spo2: float = 97.0, seed: int = 0
) -> Floats:
    """Red and infrared counts: light falls with each pulse, 0.2 s after the beat."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(duration_s * rate_hz)) / rate_hz
    pulse = np.zeros(len(t))
    for beat in beats + 0.2:
        later = t - beat
        near = (later > -0.2) & (later < 1.2)
        pulse[near] += np.exp(-0.5 * ((later[near] - 0.15) / 0.07) ** 2)
        pulse[near] += 0.35 * np.exp(-0.5 * ((later[near] - 0.42) / 0.1) ** 2)
    # maxim_quadratic, solved for the ratio that gives this saturation
    a, b, c = -45.060, 30.354, 94.845 - spo2
    ratio = (-b - np.sqrt(b * b - 4 * a * c)) / (2 * a)
    infrared = 100_000 * (1 - 0.012 * pulse) + 20 * rng.standard_normal(len(t))
    red = 80_000 * (1 - 0.012 * ratio * pulse) + 16 * rng.standard_normal(len(t))
    slow = 1 + 0.002 * np.sin(2 * np.pi * 0.15 * t)
    return np.stack((red * slow, infrared * slow))


def breathing(rate_per_min: float, duration_s: float, rate_hz: int, *, seed: int = 0) -> Floats:
    """Impedance in ohm: breaths with an overtone, a little cardiac part, drift, noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(duration_s * rate_hz)) / rate_hz
    phase = 2 * np.pi * rate_per_min / 60 * t
    x = 0.8 * np.sin(phase) + 0.15 * np.sin(2 * phase + 0.5)
    x += 0.05 * np.sin(2 * np.pi * 1.2 * t) + 0.3 * np.sin(2 * np.pi * 0.01 * t)
    return 500 + x + 0.03 * rng.standard_normal(len(t))


def chest_tilt(rate_per_min: float, duration_s: float, rate_hz: int, *, seed: int = 0) -> Floats:
    """Acceleration (3, samples) in g of a chest that lies and breathes: tilt, overtone, noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(duration_s * rate_hz)) / rate_hz
    phase = 2 * np.pi * rate_per_min / 60 * t
    tilt = 0.01 * np.sin(phase) + 0.003 * np.sin(2 * phase + 0.7)
    at_rest, along = np.array([0.1, -0.2, 0.97]), np.array([0.6, 0.75, 0.28])
    return at_rest[:, None] + along[:, None] * tilt + 0.002 * rng.standard_normal((3, len(t)))
