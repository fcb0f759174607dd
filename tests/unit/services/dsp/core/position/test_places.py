"""Maps that hold for a time, several floors, and what one scan after the other tells."""

from typing import Any

import numpy as np

from services.dsp.core.position import whereabouts
from services.dsp.core.position.places import NO_MAP, NOWHERE, PlaceMaps
from shared.contracts.measures import Measure
from tests.unit.services.dsp import halls

Floats = Any
SECOND_US = 1_000_000
SPOT = np.array([[18.0, 7.0]])
NO_HEADING = np.full(1, np.nan)
ME = np.array([7], dtype=np.int32)


def scan(xy_m: Floats, channels: int = whereabouts.CHANNELS) -> Floats:
    dbm = np.full((len(xy_m), channels), np.nan)
    heard = halls.strengths(xy_m)
    dbm[:, : heard.shape[1]] = heard
    return dbm


def known(*maps: Any, names: tuple[str, ...] = halls.ACCESS_POINTS) -> PlaceMaps:
    return PlaceMaps(list(maps), {7: names})


def test_a_map_holds_from_one_moment_until_another() -> None:
    places = known(
        halls.floor_map(1, from_us=100, until_us=200), halls.floor_map(2, from_us=200, room_shift=5)
    )
    for at_us, floor in ((99, NO_MAP), (100, 1), (199, 1), (200, 2)):
        found = places.scanned(ME, np.array([at_us]), scan(SPOT), NO_HEADING)
        assert found.floor[0] == floor
        if floor > 0:
            assert found.room[0, 0] == halls.EAST + 5 * (floor - 1)


def test_who_has_no_map_or_is_nowhere_has_no_place() -> None:
    def floor(places: PlaceMaps, dbm: Floats, device: int = 7) -> int:
        devices = np.array([device], dtype=np.int32)
        return int(places.scanned(devices, np.array([1]), dbm, NO_HEADING).floor[0])

    hall = known(halls.floor_map())
    assert floor(hall, scan(SPOT)) == 1
    assert floor(known(), scan(SPOT)) == NO_MAP
    assert floor(known(halls.floor_map(), names=("x", "y")), scan(SPOT)) == NO_MAP
    assert floor(hall, scan(SPOT), device=8) == NO_MAP
    assert floor(hall, np.full((1, 6), np.nan)) == NO_MAP
    assert floor(hall, np.full((1, 6), -104.0)) == NOWHERE
    assert floor(hall, np.full((1, 6), 20.0)) == NO_MAP  # no strength: as if not heard


def test_the_floor_is_where_the_likest_places_are() -> None:
    upstairs = halls.floor_map(2, room_shift=10)
    weaker = upstairs.places._replace(dbm=upstairs.places.dbm - 15)
    places = known(halls.floor_map(1), upstairs._replace(places=weaker))
    for shift, floor in ((0, 1), (-15, 2)):
        found = places.scanned(ME, np.array([1]), scan(SPOT) + shift, NO_HEADING)
        assert found.floor[0] == floor
        assert found.share[0] > 0.5
        assert abs(found.weight[0].sum() - 1) < 1e-12
        assert set(found.room[0][found.weight[0] > 0]) == {halls.EAST + 10 * (floor - 1)}


def test_channels_are_taken_by_their_names() -> None:
    turned = known(halls.floor_map(), names=tuple(reversed(halls.ACCESS_POINTS)))
    plain = known(halls.floor_map()).scanned(ME, np.array([1]), scan(SPOT), NO_HEADING)
    dbm = scan(SPOT)
    dbm[:, :6] = dbm[:, 5::-1]
    found = turned.scanned(ME, np.array([1]), dbm, NO_HEADING)
    np.testing.assert_array_equal(found.xy_m, plain.xy_m)


def told(
    path: Floats, *, places: PlaceMaps, each_s: int = 2, elsewhere_dbm: float = np.nan
) -> list[dict[Measure, float]]:
    """What is told at each scan of a path, one place a second; NaN: elsewhere."""
    state = whereabouts.init(1)
    out = []
    for second, spot in enumerate(path):
        dbm = np.full((1, whereabouts.CHANNELS), elsewhere_dbm)
        if second % each_s == 0 and np.isfinite(spot).all():
            dbm = scan(spot[None])
        state, output = whereabouts.step(
            state, (dbm[:, :, None], np.full((1, 1, 1), np.nan)),
            np.array([second * SECOND_US]), places, ME,
        )  # fmt: skip
        if second % each_s == 0:
            out.append(
                {one.measure: float(one.value[0]) for one in output.readings}
                | {Measure.ACTIVITY: float(output.readings[0].quality[0])}
            )
    return out


def test_a_walk_is_followed_and_a_stray_is_passed_over_once() -> None:
    places = known(halls.floor_map())
    path = np.stack((4 + 0.5 * np.arange(30), np.full(30, 6.0)), axis=1)
    away = path.copy()
    away[20] = (1.0, 1.0)
    plain, strayed = told(path, places=places), told(away, places=places)
    for place, one in enumerate(plain):
        assert abs(one[Measure.POSITION_X] - path[2 * place, 0]) < 1.5
    assert abs(strayed[10][Measure.POSITION_X] - plain[9][Measure.POSITION_X]) < 1.0
    assert strayed[10][Measure.POSITION] > plain[10][Measure.POSITION]
    moved = path.copy()
    moved[20:] = (1.0, 1.0)
    after = told(moved, places=places)
    assert after[10][Measure.POSITION_X] > 10  # once is a stray, twice is a move
    assert after[11][Measure.POSITION_X] < 4


def test_scans_that_fit_the_map_badly_are_doubted_by_their_mean() -> None:
    """Each access point stands in the column of another, as after somebody exchanged two."""

    def quality(names: tuple[str, ...]) -> list[float]:
        rng = np.random.default_rng(4)
        places, state = known(halls.floor_map(), names=names), whereabouts.init(1)
        told_ones = []
        for second in range(30):
            dbm = halls.strengths(SPOT) + rng.normal(0.0, 2.0, (1, len(names)))
            state, output = whereabouts.step(
                state, (dbm[:, :, None], np.full((1, 1, 1), np.nan)),
                np.array([second * SECOND_US]), places, ME,
            )  # fmt: skip
            told_ones.append(float(output.readings[0].quality[0]))
        return told_ones

    names = halls.ACCESS_POINTS
    right = quality(names)
    assert min(right) >= 0.7
    wrong = quality((names[4], *names[1:4], names[0], names[5]))
    assert max(wrong[5:]) < 0.7  # what a page shows without a mark


def test_a_place_grows_doubtful_and_is_told_no_more() -> None:
    """From second 10 on the node scans, and hears too little to be anywhere."""
    places = known(halls.floor_map())
    path = np.repeat(SPOT, 40, axis=0)
    path[10:] = np.nan
    after = told(path, places=places, each_s=1, elsewhere_dbm=-104.0)
    assert after[9][Measure.ROOM] == halls.EAST
    assert after[15][Measure.POSITION] > after[10][Measure.POSITION] > after[9][Measure.POSITION]
    assert after[15][Measure.ACTIVITY] < after[9][Measure.ACTIVITY]
    assert np.isnan(after[19][Measure.POSITION_X])
