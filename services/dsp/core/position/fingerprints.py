"""A place from the strengths of access points, by measured places with similar strengths.

References
----------
Torres-Sospedra et al. 2015, Expert Systems with Applications 42:9263: of many ways to compare
fingerprints the best is the Sorensen distance of powered strengths, ((dBm - floor) / -floor)^e,
not heard = 0. It lets strong access points count and needs no invented strength for silent ones.
`locate_published` is the wellness network's: five nearest by Euclidean distance, plain mean.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.windows import Floats

FLOOR_DBM = -105.0  # below what any receiver hears
POWER = np.e
N_NEAREST = 9  # two rings of a grid
NEAR = 1e-3
PUBLISHED_NEAREST = 5
HEADING_DEG = 60.0  # maps are measured in four headings: the two next ones count
ALIKE = 0.9  # Sorensen distance beyond which a scan is from elsewhere
OWN_SHARE = 0.99  # of a map's places, how many are as much alike as `FingerprintMap.alike` says
OWN_MOST = 256  # places that are left out in turn: a map of thousands takes no longer
SAME_SPOT_M = 0.05  # measured twice at one place, facing elsewhere perhaps
LEAST_SPREAD_M = 1.0  # of the covariance, per axis: no better than the grid
# Root of the trace of the covariance in m, and the share of fixes within 5 m: 1,010 scans with all
# access points and the same with six.
CALIBRATION = ((2.5, 3.5, 4.5, 6.0, 8.5, 14.0), (0.94, 0.82, 0.8, 0.47, 0.36, 0.3))


class FingerprintMap(NamedTuple):
    """Measured places.

    Attributes
    ----------
    dbm : (places, access points), NaN where not heard
    xy_m : (places, 2)
    room : (places,), numbers of rooms
    heading_deg : (places,), which way the measuring person faced; NaN: any
    alike : Sorensen distance to the next place that `OWN_SHARE` of its own places do not exceed,
        each left out in turn; infinite where there is no other place
    """

    dbm: Floats
    xy_m: Floats
    room: NDArray[np.int64]
    heading_deg: Floats
    alike: float


class Fixes(NamedTuple):
    """A place for each scan, NaN (room -1) where there is none.

    Attributes
    ----------
    xy_m, covariance_m2 : (scans, 2), (scans, 2, 2)
    room, room_probability : (scans,), the likeliest room and the share that speaks for it
    quality : (scans,), about the share of such fixes that are within 5 m
    """

    xy_m: Floats
    covariance_m2: Floats
    room: NDArray[np.int64]
    room_probability: Floats
    quality: Floats


def fingerprint_map(
    dbm: Floats, xy_m: Floats, room: NDArray[np.int64], heading_deg: Floats | None = None
) -> FingerprintMap:
    """A map that fits together.

    Raises
    ------
    ValueError : shapes differ, a place is nowhere or hears nothing, a strength cannot be
    """
    if dbm.ndim != 2 or xy_m.shape != (len(dbm), 2) or room.shape != (len(dbm),):
        raise ValueError("strengths, places and rooms of a map do not belong together")
    if not len(dbm):
        raise ValueError("a map has at least one place")
    if not np.isfinite(xy_m).all():
        raise ValueError("a place of the map is nowhere")
    heard = np.isfinite(dbm)
    if not heard.any(axis=1).all():
        raise ValueError("a place of the map hears no access point")
    if np.any(dbm[heard] > 0) or np.any(dbm[heard] < FLOOR_DBM):
        raise ValueError(f"strengths are {FLOOR_DBM:.0f} to 0 dBm")
    facing = np.full(len(dbm), np.nan) if heading_deg is None else heading_deg
    if facing.shape != (len(dbm),):
        raise ValueError("headings of a map do not belong to its places")
    return FingerprintMap(dbm, xy_m, room, facing, _own_alike(dbm, xy_m, facing))


def _own_alike(dbm: Floats, xy_m: Floats, heading_deg: Floats) -> float:
    some = np.unique(np.linspace(0, len(dbm) - 1, OWN_MOST).astype(np.intp))
    distance = _sorensen(_powered(dbm[some]), _powered(dbm))
    off = xy_m[some, None] - xy_m
    is_other = off[..., 0] ** 2 + off[..., 1] ** 2 > SAME_SPOT_M**2
    is_other &= _faces(heading_deg, heading_deg[some], len(some))
    next_one = np.where(is_other, distance, np.inf).min(axis=1)
    next_one = next_one[np.isfinite(next_one)]
    return float(np.quantile(next_one, OWN_SHARE, method="higher")) if len(next_one) else np.inf


class Nearest(NamedTuple):
    """The measured places that are most like each scan.

    Attributes
    ----------
    order, weight : (scans, nearest), rows of the map, and how much each speaks for the scan being
        there, 0 where it does not
    misfit : (scans,), Sorensen distance to the most alike in `FingerprintMap.alike`: beyond 1 it
        fits the map worse than the map's own places fit each other; 0 where it is like none
    """

    order: NDArray[np.intp]
    weight: Floats
    misfit: Floats


def nearest(places: FingerprintMap, dbm: Floats, heading_deg: Floats | None = None) -> Nearest:
    """What scans (scans, access points) are like; `heading_deg` (scans,), NaN where unknown."""
    distance = _sorensen(_powered(dbm), _powered(places.dbm))
    distance = np.where(_faces(places.heading_deg, heading_deg, len(dbm)), distance, np.inf)
    order, apart = _nearest(distance, N_NEAREST)
    alike = np.isfinite(apart) & (apart[:, :1] <= ALIKE)
    apart = np.where(alike, apart, 0.0)
    weight = np.where(alike, 1 / (apart + NEAR) ** 2, 0.0)
    return Nearest(order, weight, (apart[:, 0] + NEAR) / (places.alike + NEAR))


def fitting(misfit: Floats) -> Floats:
    """How much of its quality a place keeps: as places count, by 1 / distance squared."""
    return 1 / np.maximum(misfit, 1.0) ** 2


def locate(places: FingerprintMap, dbm: Floats, heading_deg: Floats | None = None) -> Fixes:
    """Places of scans (scans, access points); `heading_deg` (scans,) where it is known."""
    found = nearest(places, dbm, heading_deg)
    return _fixes(places, found.order, found.weight, fitting(found.misfit))


def locate_published(
    places: FingerprintMap, dbm: Floats, heading_deg: Floats | None = None
) -> Fixes:
    """The published rule: five nearest by Euclidean distance in dB, plain mean of their places."""
    here = np.where(np.isfinite(dbm), dbm, FLOOR_DBM)
    there = np.where(np.isfinite(places.dbm), places.dbm, FLOOR_DBM)
    distance = np.stack([np.sqrt(((there - scan) ** 2).sum(axis=1)) for scan in here])
    distance = np.where(_faces(places.heading_deg, heading_deg, len(dbm)), distance, np.inf)
    order, apart = _nearest(distance, PUBLISHED_NEAREST)
    heard = np.isfinite(dbm).any(axis=1, keepdims=True)
    weight = (np.isfinite(apart) & heard).astype(np.float64)
    return _fixes(places, order, weight, np.ones(len(dbm)))


def _powered(dbm: Floats) -> Floats:
    heard = np.isfinite(dbm)
    share = np.clip((np.where(heard, dbm, FLOOR_DBM) - FLOOR_DBM) / -FLOOR_DBM, 0, 1)
    return np.asarray(np.where(share > 0, functions.exp(POWER * functions.log(share)), 0.0))


def _sorensen(scans: Floats, places: Floats) -> Floats:
    """(scans, places), 0 where alike, 1 where nothing is shared."""
    total, apart = np.zeros((2, len(scans), len(places)))
    for scan, place in zip(scans.T, places.T, strict=True):  # one access point after the other
        total += scan[:, None] + place
        apart += np.abs(scan[:, None] - place)
    return np.where(total > 0, apart / np.where(total > 0, total, 1.0), 1.0)


def _faces(measured_deg: Floats, heading_deg: Floats | None, scans: int) -> NDArray[np.bool_]:
    """Which places (scans, places) were measured facing about the same way."""
    if heading_deg is None:
        return np.ones((scans, len(measured_deg)), dtype=bool)
    turn = np.abs((heading_deg[:, None] - measured_deg[None] + 180) % 360 - 180)
    return np.asarray(np.isnan(turn) | (turn <= HEADING_DEG))


def _nearest(distance: Floats, n: int) -> tuple[NDArray[np.intp], Floats]:
    order = np.argsort(distance, axis=1, kind="stable")[:, :n]
    return order, np.take_along_axis(distance, order, axis=1)


def _fixes(places: FingerprintMap, order: NDArray[np.intp], weight: Floats, fit: Floats) -> Fixes:
    total = weight.sum(axis=1)
    found = total > 0
    share = weight / np.where(found, total, 1.0)[:, None]
    near = places.xy_m[order]
    xy = (near * share[:, :, None]).sum(axis=1)
    off = near - xy[:, None]
    covariance = (off[:, :, :, None] * off[:, :, None, :] * share[:, :, None, None]).sum(axis=1)
    covariance += LEAST_SPREAD_M**2 * np.eye(2)
    rooms = np.unique(places.room)
    of_room = np.stack([(share * (places.room[order] == room)).sum(axis=1) for room in rooms], 1)
    likeliest = of_room.argmax(axis=1)
    spread = np.sqrt(covariance[:, 0, 0] + covariance[:, 1, 1])
    return Fixes(
        xy_m=np.where(found[:, None], xy, np.nan),
        covariance_m2=np.where(found[:, None, None], covariance, np.nan),
        room=np.where(found, rooms[likeliest], -1),
        room_probability=np.where(found, of_room.max(axis=1), np.nan),
        quality=np.where(found, np.interp(spread, *CALIBRATION) * fit, 0.0),
    )
