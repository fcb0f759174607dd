"""Places in a hall whose strengths follow the distance."""

from typing import Any

import numpy as np
import pytest

from services.dsp.core.position.fingerprints import (
    FingerprintMap,
    _powered,
    _sorensen,
    fingerprint_map,
    locate,
    locate_published,
)

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


def test_a_scan_of_exchanged_points_is_doubted() -> None:
    scans = strengths(PLACES, noise=3)
    found, exchanged = locate(hall(), scans), locate(hall(), scans[:, ::-1])
    believed = locate(hall()._replace(alike=np.inf), scans[:, ::-1])  # by their spread alone
    off = np.sqrt(((exchanged.xy_m - PLACES) ** 2).sum(axis=1))
    assert (found.quality >= 0.7).mean() >= 0.9
    assert (exchanged.quality >= 0.7)[off > 5].mean() <= 0.4  # a hall is like its mirror image
    assert (believed.quality >= 0.7)[off > 5].mean() >= 0.7


def test_a_map_says_how_much_its_own_places_are_alike() -> None:
    dbm, xy = strengths(GRID), GRID
    rooms = np.ones(len(GRID), dtype=np.int64)
    alike = fingerprint_map(dbm, xy, rooms).alike
    apart = _sorensen(_powered(dbm), _powered(dbm))
    np.fill_diagonal(apart, np.inf)
    assert (apart.min(axis=1) <= alike).mean() >= 0.99
    # a place that was measured twice is left out with its twin
    twice = fingerprint_map(np.tile(dbm, (2, 1)), np.tile(xy, (2, 1)), np.tile(rooms, 2))
    assert twice.alike == pytest.approx(alike, rel=0.1)
    assert fingerprint_map(dbm[:1], xy[:1], rooms[:1]).alike == np.inf
    # of one place nobody knows how well others fit, so nothing is doubted
    lone = locate(fingerprint_map(dbm[:1], xy[:1], rooms[:1]), dbm[5:6])
    assert lone.quality[0] > 0.9


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
