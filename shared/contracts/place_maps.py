"""Maps of measured places as people bring them: JSON or CSV, checked whole before anything is kept.

JSON: ``{site, floor, access_points: [name], rooms: [{name, outline?: [[x, y]]}], points: [{x, y,
room?, heading?, dbm: [number or null]}]}``. A point without `room` lies in the one whose outline
holds it. CSV: a head ``x,y,room,heading,<access points>`` (`heading` may be left out), one place a
row, an empty field where nothing was heard. Metres, degrees clockwise from where y grows, dBm.
"""

import csv
import hashlib
import re
from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.errors import Invalid

LARGEST_MAP_BYTES = 2 * 1024 * 1024
POINTS_MOST = 5_000
ROOMS_MOST = 500
CORNERS_MOST = 5_000  # of all rooms together
ACCESS_POINTS_MOST = 64  # channels that a scan has at most
WEAKEST_DBM = -105.0  # below what any receiver hears
REASON = "bad_map"

_PLACE = re.compile(r"points\[(\d+)\]")
_OF_POINT = re.compile(
    r"(?P<why>.*) - at `\$\.points\[(?P<place>\d+)\]\.(?P<field>\w+)(\[(?P<column>\d+)\])?`",
    re.DOTALL,
)

Key = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,40}\Z")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,80}\Z")]
Metres = Annotated[float, msgspec.Meta(ge=-100_000, le=100_000)]
Degrees = Annotated[float, msgspec.Meta(ge=0, lt=360)]
Strength = Annotated[float, msgspec.Meta(ge=WEAKEST_DBM, le=0)]
Corner = tuple[Metres, Metres]


class Room(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A room, with its corners in metres where they are known."""

    name: Name
    outline: Annotated[tuple[Corner, ...], msgspec.Meta(min_length=3, max_length=64)] | None = None


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measured place: the strength of each access point, None where it was not heard."""

    x: Metres
    y: Metres
    dbm: tuple[Strength | None, ...]
    room: Name | None = None
    heading: Degrees | None = None


class PlaceMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A floor of a site, and what was measured on it."""

    site: Key
    floor: Key
    access_points: Annotated[
        tuple[Name, ...], msgspec.Meta(min_length=1, max_length=ACCESS_POINTS_MOST)
    ]
    points: Annotated[tuple[Point, ...], msgspec.Meta(min_length=1, max_length=POINTS_MOST)]
    rooms: Annotated[tuple[Room, ...], msgspec.Meta(max_length=ROOMS_MOST)] = ()

    @property
    def digest(self) -> bytes:
        """The same for the same map, however it was written."""
        return hashlib.sha256(msgspec.json.encode(self)).digest()


def read_json(data: bytes) -> PlaceMap:
    """The map in a JSON text.

    Raises
    ------
    Invalid : it is none; the text says where
    """
    if len(data) > LARGEST_MAP_BYTES:
        raise _refused(f"a map has at most {LARGEST_MAP_BYTES} bytes")
    try:
        return checked(msgspec.json.decode(data, type=PlaceMap))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(str(error)) from error


def read_csv(data: bytes, *, site: str, floor: str) -> PlaceMap:
    """The map in a CSV text.

    Raises
    ------
    Invalid : it is none; the text says in which line
    """
    if len(data) > LARGEST_MAP_BYTES:
        raise _refused(f"a map has at most {LARGEST_MAP_BYTES} bytes")
    try:
        lines = data.decode("utf-8-sig").splitlines()
        rows = list(csv.reader(lines, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(f"this is no CSV text: {error}") from error
    head = [name.strip() for name in rows[0]] if rows else []
    fixed = ["x", "y", "room", "heading"] if "heading" in head[:4] else ["x", "y", "room"]
    if head[: len(fixed)] != fixed:
        raise _refused("line 1: the head is x,y,room,heading and then the access points")
    points: list[dict[str, object]] = []
    numbers: list[int] = []  # of the lines
    for number, row in enumerate(rows[1:], 2):
        if not any(field.strip() for field in row):
            continue
        if len(row) != len(head):
            raise _refused(f"line {number}: {len(row)} fields, the head has {len(head)}")
        points.append(_point_of(row, fixed, number))
        numbers.append(number)
        if len(points) > POINTS_MOST:
            raise _refused(f"line {number}: a map has at most {POINTS_MOST} places")
    content = {
        "site": site, "floor": floor, "access_points": head[len(fixed) :], "points": points,
    }  # fmt: skip
    try:
        return checked(msgspec.convert(content, PlaceMap))
    except msgspec.MsgspecError as error:
        raise _refused(_in_lines(str(error), numbers, head[len(fixed) :])) from error
    except Invalid as error:
        text = _PLACE.sub(lambda found: f"line {numbers[int(found[1])]}", str(error))
        raise Invalid(text, reason=REASON) from error


def checked(given: PlaceMap) -> PlaceMap:
    """The map with the room of each point named, and a row for each room.

    Raises
    ------
    Invalid : its parts do not belong together
    """
    if len(set(given.access_points)) != len(given.access_points):
        raise _refused("an access point stands twice")
    if len({room.name for room in given.rooms}) != len(given.rooms):
        raise _refused("a room stands twice")
    if sum(len(room.outline or ()) for room in given.rooms) > CORNERS_MOST:
        raise _refused(f"the rooms have more than {CORNERS_MOST} corners together")
    for place, point in enumerate(given.points):
        if len(point.dbm) != len(given.access_points):
            raise _refused(
                f"points[{place}]: {len(point.dbm)} strengths, there are "
                f"{len(given.access_points)} access points"
            )
        if all(strength is None for strength in point.dbm):
            raise _refused(f"points[{place}]: no access point was heard there")
    named = _rooms_of_points(given)
    rooms = list(given.rooms)
    known = {room.name for room in rooms}
    rooms += [Room(name=name) for name in dict.fromkeys(named) if name not in known]
    if len(rooms) > ROOMS_MOST:
        raise _refused(f"a map has at most {ROOMS_MOST} rooms")
    points = tuple(
        msgspec.structs.replace(point, room=name)
        for point, name in zip(given.points, named, strict=True)
    )
    return msgspec.structs.replace(given, rooms=tuple(rooms), points=points)


def stored_points(given: PlaceMap) -> list[list[object]]:
    """Points as they are kept: [x, y, number of the room, heading, strengths]."""
    number = {room.name: place for place, room in enumerate(given.rooms)}
    return [
        [point.x, point.y, number[point.room or ""], point.heading, list(point.dbm)]
        for point in given.points
    ]


def _rooms_of_points(given: PlaceMap) -> list[str]:
    names: list[str | None] = [point.room for point in given.points]
    xy = np.array([(point.x, point.y) for point in given.points], dtype=np.float64)
    for room in given.rooms:
        if room.outline is None:
            continue
        for place in np.flatnonzero(_inside(xy, room.outline)).tolist():
            if names[place] is None:
                names[place] = room.name
    if None in names:
        place = names.index(None)
        raise _refused(f"points[{place}]: names no room, and no outline holds it")
    return [name for name in names if name is not None]


def _inside(xy: NDArray[np.float64], outline: Sequence[Corner]) -> NDArray[np.bool_]:
    """Which points a ray to the right crosses the outline an odd number of times from."""
    inside = np.zeros(len(xy), dtype=np.bool_)
    x, y = xy.T
    for (x0, y0), (x1, y1) in zip(outline, (*outline[1:], outline[0]), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def _point_of(row: Sequence[str], fixed: Sequence[str], number: int) -> dict[str, object]:
    fields = [field.strip() for field in row]
    heading = fields[3] if "heading" in fixed else ""
    try:
        return {
            "x": float(fields[0]),
            "y": float(fields[1]),
            "room": fields[2] or None,
            "heading": float(heading) if heading else None,
            "dbm": [float(field) if field else None for field in fields[len(fixed) :]],
        }
    except ValueError as error:
        raise _refused(f"line {number}: {error}") from error


def _in_lines(text: str, numbers: Sequence[int], access_points: Sequence[str]) -> str:
    """What is wrong with a value, by its line and column instead of its place in the map."""
    found = _OF_POINT.fullmatch(text)
    if found is None:
        return text
    column = found["field"] if found["column"] is None else access_points[int(found["column"])]
    why = found["why"].replace("Expected `float`", "expected a number")
    return f"line {numbers[int(found['place'])]}, {column}: {why}"


def _refused(text: str) -> Invalid:
    return Invalid(f"The map cannot be taken: {text[:300]}.", reason=REASON)
