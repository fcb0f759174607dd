"""The place of each device at each scan, from its scans of the last half minute.

A hidden-Markov filter whose states are the measured places: a scan says which of them it is like
(`places`), and from scan to scan nobody goes faster than people walk. It is run anew over the
scans of the last `MEMORY_S`. So a place that fits its scan by chance, and no place before, counts
less; a room is told by all scans since somebody may have entered it. A scan that fits nothing
before is passed over once. Scans that fit the map worse than its own places fit each other, on the
mean of what is remembered, are of somewhere or something else: all that is told counts less.

Taken from the idea of Seco et al. 2010 (IPIN, hidden-Markov tracking on fingerprints); departs
from it in that only the places that a scan is like are states, so a step costs 81 products.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.outputs import Output, Reading
from services.dsp.core.position.fingerprints import (
    CALIBRATION,
    LEAST_SPREAD_M,
    N_NEAREST,
    fitting,
)
from services.dsp.core.position.places import NO_MAP, Devices, PlaceMaps, in_turn
from services.dsp.core.windows import Floats, Instants, shifted, take
from shared.contracts.measures import Measure
from shared.contracts.methods import Method

MEMORY_S = 30
CHANNELS = 64  # access points that a scan has at most, see the table of streams
DELAY_S = 0
GIVEN_S = 10  # while scans are like no place, the last one is told for so long
WALKING_M_S = 1.0  # indoors, with stops: the spread of a place grows so fast
GRID_M = 1.2  # the published distance of measured places: nobody stands just on one
ROOM_SURE = 0.97  # of 932 scans that were like places of one room only 96.8 % were made there
STRAY = 0.01  # 99 % of those who walk are within what this leaves; less is passed over once
HOLDS_95 = 2.9  # of the spread of an axis: holds 95 % of 1,010 scans at 101 places
MEASURES = (Measure.POSITION_X, Measure.POSITION_Y, Measure.POSITION, Measure.ROOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scans:
    """What the scans of the last seconds were like: (devices, MEMORY_S, ...), see `Candidates`."""

    floor: NDArray[np.int64]
    share: Floats
    xy_m: Floats
    room: NDArray[np.int64]
    weight: Floats
    misfit: Floats


class _Belief(NamedTuple):
    """Where each device is thought to be, and when it was last scanned.

    Attributes
    ----------
    second : (devices,), place of that scan in the memory; -1: none
    weight : (devices, N_NEAREST), adds to 1
    alone : the same by that scan alone
    """

    second: NDArray[np.int64]
    floor: NDArray[np.int64]
    share: Floats
    xy_m: Floats
    room: NDArray[np.int64]
    weight: Floats
    alone: Floats
    passed_over: NDArray[np.bool_]


def init(devices: int, rate_hz: int = 1) -> Scans:
    """Nothing scanned yet. Scans come at any pace up to one a second."""
    if rate_hz != 1:
        raise ValueError(f"scans have a grid of 1 Hz, not {rate_hz}")
    shape = devices, MEMORY_S
    return Scans(
        floor=np.full(shape, NO_MAP, dtype=np.int64),
        share=np.zeros(shape),
        xy_m=np.zeros((*shape, N_NEAREST, 2)),
        room=np.zeros((*shape, N_NEAREST), dtype=np.int64),
        weight=np.zeros((*shape, N_NEAREST)),
        misfit=np.zeros(shape),
    )


def step(
    state: Scans,
    samples: tuple[Floats, Floats],
    times: Instants,
    maps: PlaceMaps,
    devices: Devices,
) -> tuple[Scans, Output]:
    """Take one second of strengths (devices, channels, 1) and heading (devices, 1, 1)."""
    dbm, heading = samples
    now = maps.scanned(devices, times, dbm[:, :, 0], heading[:, 0, 0])
    state = Scans(
        floor=shifted(state.floor, now.floor[:, None]),
        share=shifted(state.share, now.share[:, None]),
        xy_m=shifted(state.xy_m, now.xy_m[:, None]),
        room=shifted(state.room, now.room[:, None]),
        weight=shifted(state.weight, now.weight[:, None]),
        misfit=shifted(state.misfit, now.misfit[:, None]),
    )
    told = np.full((len(MEASURES), 2, len(devices)), np.nan)
    told[:, 1] = 0.0
    scanned = np.flatnonzero(now.floor != NO_MAP)
    if len(scanned):
        of_scanned = take(state, scanned)
        told[:, :, scanned] = _told(_followed(of_scanned), _fit(of_scanned))
    coverage = (now.floor != NO_MAP).astype(np.float64)
    return state, Output(
        tuple(
            Reading(measure, Method.WIFI_FINGERPRINTS, value, quality, coverage)
            for measure, (value, quality) in zip(MEASURES, told, strict=True)
        )
    )


def _followed(state: Scans) -> _Belief:
    """The filter over all scans that are remembered."""
    n = len(state.floor)
    belief = _Belief(
        second=np.full(n, -1, dtype=np.int64),
        floor=np.full(n, NO_MAP, dtype=np.int64),
        share=np.zeros(n),
        xy_m=np.zeros((n, N_NEAREST, 2)),
        room=np.zeros((n, N_NEAREST), dtype=np.int64),
        weight=np.zeros((n, N_NEAREST)),
        alone=np.zeros((n, N_NEAREST)),
        passed_over=np.zeros(n, dtype=np.bool_),
    )
    for second in np.flatnonzero((state.floor >= 0).any(axis=0)).tolist():
        belief = _went_on(belief, state, second)
    return belief


def _went_on(belief: _Belief, state: Scans, second: int) -> _Belief:
    scanned = state.floor[:, second] >= 0
    weight, xy = state.weight[:, second], state.xy_m[:, second]
    is_same = (belief.second >= 0) & (belief.floor == state.floor[:, second])
    spread2 = GRID_M**2 + (WALKING_M_S * (second - belief.second)) ** 2
    off = xy[:, :, None] - belief.xy_m[:, None]  # (devices, to, from, 2)
    far2 = off[..., 0] ** 2 + off[..., 1] ** 2
    near = functions.exp(-far2 / (2 * spread2[:, None, None]))
    reach = in_turn(np.moveaxis(near * belief.weight[:, None], 2, 1))
    met = in_turn(weight * reach)
    strayed = scanned & (belief.second >= 0) & ((met < STRAY) | ~is_same)
    passed_over = strayed & ~belief.passed_over
    goes_on = is_same & ~strayed
    after = np.where(
        goes_on[:, None], weight * reach / np.where(met > 0, met, 1.0)[:, None], weight
    )
    taken = scanned & ~passed_over
    return _Belief(
        second=np.where(taken, second, belief.second),
        floor=np.where(taken, state.floor[:, second], belief.floor),
        share=np.where(taken, state.share[:, second], belief.share),
        xy_m=np.where(taken[:, None, None], xy, belief.xy_m),
        room=np.where(taken[:, None], state.room[:, second], belief.room),
        weight=np.where(taken[:, None], after, belief.weight),
        alone=np.where(taken[:, None], weight, belief.alone),
        passed_over=np.where(scanned, passed_over, belief.passed_over),
    )


def _fit(state: Scans) -> Floats:
    """How well the scans that are remembered fit the maps: (devices,), 1 as the maps themselves."""
    is_placed = state.floor >= 0
    count = is_placed.sum(axis=1)
    return fitting(in_turn(np.where(is_placed, state.misfit, 0.0)) / np.maximum(count, 1))


def _told(belief: _Belief, fit: Floats) -> Floats:
    """(measures, 2, devices): values and their qualities."""
    n = len(belief.second)
    age_s = MEMORY_S - 1 - belief.second
    there = (belief.second >= 0) & (age_s < GIVEN_S)
    xy = in_turn(belief.weight[:, :, None] * belief.xy_m)
    off = belief.xy_m - xy[:, None]
    # By the newest scan alone: scans of one place err alike, so many are no surer than one.
    spread2 = in_turn(belief.alone * (off[..., 0] ** 2 + off[..., 1] ** 2))
    spread2 = spread2 + 2 * (LEAST_SPREAD_M**2 + (WALKING_M_S * age_s) ** 2)
    same_room = belief.room[:, :, None] == belief.room[:, None]
    of_room = in_turn(np.moveaxis(np.where(same_room, belief.weight[:, None], 0.0), 2, 1))
    likeliest = of_room.argmax(axis=1)
    rows = np.arange(n)
    sure = belief.share * fit
    quality = np.interp(np.sqrt(spread2), *CALIBRATION) * sure
    room_quality = ROOM_SURE * of_room[rows, likeliest] * sure
    # A walk of some steps may lead out of a room; halved by the time that no place is told at all.
    room_quality = room_quality * (1 - age_s / (2 * GIVEN_S))
    values = (xy[:, 0], xy[:, 1], HOLDS_95 * np.sqrt(spread2 / 2), belief.room[rows, likeliest])
    qualities = (quality, quality, quality, room_quality)
    told = np.array([values, qualities], dtype=np.float64).transpose(1, 0, 2)
    told[:, 0] = np.where(there, told[:, 0], np.nan)
    told[:, 1] = np.where(there, told[:, 1], 0.0)
    return told
