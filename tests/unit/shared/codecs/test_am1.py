"""The text export of an AM1: whole or not at all, each result at its own time."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.am1.codec import CODEC, read_file
from shared.codecs.am1.export import BadLine, Result, encode_block, read_block
from shared.contracts.decoding import Decoded, Envelope
from shared.contracts.events import EventKind
from shared.contracts.file_reading import BadFile, ReadFile

T_US = 1_800_000_000_000_000
LOCAL = datetime(2027, 1, 15, 8, 0, 0)  # noqa: DTZ001 - T_US, in UTC
VALUES = (512, 4_230, None, None, None, None, None)


def result(taken: datetime = LOCAL) -> Result:
    return Result(taken, "1", VALUES)


def decoded(data: bytes, **constants: float) -> Decoded:
    decoder = CODEC.new_decoder(CODEC.with_constants(constants))
    (found,) = decoder.feed(data, Envelope(1, 2, T_US))
    assert isinstance(found, Decoded)
    return found


taken_at = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)
results = st.builds(
    Result,
    taken_at,
    st.text("abcXYZ019 -", max_size=16),
    st.tuples(*[st.none() | st.integers(0, 99_999)] * 7),
)


@given(told=st.lists(results, min_size=1, max_size=20))
def test_what_was_written_is_read(told: list[Result]) -> None:
    block = encode_block(told)
    assert read_block(block) == (told, len(block))


def test_a_result_stands_at_its_own_time_by_the_meters_clock() -> None:
    block = encode_block([result(LOCAL - timedelta(days=300))])
    frames = decoded(block).frames
    assert [(frame.stream, frame.dt_us) for frame in frames] == [
        (25, -300 * 86_400_000_000),
        (23, -300 * 86_400_000_000),
    ]
    assert struct.unpack("<i", frames[1].data)[0] * frames[1].scale == pytest.approx(4.23)
    east = decoded(block, utc_offset_min=120.0).frames[0]
    assert east.dt_us - frames[0].dt_us == -7_200_000_000


@pytest.mark.parametrize("days", [-361, 1])
def test_a_time_that_cannot_be_is_told(days: int) -> None:
    found = decoded(encode_block([result(LOCAL + timedelta(days=days))]))
    assert [frame.dt_us for frame in found.frames] == [0, 0]
    (note,) = found.notes
    assert note.kind is EventKind.CLOCK_ABSURD


def test_a_second_line_that_is_called_pef_again_is_fvc() -> None:
    block = encode_block([result()])
    changed = block.replace(b"FVC ", b"PEF ")
    assert decoded(changed).frames == decoded(block).frames


@pytest.mark.parametrize(
    ("was", "now", "line", "about"),
    [
        (b"012PEF 512", b"013PEF 512", 1, "bytes that it tells"),
        (b"012PEF 512", b"x12PEF 512", 1, "three digits"),
        (b"FEV1", b"FEV2", 3, "is expected here"),
        (b"PEF 512", b"PEF 5.2", 1, "whole number"),
        (b"PEF 512", b"PEF 5:2", 2, "1 results, and 2 of PEF"),
        (b"15.01.2027", b"31.02.2027", 8, "no such day"),
        (b"15.01.2027", b"2027-01-15", 8, "is written"),
        (b"08.00.00", b"08:00:00", 9, "3 results, and 1"),
        (b"08.00.00", b"24.00.00", 9, "no such time"),
        (b"08.00.00", b"08-00-00", 9, "is written"),
        (b"MODE1", b"MODE\xff", 10, "printable"),
        (b"009END ", b"010END x", 11, "nothing stands"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    was: bytes, now: bytes, line: int, about: str
) -> None:
    changed = encode_block([result()]).replace(was, now)
    found = read_block(changed)
    assert isinstance(found, BadLine)
    assert (found.line, about in found.detail) == (line, True), found
    file = read_file(encode_block([result()]) + changed, {})
    assert isinstance(file, BadFile)
    assert file.line == line + 11


def test_a_file_of_many_blocks_is_read_in_order_of_time() -> None:
    moments = [LOCAL - timedelta(hours=hours) for hours in range(120)]
    blocks = [encode_block([result(one) for one in moments[k : k + 60]]) for k in (0, 60)]
    found = read_file(b"".join(blocks), {"time_zone": "Europe/Berlin"})
    assert isinstance(found, ReadFile)
    pieces = list(found.pieces())
    assert found.n_pieces == len(pieces) == 120
    times = [piece.t_us for piece in pieces]
    assert times == sorted(times)
    expected = LOCAL.replace(tzinfo=UTC) - timedelta(hours=1)
    assert times[-1] == int(expected.timestamp()) * 1_000_000
    assert pieces == list(found.pieces())


def test_a_file_is_known_by_its_content_and_its_options() -> None:
    data = encode_block([result()])
    keys = [read_file(data, {}), read_file(data, {"time_zone": "+02:00"}), read_file(data * 2, {})]
    assert len({one.key for one in keys if isinstance(one, ReadFile)}) == 3
    again = read_file(data, {})
    assert isinstance(again, ReadFile)
    assert isinstance(keys[0], ReadFile)
    assert again.key == keys[0].key


@pytest.mark.parametrize("zone", ["Mars/North", "+15:00", "..", "/etc/passwd", "Europe"])
def test_a_time_zone_that_is_none_is_named(zone: str) -> None:
    found = read_file(encode_block([result()]), {"time_zone": zone})
    assert isinstance(found, BadFile)
    assert "time_zone" in found.detail


def test_an_empty_file_and_one_that_is_too_long_are_named() -> None:
    assert isinstance(read_file(b"", {}), BadFile)
    assert isinstance(read_file(encode_block([result()]) * 401, {}), BadFile)
    assert isinstance(read_file(bytes(1_000_000), {}), BadFile)


@pytest.mark.parametrize(
    "constants",
    [{"pef_l_min": 0.0}, {"utc_offset_min": 2_000.0}, {"oldest_result_days": 0.0},
     {"volume_l": float("nan")}],
)  # fmt: skip
def test_constants_that_cannot_be_are_named(constants: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"am1|scale"):
        CODEC.new_decoder(CODEC.with_constants(constants))


def test_results_that_do_not_fit_are_not_written() -> None:
    with pytest.raises(ValueError, match="at most 999"):
        encode_block([result()] * 300)
    for wrong in (result()._replace(values=(100_000, *VALUES[1:])), result()._replace(mode="a:b")):
        with pytest.raises(ValueError, match="do not fit"):
            encode_block([wrong])


def test_constants_may_stand_in_the_options_of_a_file() -> None:
    found = read_file(encode_block([result()]), {"pef_l_min": 10, "volume_l": 0})
    assert isinstance(found, ReadFile)
    (piece,) = found.pieces()
    assert [frame.scale for frame in piece.frames] == [10.0, 0.001]


def test_the_time_zone_of_a_file_goes_before_that_of_its_meter() -> None:
    data = encode_block([result()])
    times = []
    for options in ({}, {"utc_offset_min": 60.0}, {"utc_offset_min": 60.0, "time_zone": "-05:00"}):
        found = read_file(data, options)
        assert isinstance(found, ReadFile)
        times.append([piece.t_us - T_US for piece in found.pieces()])
    assert times == [[0], [-3_600_000_000], [18_000_000_000]]
