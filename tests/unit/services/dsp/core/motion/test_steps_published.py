"""The published rule on bumps that it was written for, and on those that it leaves out."""

from typing import Any

import numpy as np

from services.dsp.core.motion.steps_published import published_steps

Floats = Any
RATE_HZ = 50


def bumps(*, g: float, axis: int = 1, sign: float = -1.0) -> Floats:
    t = np.arange(20 * RATE_HZ) / RATE_HZ
    samples = np.zeros((3, len(t)))
    samples[axis] = sign * (1 + g * np.sin(2 * np.pi * 1.7 * t))
    return samples


def test_counts_each_bump_of_the_axis_along_gravity() -> None:
    times = published_steps(bumps(g=0.3), RATE_HZ)
    assert len(times) in {33, 34}  # one may be cut by the change of axis at 10 s
    assert np.abs(np.diff(times) - 1 / 1.7).max() < 0.7


def test_small_bumps_a_still_thigh_and_a_hole_are_no_steps() -> None:
    assert len(published_steps(bumps(g=0.08), RATE_HZ)) == 0
    assert len(published_steps(bumps(g=0.0), RATE_HZ)) == 0
    assert len(published_steps(np.full((3, 1000), np.nan), RATE_HZ)) == 0
    holed = bumps(g=0.3)
    holed[:, 300:310] = np.nan
    assert 30 <= len(published_steps(holed, RATE_HZ)) <= 34
