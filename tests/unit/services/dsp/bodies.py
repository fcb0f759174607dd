"""Made bodies that walk, fall, rest in postures and blow, and what is true of them."""

from typing import Any

import numpy as np

from services.dsp.core.motion.posture import Posture

Floats = Any
DAY_S, FALL_S = 30, 11
POSTURE_HZ = 10
FLOW_HZ = 100
PEF, TAU_S, RISE_S = 8.0, 0.5, 0.08
FVC = PEF * (RISE_S / 2 + TAU_S)
# forward and right lean of trunk and thigh in degrees
ANGLES = {
    Posture.STANDING: (4, 1, 0, 2),
    Posture.SITTING: (-15, 3, -88, 4),
    Posture.BENDING: (70, 3, 5, 0),
    Posture.LYING_BACK: (-85, 5, -88, 8),
    Posture.LYING_FRONT: (88, 5, 86, 5),
    Posture.LYING_LEFT: (5, -80, -20, -75),
    Posture.LYING_RIGHT: (-10, 80, -30, 75),
}


def up(forward_deg: float, right_deg: float) -> Floats:
    forward, right = np.radians([forward_deg, right_deg])
    across = np.cos(right)
    return np.array([np.cos(forward) * across, -np.sin(right), -np.sin(forward) * across])


def stay(name: Posture, seconds: int, *, rate_hz: int = POSTURE_HZ, seed: int = 0) -> Floats:
    """Samples (6, n) of one posture."""
    trunk_ahead, trunk_right, leg_ahead, leg_right = ANGLES[name]
    still = np.concatenate((up(trunk_ahead, trunk_right), up(leg_ahead, leg_right)))
    noise = np.random.default_rng(seed).standard_normal((6, seconds * rate_hz))
    return still[:, None] + 0.02 * noise


def walk(
    per_s: float,
    rate_hz: int,
    *,
    seconds: int = 60,
    g: float = 0.25,
    end_s: int = 50,
    seed: int = 0,
) -> Floats:
    """Stand 10 s, walk, stand: (3, n), steps as bumps of the vertical and their overtone."""
    t = np.arange(seconds * rate_hz) / rate_hz
    phase = 2 * np.pi * per_s * (t - 10)
    wave = g * (np.cos(phase) + 0.3 * np.cos(2 * phase + 1))
    going = (t >= 10) & (t < end_s)
    noise = 0.005 * np.random.default_rng(seed).standard_normal((3, len(t)))
    up = np.array([0.2, -0.9, 0.387])
    return up[:, None] * (1 + wave * going) + noise


def day(
    rate_hz: int, *, falls_at: float | None = FALL_S, hit: float = 1.0, seed: int = 0
) -> Floats:
    """(3, n) of DAY_S: walking, then a fall and lying, or walking on."""
    rng = np.random.default_rng(seed)
    t = np.arange(DAY_S * rate_hz) / rate_hz
    out = 0.01 * rng.standard_normal((3, len(t)))
    upright = t < (falls_at if falls_at is not None else 99)
    out[1] += np.where(upright, 1 + 0.2 * np.sin(2 * np.pi * 1.8 * t), 0.05)
    out[2] += np.where(upright, 0.1 * np.sin(2 * np.pi * 0.9 * t), 1.0)
    if falls_at is not None:
        dropping = (t >= falls_at - 0.5) & (t < falls_at)
        hitting = np.exp(-(((t - falls_at - 0.12) / 0.12) ** 2))
        out[:, dropping] *= 0.4
        out += hit * np.array([[1.5], [1.8], [2.4]]) * hitting
    return out


def breath(seconds: float = 6, *, pef: float = PEF, rate_hz: int = FLOW_HZ) -> Floats:
    """A straight rise, then an exponential fall; samples are means of their 10 ms."""
    fine = (np.arange(int(seconds * rate_hz) * 20) + 0.5) / (20 * rate_hz)
    flow = np.where(fine < RISE_S, fine / RISE_S, np.exp(-(fine - RISE_S) / TAU_S))
    return pef * flow.reshape(-1, 20).mean(axis=1)


def rest(seconds: float, *, noise: float = 0.01, zero: float = 0.0, seed: int = 0) -> Floats:
    n = int(seconds * FLOW_HZ)
    return zero + noise * np.random.default_rng(seed).standard_normal(n)


def quiet_breathing(seconds: float) -> Floats:
    return 0.5 * np.sin(2 * np.pi * np.arange(int(seconds * FLOW_HZ)) / (4 * FLOW_HZ))


def session(zero: float = 0.0, seed: int = 0, *, pef: float = PEF) -> Floats:
    """Rest, quiet breaths, a blow at 10 s, rest."""
    flow = np.concatenate((np.zeros(200), quiet_breathing(8), breath(pef=pef), np.zeros(600)))
    return flow + rest(len(flow) / FLOW_HZ, zero=zero, seed=seed)
