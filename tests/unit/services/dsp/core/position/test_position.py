"""Places in a hall whose strengths follow the distance."""

from typing import Any

import numpy as np
import pytest

from services.dsp.core.position.fingerprints import (
    FingerprintMap,
    fingerprint_map,
    locate,
    locate_published,
)
from services.dsp.core.position.track import smoothed

Floats = Any
POINTS = np.array([(0.0, 0.0), (24.0, 0.0), (0.0, 12.0), (24.0, 12.0), (12.0, 6.0), (6.0, 11.0)])
GRID = np.array([(x, y) for x in np.arange(0, 24.1, 1.2) for y in np.arange(0, 12.1, 1.2)])


def strengths(xy_m: Floats, *, noise: float = 0.0, seed: int = 0) -> Floats:
    away = np.sqrt(((xy_m[:, None] - POINTS[None]) ** 2).sum(axis=2))
    dbm = -35 - 30 * np.log10(np.maximum(away, 0.5))
    dbm += noise * np.random.default_rng(seed).standard_normal(dbm.shape)
    return np.where(dbm > -76, dbm, np.nan)


def hall(heading_deg: Floats | None = None) -> FingerprintMap:
    rooms = (GRID[:, 0] > 12).astype(np.int64) + 1
    return fingerprint_map(strengths(GRID), GRID, rooms, heading_deg)


PLACES = np.random.default_rng(3).uniform((1, 1), (23, 11), (200, 2))


@pytest.mark.parametrize(("rule", "most_m"), [(locate, 1.8), (locate_published, 2.8)])
def test_finds_places_and_rooms(rule: Any, most_m: float) -> None:
    fixes = rule(hall(), strengths(PLACES, noise=3))
    error = np.sqrt(((fixes.xy_m - PLACES) ** 2).sum(axis=1))
    assert error.mean() <= most_m
    clear = np.abs(PLACES[:, 0] - 12) > 2
    assert (fixes.room == (PLACES[:, 0] > 12) + 1)[clear].mean() >= 0.98
    assert (fixes.room_probability[np.abs(PLACES[:, 0] - 12) > 6] > 0.9).mean() > 0.95


def test_the_covariance_covers() -> None:
    fixes = locate(hall(), strengths(PLACES, noise=3))
    off = fixes.xy_m - PLACES
    inverse = np.linalg.inv(fixes.covariance_m2)
    inside = np.einsum("ni,nij,nj->n", off, inverse, off) <= 5.99
    assert inside.mean() >= 0.9


def test_a_silent_point_harms_little_and_a_foreign_scan_is_nowhere() -> None:
    scans = strengths(PLACES, noise=2)
    scans[:, 4] = np.nan
    fixes = locate(hall(), scans)
    assert np.sqrt(((fixes.xy_m - PLACES) ** 2).sum(axis=1)).mean() <= 2.5
    for foreign in (np.full((1, 6), np.nan), np.full((1, 6), -104.0)):
        fix = locate(hall(), foreign)
        assert np.isnan(fix.xy_m).all()
        assert fix.room[0] == -1
        assert fix.quality[0] == 0


def test_a_scan_does_not_depend_on_those_beside_it() -> None:
    scans = strengths(PLACES, noise=3)
    together = locate(hall(), scans)
    for k in range(0, 200, 17):
        alone = locate(hall(), scans[k : k + 1])
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], other[k])


def test_only_places_of_the_same_heading_count() -> None:
    facing = np.where(GRID[:, 1] > 6, 0.0, 180.0)
    north = locate(hall(facing), strengths(PLACES), np.full(len(PLACES), 350.0))
    assert (north.xy_m[:, 1] > 6).all()
    unknown = locate(hall(facing), strengths(PLACES), np.full(len(PLACES), np.nan))
    np.testing.assert_array_equal(unknown.xy_m, locate(hall(), strengths(PLACES)).xy_m)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d, xy, r: (d[:-1], xy, r), "belong together"),
        (lambda d, xy, r: (d[:0], xy[:0], r[:0]), "at least one"),
        (lambda d, xy, r: (d, xy * np.nan, r), "nowhere"),
        (lambda d, xy, r: (d * np.nan, xy, r), "hears no"),
        (lambda d, xy, r: (-d, xy, r), "dBm"),
    ],
)
def test_a_map_that_cannot_be_is_refused(change: Any, words: str) -> None:
    dbm, xy, rooms = change(strengths(GRID), GRID, np.ones(len(GRID), dtype=np.int64))
    with pytest.raises(ValueError, match=words):
        fingerprint_map(dbm, xy, rooms)
    with pytest.raises(ValueError, match="headings"):
        hall(np.zeros(3))


def test_a_track_is_calmer_than_its_fixes_and_passes_one_stray_over() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(0, 60, 3.0)
    path = np.stack((0.3 * t, 5 + 0 * t), axis=1)
    fixes = path + 3 * rng.standard_normal(path.shape)
    doubt = np.repeat(9 * np.eye(2)[None], len(t), axis=0)
    errors = []
    for n in range(5, len(t) + 1):
        place, spread = smoothed(t[:n], fixes[:n], doubt[:n])
        assert spread[0, 0] < 9
        errors.append(np.sqrt(((place - path[n - 1]) ** 2).sum()))
    assert np.mean(errors) < np.sqrt(((fixes[5:] - path[5:]) ** 2).sum(axis=1)).mean()
    stray = fixes.copy()
    stray[-1] += 60
    np.testing.assert_allclose(
        smoothed(t, stray, doubt)[0], smoothed(t[:-1], fixes[:-1], doubt[:-1])[0]
    )
    moved = stray.copy()
    moved[-2] = moved[-1]
    assert (smoothed(t, moved, doubt)[0] > 50).all()
    assert np.isnan(smoothed(t[:0], fixes[:0], doubt[:0])[0]).all()


def test_a_track_forgets() -> None:
    t = np.arange(0, 300, 3.0)
    fixes = np.random.default_rng(0).uniform(0, 10, (len(t), 2))
    doubt = np.repeat(4 * np.eye(2)[None], len(t), axis=0)
    late = t > t[-1] - 60
    np.testing.assert_array_equal(
        smoothed(t, fixes, doubt)[0], smoothed(t[late], fixes[late], doubt[late])[0]
    )
