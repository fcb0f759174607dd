"""A hall of two rooms whose strengths follow the distance, and its map."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.circumstances import Circumstances
from services.dsp.core.position.fingerprints import fingerprint_map
from services.dsp.core.position.places import FloorMap, PlaceMaps

Floats = NDArray[np.float64]
ACCESS_POINTS = ("lab", "hall", "r1", "r2", "r3", "r4")
POINTS = np.array([(0.0, 0.0), (24.0, 0.0), (0.0, 12.0), (24.0, 12.0), (12.0, 6.0), (6.0, 11.0)])
GRID = np.array([(x, y) for x in np.arange(0, 24.1, 1.2) for y in np.arange(0, 12.1, 1.2)])
WEST, EAST = 41, 42
FOR_EVER_US = 2**62


def strengths(xy_m: Floats) -> Floats:
    """(places, access points) in dBm, NaN where too weak."""
    away = np.sqrt(((xy_m[:, None] - POINTS[None]) ** 2).sum(axis=2))
    dbm = -35 - 30 * np.log10(np.maximum(away, 0.5))
    return np.asarray(np.where(dbm > -76, dbm, np.nan))


def room_of(xy_m: Floats) -> NDArray[np.int64]:
    """Two rooms, one on each side of the middle."""
    return np.asarray(np.where(xy_m[:, 0] > 12, EAST, WEST))


def floor_map(number: int = 1, *, room_shift: int = 0, **bounds: Any) -> FloorMap:
    """The measured hall."""
    places = fingerprint_map(strengths(GRID), GRID, room_of(GRID) + room_shift)
    return FloorMap(
        number, bounds.get("from_us", 0), bounds.get("until_us", FOR_EVER_US), ACCESS_POINTS, places
    )


def circumstances(*, devices: int) -> Circumstances:
    """The map for so many devices."""
    maps = PlaceMaps([floor_map()], dict.fromkeys(range(devices), ACCESS_POINTS))
    return Circumstances(maps=maps)
