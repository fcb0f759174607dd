"""Mixtures of shapes whose parts are known."""

import numpy as np
import pytest

from services.dsp.core.ecg.fusion import fused, mixture
from services.dsp.core.ecg.shapes import SHAPE_ONE
from tests.unit.services.dsp.signals import Floats

T = np.linspace(-0.125, 0.16, 19)
NARROW = np.exp(-0.5 * (T / 0.015) ** 2) - 0.3 * np.exp(-0.5 * ((T - 0.04) / 0.015) ** 2)
WIDE = np.exp(-0.5 * ((T - 0.03) / 0.05) ** 2) - 0.8 * np.exp(-0.5 * ((T + 0.08) / 0.03) ** 2)
BEATS = 40


def unit(shape: Floats) -> Floats:
    about_mean = shape - shape.mean()
    return np.asarray(np.rint(SHAPE_ONE * about_mean / np.linalg.norm(about_mean)))


def of_ring(odd: Floats, late: float, *, noise: float = 0.02) -> bool:
    """Whether one odd beat is a fusion in a ring of normal beats and four ventricular ones."""
    rng = np.random.default_rng(1)
    wide = np.arange(BEATS) % 10 == 5
    shapes = np.where(wide[:, None], unit(WIDE), unit(NARROW))
    shapes = np.array([unit(s + noise * SHAPE_ONE * rng.standard_normal(19)) for s in shapes])
    lateness = np.where(wide, -0.5, 0.01)
    shapes[30], lateness[30] = unit(odd), late
    alike = wide[:, None] == wide[None, :]
    told = fused(shapes[None], lateness[None], ~wide[None], wide[None], alike[None])
    assert not told[0, np.arange(BEATS) != 30].any()
    return bool(told[0, 30])


@pytest.mark.parametrize("share", [0.3, 0.45, 0.6])
def test_the_parts_of_a_mixture_are_found(share: float) -> None:
    shapes = unit((1 - share) * unit(NARROW) + share * unit(WIDE))[None, None]
    told = mixture(shapes, unit(NARROW)[None], unit(WIDE)[None])
    assert told.share[0, 0] == pytest.approx(share, abs=0.02)
    assert told.explained[0, 0] == pytest.approx(1, abs=0.01)


def test_a_mixture_when_the_usual_beat_is_due_is_a_fusion() -> None:
    half = unit(NARROW) + unit(WIDE)
    assert of_ring(half, -0.15)
    assert of_ring(half, 0.0)
    assert not of_ring(half, -0.6)  # too early for the usual beat to have a part in it
    assert not of_ring(half, 0.3)  # the usual beat would have come before it
    assert not of_ring(NARROW, -0.15)
    assert not of_ring(WIDE, -0.15)


def test_where_shapes_wander_nothing_is_a_fusion() -> None:
    half = 2 * unit(NARROW) + unit(WIDE)
    assert of_ring(half, -0.15)
    assert not of_ring(half, -0.15, noise=0.3)


def test_without_ventricular_beats_there_is_no_fusion() -> None:
    shapes = np.tile(unit(NARROW), (1, BEATS, 1))
    none, all_beats = np.zeros((1, BEATS), dtype=bool), np.ones((1, BEATS), dtype=bool)
    late = np.full((1, BEATS), -0.1)
    late[0, ::2] = 0.0
    alike = np.ones((1, BEATS, BEATS), dtype=bool)
    assert not fused(shapes, late, all_beats, none, alike).any()
