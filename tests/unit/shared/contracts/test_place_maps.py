"""Maps of places: what is taken, what is refused and why."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import place_maps
from shared.contracts.place_maps import read_csv, read_json, stored_points
from shared.errors import Invalid

SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4]]


def hall(**changes: Any) -> dict[str, Any]:
    return {
        "site": "ward-a",
        "floor": "0",
        "access_points": ["ap1", "ap2"],
        "rooms": [{"name": "Day room", "outline": SQUARE}],
        "points": [
            {"x": 1, "y": 1, "dbm": [-50, None], "heading": 90},
            {"x": 9, "y": 1.5, "room": "Corridor", "dbm": [-70.5, -40]},
        ],
        **changes,
    }


def test_rooms_come_by_name_or_by_outline() -> None:
    taken = read_json(msgspec.json.encode(hall()))
    assert [room.name for room in taken.rooms] == ["Day room", "Corridor"]
    assert [point.room for point in taken.points] == ["Day room", "Corridor"]
    assert stored_points(taken) == [
        [1.0, 1.0, 0, 90.0, [-50.0, None]],
        [9.0, 1.5, 1, None, [-70.5, -40.0]],
    ]


def test_csv_says_the_same_as_json() -> None:
    text = "x,y,room,heading,ap1,ap2\n1,1,Day room,90,-50,\n\n9,1.5,Corridor,,-70.5,-40\n"
    taken = read_csv(text.encode(), site="ward-a", floor="0")
    rooms = [{"name": "Day room"}]
    assert taken.digest == read_json(msgspec.json.encode(hall(rooms=rooms, points=[
        {**hall()["points"][0], "room": "Day room"}, hall()["points"][1],
    ]))).digest  # fmt: skip
    bare = read_csv(b"x,y,room,ap1\r\n1,1,A,-50\r\n", site="s", floor="0")
    assert bare.points[0].heading is None


def point(**changes: Any) -> dict[str, Any]:
    return hall(points=[{"x": 1, "y": 1, "dbm": [-50, None], **changes}])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (point(dbm=[-50]), r"points\[0\]: 1 strengths, there are 2"),
        (point(dbm=[None, None]), "no access point was heard"),
        (point(dbm=[-50, 7]), r"points\[0\].dbm\[1\]|<= 0"),
        (point(dbm=[-50, -300]), r">= -105"),
        (point(x=1e9), "points"),
        (point(x=50), r"points\[0\]: names no room"),
        (point(heading=360), "heading"),
        (point(unknown=1), "unknown field"),
        (hall(points=[]), "length"),
        (hall(access_points=["ap1", "ap1"]), "access point stands twice"),
        (hall(rooms=[{"name": "A"}, {"name": "A"}]), "room stands twice"),
        (hall(rooms=[{"name": "A", "outline": [[0, 0], [1, 1]]}]), "outline"),
        (hall(site="../etc"), "site"),
        (hall(site="ward-a\n"), "site"),
        (point(room="Day room\n"), "room"),
        (point(room=""), "room"),
        ([1], "object"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(given: Any, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        read_json(msgspec.json.encode(given))
    assert refused.value.reason == place_maps.REASON


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1"),
        ("a,b\n1,2\n", "line 1"),
        ("x,y,room,ap1\n1,2,A\n", "line 2: 3 fields"),
        ("x,y,room,ap1\n1,2,A,loud\n", "line 2: could not"),
        ("x,y,room,ap1\n1,nan,A,-50\n", "line 2, y: "),
        (
            "x,y,room,ap1,ap2\n1,2,A,-50,-60\n\n1,2,A,-50,60\n",
            "line 4, ap2: expected a number <= 0",
        ),
        ("x,y,room,ap1\n1,2,A,\n", "line 2: no access point"),
        ("x,y,room,ap1\n1,2,A,-50\n1,2,,-50\n", "line 3: names no room"),
        ("x,y,room\n1,2,A\n", "access_points"),
        ('x,y,room,ap1\n1,2,"A,-50\n', "no CSV"),
    ],
)
def test_a_csv_that_cannot_be_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_csv(text.encode(), site="ward-a", floor="0")


@pytest.mark.parametrize("read", [read_json, lambda data: read_csv(data, site="a", floor="0")])
def test_size_is_bounded_before_anything_is_read(read: Callable[[bytes], object]) -> None:
    with pytest.raises(Invalid, match="bytes"):
        read(b"[" * (place_maps.LARGEST_MAP_BYTES + 1))
    with pytest.raises(Invalid):
        read(b"[" * 100_000)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_map_or_refused(data: bytes) -> None:
    for read in (read_json, lambda given: read_csv(given, site="a", floor="0")):
        with pytest.raises(Invalid):
            read(data)
