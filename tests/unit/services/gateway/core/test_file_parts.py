"""Parts of files: any order, repeats, overlaps; what is missing."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.core.file_parts import Coverage, FilePart, joined, read_part
from shared.contracts.decoding import Envelope, Refused
from shared.contracts.parking import Reason

DATA = b"what the device recorded"
ENVELOPE = Envelope(7, 3, 1_000)


def said(**other: str) -> list[tuple[str, str]]:
    told = {"file": "ECG0001.TXT", "offset": "0", "total": "24", "crc32": f"{zlib.crc32(DATA):08x}"}
    return list((told | other).items())


def test_a_part_is_what_its_properties_say() -> None:
    part = read_part(said(), DATA, "telecare_file", ENVELOPE)
    assert isinstance(part, FilePart)
    assert (part.name, part.total, part.starts, part.is_sound) == ("ECG0001.TXT", 24, 0, True)
    assert not part._replace(data=b"What the device recorded").is_sound


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"file": "../etc/passwd"}, Reason.MALFORMED),
        ({"file": "a\nb"}, Reason.MALFORMED),
        ({"file": ""}, Reason.MALFORMED),
        ({"file": "a\x85b"}, Reason.MALFORMED),
        ({"file": "a\u2028b"}, Reason.MALFORMED),
        ({"offset": "-1"}, Reason.MALFORMED),
        ({"offset": "1"}, Reason.MALFORMED),
        ({"offset": "x"}, Reason.MALFORMED),
        ({"total": "0"}, Reason.TOO_LARGE),
        ({"total": "67108865"}, Reason.TOO_LARGE),
        ({"crc32": "123"}, Reason.MALFORMED),
        ({"crc32": "0x123456"}, Reason.MALFORMED),
    ],
)
def test_a_part_that_makes_no_sense_is_refused(other: dict[str, str], reason: Reason) -> None:
    refused = read_part(said(**other), DATA, "telecare_file", ENVELOPE)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.boot, refused.n) == (reason, 7, 3)


def test_a_message_without_bytes_is_a_question() -> None:
    part = read_part([("file", "a"), ("total", "9")], b"", "csv", None)
    assert isinstance(part, FilePart)
    assert part.is_question


RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair))),
    max_size=20,
)


@given(RANGES)
def test_missing_is_what_no_range_covers(ranges: list[tuple[int, int]]) -> None:
    coverage = Coverage(ranges)
    there = {at for start, end in ranges for at in range(start, end)}
    missing = {at for start, end in coverage.missing(100, 1_000) for at in range(start, end)}
    assert missing == set(range(100)) - there
    assert coverage.n_there == len(there)
    assert coverage.is_whole(100) is (not missing)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_any_overlapping_parts_join_to_the_file(content: bytes, data: st.DataObject) -> None:
    total = len(content)
    cut = st.tuples(st.integers(0, total - 1), st.integers(1, 50))
    ranges = [(a, min(total, a + n)) for a, n in data.draw(st.lists(cut, max_size=20))]
    ranges += Coverage(ranges).missing(total, 1_000)
    parts = sorted((a, content[a:b]) for a, b in ranges)
    assert joined(parts, total) == content


def test_parts_that_contradict_each_other_are_told() -> None:
    assert joined([(0, b"abcd"), (2, b"cX")], 4) == 2
    assert joined([(0, b"ab")], 4) == 2
