"""The hall in which nodes of system E are carried: rooms, access points, strengths, and its map.

The map is made as the published one was: places 1.2 m apart, measured in four headings. Strengths
follow a multi-wall model (COST 231): 25 dB a decade of distance, 4 dB for each wall between, and up
to 3 dB for the body of the wearer who turns the back to an access point.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SITE, FLOOR = "demonstration", "0"
ACCESS_POINTS = ("ap1", "ap2", "ap3", "ap4", "ap5", "ap6")  # the channels of the model
AT_M = np.array([[0, 0], [12, 0], [24, 0], [0, 9], [12, 9], [24, 9]], np.float64)
GRID_M, HEADINGS_DEG = 1.2, (0, 90, 180, 270)
NEAR_DBM, DECADE_DB, WALL_DB, BODY_DB = -38.0, 25.0, 4.0, 3.0
ROOMS = {
    "Room 1": (0.0, 5.4, 8.0, 9.0),
    "Room 2": (8.0, 5.4, 16.0, 9.0),
    "Room 3": (16.0, 5.4, 24.0, 9.0),
    "Corridor": (0.0, 3.6, 24.0, 5.4),
    "Day room": (0.0, 0.0, 12.0, 3.6),
    "Gymnasium": (12.0, 0.0, 24.0, 3.6),
}
WALLS = np.array(
    [
        [(0, 5.4), (24, 5.4)], [(0, 3.6), (24, 3.6)], [(8, 5.4), (8, 9)], [(16, 5.4), (16, 9)],
        [(12, 0), (12, 3.6)],
    ]
)  # fmt: skip
BEDS = ((3.0, 7.4), (11.0, 7.4), (19.0, 7.4))
CHAIRS = ((4.0, 1.6), (8.0, 1.6), (18.0, 1.6))
CORRIDOR_Y = 4.5
ROUND_S = 240  # at the bed, over to the chair, there, and back
LEAVES_S, ARRIVES_S, RETURNS_S = 100, 124, 216


def strengths(xy_m: Floats, heading_deg: Floats) -> Floats:
    """(places, access points) in dBm, without noise."""
    off = AT_M[None] - xy_m[:, None]
    metres = np.hypot(off[..., 0], off[..., 1])
    turned = np.arctan2(off[..., 0], off[..., 1]) - np.radians(heading_deg)[:, None]
    body = BODY_DB * (1 - np.cos(turned)) / 2
    return np.asarray(NEAR_DBM - DECADE_DB * np.log10(metres + 1) - WALL_DB * _walls(xy_m) - body)


def carried(second: int, number: int) -> tuple[Floats, float]:
    """Where a node is (1, 2) and which way it faces, degrees clockwise from where y grows."""
    bed, chair = (np.array(places[number % len(places)]) for places in (BEDS, CHAIRS))
    way = np.array([bed, (bed[0], CORRIDOR_Y), (chair[0], CORRIDOR_Y), chair])
    now = (second + number * 37) % ROUND_S
    if now < LEAVES_S:
        return bed[None], 180.0
    if ARRIVES_S <= now < RETURNS_S:
        return chair[None], 0.0
    if now >= RETURNS_S:
        return _along(way[::-1], (now - RETURNS_S) / (ROUND_S - RETURNS_S))
    return _along(way, (now - LEAVES_S) / (ARRIVES_S - LEAVES_S))


def hall_map() -> dict[str, Any]:
    """The map of the hall, as `shared.contracts.place_maps` takes it."""
    grid = GRID_M * np.array([(x + 0.5, y + 0.5) for x in range(20) for y in range(7)])
    points = [
        {"x": x, "y": y, "heading": heading, "dbm": dbm}
        for heading in HEADINGS_DEG
        for (x, y), dbm in zip(
            grid.round(1).tolist(),
            strengths(grid, np.full(len(grid), float(heading))).round(1).tolist(),
            strict=True,
        )
    ]
    rooms = [
        {"name": name, "outline": [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]}
        for name, (x0, y0, x1, y1) in ROOMS.items()
    ]
    return {
        "site": SITE,
        "floor": FLOOR,
        "access_points": list(ACCESS_POINTS),
        "rooms": rooms,
        "points": points,
    }


def room_at(xy_m: Floats) -> str:
    """The room of one place (1, 2)."""
    ((x, y),) = xy_m.tolist()
    return next(name for name, (x0, y0, x1, y1) in ROOMS.items() if x0 <= x <= x1 and y0 <= y <= y1)


def _along(way: Floats, share: float) -> tuple[Floats, float]:
    legs = np.diff(way, axis=0)
    lengths = np.hypot(*legs.T)
    gone = share * lengths.sum()
    leg = min(int(np.searchsorted(lengths.cumsum(), gone, side="right")), len(legs) - 1)
    on_it = (gone - lengths[:leg].sum()) / lengths[leg]
    heading = float(np.degrees(np.arctan2(*legs[leg]))) % 360
    return (way[leg] + on_it * legs[leg])[None], heading


def _walls(xy_m: Floats) -> Floats:
    """(places, access points): how many walls stand between."""
    count = np.zeros((len(xy_m), len(AT_M)))
    for start, end in WALLS:
        sides = [_side(start, end, points) for points in (xy_m, AT_M)]
        across = sides[0][:, None] != sides[1][None]
        line = [
            np.array([[_turn(place, point, corner) for point in AT_M] for place in xy_m]) > 0
            for corner in (start, end)
        ]
        count += across & (line[0] != line[1])
    return count


def _side(start: Floats, end: Floats, points: Floats) -> NDArray[np.bool_]:
    return np.array([_turn(start, end, point) for point in points]) > 0


def _turn(a: Floats, b: Floats, c: Floats) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
