"""Maps of measured places that hold at a time, and what a device's scan is like on them.

A map belongs to one floor of a site and holds from one moment until another, so that a time that
is computed again later is computed with the maps that held then. All maps of a moment are searched
together: the floor is where the likeliest places are.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.position.fingerprints import (
    FLOOR_DBM,
    N_NEAREST,
    FingerprintMap,
    fingerprint_map,
    nearest,
)
from services.dsp.core.windows import Floats, Instants

NO_MAP = -2  # none holds for this device, or it has not scanned
NOWHERE = -1  # scanned, and like no place of any map
JOINED_MOST = 64  # combinations of maps and devices kept ready

Devices = NDArray[np.int32]


class FloorMap(NamedTuple):
    """The measured places of one floor.

    Attributes
    ----------
    number : of the map; each version of a floor has its own
    from_us, until_us : us UTC, it holds in [from, until)
    access_points : names, columns of `places.dbm`
    places : `room` holds numbers of rooms that no other map has
    """

    number: int
    from_us: int
    until_us: int
    access_points: tuple[str, ...]
    places: FingerprintMap


class Candidates(NamedTuple):
    """Where the scan of each device may have been made.

    Attributes
    ----------
    floor : (devices,), number of the map; `NOWHERE`, `NO_MAP`
    share : (devices,), of all that the scan is like, how much is on this floor
    xy_m, room, weight : (devices, N_NEAREST, 2), (devices, N_NEAREST), (devices, N_NEAREST);
        weights add to 1, or are all 0
    misfit : (devices,), see `Nearest`; 0 where the scan is like no place
    """

    floor: NDArray[np.int64]
    share: Floats
    xy_m: Floats
    room: NDArray[np.int64]
    weight: Floats
    misfit: Floats


def nobody_placed(devices: int) -> Candidates:
    """No place for any device."""
    return Candidates(
        floor=np.full(devices, NO_MAP, dtype=np.int64),
        share=np.zeros(devices),
        xy_m=np.zeros((devices, N_NEAREST, 2)),
        room=np.zeros((devices, N_NEAREST), dtype=np.int64),
        weight=np.zeros((devices, N_NEAREST)),
        misfit=np.zeros(devices),
    )


class _Joined(NamedTuple):
    """Several maps as one, for devices with certain access points.

    Attributes
    ----------
    columns : channels of the device that are access points of the map
    floor : (places,), number of the map of each place
    """

    places: FingerprintMap
    columns: NDArray[np.intp]
    floor: NDArray[np.int64]


class PlaceMaps:
    """Maps, and which device calls its channels how; what is new is another.

    Parameters
    ----------
    maps : those that hold or have held
    channels : by device, the access point of each channel of its scans
    """

    def __init__(
        self,
        maps: Sequence[FloorMap] = (),
        channels: Mapping[int, tuple[str, ...]] | None = None,
    ) -> None:
        self._maps = sorted(maps, key=_number)
        self._channels = channels or {}
        self._joined: dict[tuple[tuple[str, ...], tuple[int, ...]], _Joined | None] = {}

    def scanned(
        self, devices: Devices, times: Instants, dbm: Floats, heading_deg: Floats
    ) -> Candidates:
        """Where each device may be by its scan: (devices, channels), NaN where not heard.

        Parameters
        ----------
        times : (devices,), us UTC of the scans
        heading_deg : (devices,), NaN where it is not known
        """
        found = nobody_placed(len(devices))
        dbm = np.where((dbm >= FLOOR_DBM) & (dbm <= 0), dbm, np.nan)
        alike: dict[tuple[tuple[str, ...], tuple[int, ...]], list[int]] = {}
        if self._maps:
            for row in np.flatnonzero(np.isfinite(dbm).any(axis=1)).tolist():
                names = self._channels.get(int(devices[row]))
                if names is not None:
                    alike.setdefault((names, self._holding(int(times[row]))), []).append(row)
        for (names, holding), rows in alike.items():
            joined = self._join(names, holding)
            if joined is not None:
                _place(found, np.array(rows), joined, dbm, heading_deg)
        return found

    def _holding(self, at_us: int) -> tuple[int, ...]:
        return tuple(
            place for place, one in enumerate(self._maps) if one.from_us <= at_us < one.until_us
        )

    def _join(self, names: tuple[str, ...], holding: tuple[int, ...]) -> _Joined | None:
        """The maps that hold as one; None when the device hears none of their access points."""
        key = names, holding
        if key not in self._joined:
            if len(self._joined) >= JOINED_MOST:
                self._joined.clear()
            self._joined[key] = _joined([self._maps[place] for place in holding], names)
        return self._joined[key]


def _number(one: FloorMap) -> int:
    return one.number


def _joined(maps: Iterable[FloorMap], names: tuple[str, ...]) -> _Joined | None:
    maps = list(maps)
    known = {name for one in maps for name in one.access_points}
    columns = [place for place, name in enumerate(names) if name in known]
    dbm, xy, room, heading, floor = [], [], [], [], []
    for one in maps:
        column_of = {name: place for place, name in enumerate(one.access_points)}
        mine = np.full((len(one.places.xy_m), len(columns)), np.nan)
        for to, channel in enumerate(columns):
            if names[channel] in column_of:
                mine[:, to] = one.places.dbm[:, column_of[names[channel]]]
        heard = np.isfinite(mine).any(axis=1)
        dbm.append(mine[heard])
        xy.append(one.places.xy_m[heard])
        room.append(one.places.room[heard])
        heading.append(one.places.heading_deg[heard])
        floor.append(np.full(int(heard.sum()), one.number, dtype=np.int64))
    if not sum(map(len, floor)):
        return None
    places = fingerprint_map(
        np.concatenate(dbm), np.concatenate(xy), np.concatenate(room), np.concatenate(heading)
    )
    return _Joined(places, np.array(columns, dtype=np.intp), np.concatenate(floor))


def _place(
    found: Candidates, rows: NDArray[np.intp], joined: _Joined, dbm: Floats, heading: Floats
) -> None:
    """Write the candidates of some rows."""
    order, weight, misfit = nearest(joined.places, dbm[rows][:, joined.columns], heading[rows])
    n = order.shape[1]
    floors = joined.floor[order]
    numbers = np.unique(joined.floor)
    of_floor = np.stack([in_turn(np.where(floors == one, weight, 0.0)) for one in numbers], axis=1)
    total = in_turn(weight)
    there = total > 0
    best = of_floor.argmax(axis=1)
    floor = numbers[best]
    on_it = of_floor[np.arange(len(rows)), best]
    weight = np.where(floors == floor[:, None], weight, 0.0)
    found.floor[rows] = np.where(there, floor, NOWHERE)
    found.share[rows] = on_it / np.where(there, total, 1.0)
    found.misfit[rows] = misfit
    found.xy_m[rows, :n] = joined.places.xy_m[order]
    found.room[rows, :n] = joined.places.room[order]
    found.weight[rows, :n] = weight / np.where(there, on_it, 1.0)[:, None]


def in_turn(terms: Floats) -> Floats:
    """The sum over the second axis, always in its order: rows beside change no bit."""
    total = np.zeros_like(terms[:, 0])
    for place in range(terms.shape[1]):
        total += terms[:, place]
    return total
