"""The Telecare-ECG's blocks and files."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from shared.codecs.telecare_file.blocks import Status, block, decode_block, encode_block
from shared.codecs.telecare_file.codec import CODEC
from shared.codecs.telecare_file.text import (
    LARGEST_BYTES,
    PIECE_ROWS,
    Recording,
    card_name,
    read_file,
    read_recording,
    write_recording,
)
from shared.contracts.decoding import Decoded, Refused
from shared.contracts.file_reading import BadFile, FilePiece, ReadFile
from shared.contracts.parking import Reason
from tests.harness.codecs import ENVELOPE

RECORDED = datetime(2018, 9, 19, 12, 28, 36)  # noqa: DTZ001 - the monitor's clock knows no zone
WORDS = np.random.default_rng(1).integers(-2_000, 2_000, (5_000, 3)).astype(np.int16)
RECORDING = Recording(
    file="M0:\\20180919\\12M28S36.txt",
    recorded=RECORDED,
    device_code="018417EA190000B0",
    rate_hz=500,
    seconds=10,
    words=WORDS,
    temperature_c=28,
    name="N. N.",
    sex="male",
    birth_date="29:11:1989",
)
FILE = write_recording(RECORDING)
_WORD_ARRAYS = arrays.arrays(np.int16, st.tuples(st.integers(1, 40), st.just(3)))


def decode(data: bytes, **constants: float) -> Decoded:
    found = decode_block(data, ENVELOPE, CODEC.with_constants(constants))
    assert isinstance(found, Decoded)
    return found


def leads_of(words: np.ndarray[Any, np.dtype[np.int16]]) -> list[list[int]]:
    """The leads by their definition, in numbers without a width."""
    return [
        [left_arm - right_arm, left_leg - right_arm, left_leg - left_arm]
        for left_arm, left_leg, right_arm in words.tolist()
    ]


def taken(data: bytes, **options: Any) -> ReadFile:
    found = read_file(data, options)
    assert isinstance(found, ReadFile), found
    return found


def refused(data: bytes, options: Mapping[str, Any] | None = None) -> BadFile:
    found = read_file(data, options or {})
    assert isinstance(found, BadFile)
    return found


# ------------------------------------------------------------------------------------------ blocks


@given(words=_WORD_ARRAYS)
def test_leads_are_the_exact_differences_of_the_words(words: Any) -> None:
    (frame,) = decode(encode_block(block(words, rate_hz=500))).frames
    samples = np.frombuffer(frame.data, {1: "<i2", 3: "<i4"}[frame.format])
    assert samples.reshape(-1, 3).tolist() == leads_of(words)
    widest = max(abs(sample) for row in leads_of(words) for sample in row)
    assert frame.format == (1 if widest <= 32_767 else 3), "-32768 would be a missing sample"


def test_a_device_may_have_another_reference_and_gain() -> None:
    data = encode_block(block(np.ones((1, 3), np.int16), rate_hz=500))
    assert decode(data).frames[0].scale == pytest.approx(0.0392369, rel=1e-5)
    assert decode(data, gain=2.8, word_bits=17).frames[0].scale == pytest.approx(0.0098092, 1e-4)


@pytest.mark.parametrize(
    ("name", "value"),
    [("gain", 0.0), ("gain", float("nan")), ("reference_v", -1.0), ("word_bits", 1e4),
     ("counts_per_g", 0.0)],
)  # fmt: skip
def test_constants_that_make_no_sense_make_no_samples(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        CODEC.new_decoder(CODEC.with_constants({name: value}))
    assert name in refused(FILE, {name: value}).detail


def test_a_file_may_be_read_with_other_constants() -> None:
    for gain in (2.8, "2.8"):  # options that people give are text
        (first, *_) = taken(FILE, gain=gain).pieces()
        assert first.frames[0].scale == pytest.approx(0.0392369 / 2, rel=1e-5)
    (ahead, *_) = taken(FILE, utc_offset_min=120).pieces()
    assert ahead.t_us == 1_537_360_116_000_000 - 2 * 3_600_000_000
    (asked, *_) = taken(FILE, utc_offset_min=120, time_zone="UTC").pieces()
    assert asked.t_us == 1_537_360_116_000_000
    for wrong in ("much", None, 10**400, [1]):
        assert refused(FILE, {"gain": wrong}).reason is Reason.MALFORMED


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (block(np.ones((1, 3), np.int16)), Reason.BAD_RATE),
        (block(motion=np.ones((1, 3), np.int16)), Reason.BAD_RATE),
    ],
)
def test_rows_need_a_rate(data: Any, reason: Reason) -> None:
    found = decode_block(encode_block(data), ENVELOPE, CODEC.with_constants())
    assert isinstance(found, Refused)
    assert (found.reason, found.boot, found.n) == (reason, ENVELOPE.boot, ENVELOPE.n)


def test_a_broken_block_is_refused_by_name_and_identity() -> None:
    data = bytearray(encode_block(block(WORDS[:5], rate_hz=500)))
    data[20] ^= 1
    found = decode_block(bytes(data), ENVELOPE, CODEC.with_constants())
    assert isinstance(found, Refused)
    assert (found.reason, found.boot, found.n) == (Reason.BAD_CHECKSUM, ENVELOPE.boot, ENVELOPE.n)


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.SIMULATED])
def test_what_lasts_is_told_once(status: Status) -> None:
    first = decode(encode_block(block(status=status, status_changed=status, battery=20)))
    lasting = decode(encode_block(block(status=status, battery=20)))
    over = decode(encode_block(block(status_changed=status)))
    assert (len(first.notes), len(lasting.notes), len(over.notes)) == (1, 0, 1)
    assert dict(over.notes[0].data)["on"] is False


def test_what_fits_no_field_is_not_written() -> None:
    with pytest.raises(ValueError, match="out of the range"):
        encode_block(block(battery=256))
    with pytest.raises(ValueError, match="more than a block holds"):
        encode_block(block(np.zeros((11_000, 3), np.int16), rate_hz=500))


# ------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252"])
def test_a_file_is_read_in_any_code_page(newline: str, encoding: str) -> None:
    found = read_recording(write_recording(RECORDING, newline=newline, encoding=encoding))
    assert isinstance(found, Recording)
    np.testing.assert_array_equal(found.words, WORDS)
    for name in ("file", "recorded", "device_code", "rate_hz", "seconds", "temperature_c", "name"):
        assert getattr(found, name) == getattr(RECORDING, name)


def test_a_file_becomes_leads_and_a_temperature_in_the_time_of_its_zone() -> None:
    file = taken(FILE, time_zone="Europe/Bucharest")
    pieces = list(file.pieces())
    assert file.n_pieces == len(pieces) == 2
    assert pieces == list(file.pieces()), "the same at each call"
    assert [piece.t_us for piece in pieces] == [1_537_349_316_000_000, 1_537_349_321_000_000]
    samples = b"".join(piece.frames[0].data for piece in pieces)
    assert np.frombuffer(samples, "<i2").reshape(-1, 3).tolist() == leads_of(WORDS)
    (warm,) = [frame for piece in pieces for frame in piece.frames if frame.stream == 5]
    assert warm.data == b"\x1c\0"
    assert file.maker_id == "018417EA190000B0"
    assert file.personal == {
        "name": "N. N.", "sex": "male", "birth_date": "29:11:1989", "note": "No note",
    }  # fmt: skip
    for person in ("N. N.", "1989"):
        assert person not in file.key


@pytest.mark.parametrize(
    ("zone", "hours"), [("UTC", 0), ("", 0), ("+02:00", -2), ("-0530", 5.5), ("Asia/Tokyo", -9)]
)
def test_the_zone_of_the_clock_is_told(zone: str, hours: float) -> None:
    first: FilePiece = next(taken(FILE, time_zone=zone).pieces())
    assert first.t_us == 1_537_360_116_000_000 + hours * 3_600_000_000


def test_a_zone_that_is_none_and_a_file_too_long_are_refused() -> None:
    for zone in ("Moon/Sea", "+99:00", "../etc/passwd", "\0"):
        assert refused(FILE, {"time_zone": zone}).reason is Reason.BAD_TIME
    assert refused(bytes(LARGEST_BYTES + 1)).reason is Reason.TOO_LARGE


def test_two_uploads_have_one_key_and_other_recordings_another() -> None:
    again = write_recording(RECORDING, newline="\n", encoding="latin-1")
    assert taken(FILE).key == taken(again, time_zone="+01:00").key
    later = FILE.replace(b"12M28S36", b"12M28S37")
    assert taken(later).key != taken(FILE).key


def lines_of(data: bytes) -> list[bytes]:
    return data.split(b"\r\n")


@pytest.mark.parametrize("number", range(1, 13))
def test_a_broken_line_of_the_header_is_named(number: int) -> None:
    lines = lines_of(FILE)
    lines[number - 1] = b"\xff\0 broken"
    assert refused(b"\r\n".join(lines)).line == number
    del lines[number - 1 :]
    assert refused(b"\r\n".join(lines)).line == max(1, number - 1) or number == 1
    del lines[:]
    assert refused(b"").line == 1


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("= 30.000", "= 30.001", 2, Reason.MALFORMED),
        ("(500 ", "(250 ", 2, Reason.MALFORMED),
        ("500 samples", "250 samples", 2, Reason.MALFORMED),
        ("capture = 10", "capture = 0", 2, Reason.MALFORMED),
        ("19:09:2018", "31:09:2018", 6, Reason.BAD_TIME),
        ("20180919", "20181319", 1, Reason.BAD_TIME),
        ("-12:28:36", "-12:38:36", 6, Reason.BAD_TIME),
        ("\n0000 ", "\n0001 ", 13, Reason.MALFORMED),
        ("\n1387 ", "\n1388 ", 5_012, Reason.MALFORMED),
        ("\n0ABC ", "\n0ABC  ", 13 + 0xABC, Reason.MALFORMED),
        ("\n0ABC ", "\n0ABG ", 13 + 0xABC, Reason.MALFORMED),
        ("\n0ABC ", "\n\n0ABC ", 13 + 0xABC, Reason.MALFORMED),
        ("\n1387 ", "\n1387 0000 0000 0000\r\n1388 ", 5_013, Reason.MALFORMED),
    ],
)
def test_what_contradicts_itself_is_named(old: str, new: str, line: int, reason: Reason) -> None:
    assert FILE.count(old.encode()) == 1
    found = refused(FILE.replace(old.encode(), new.encode()))
    assert (found.line, found.reason) == (line, reason)
    assert "N. N." not in found.detail


def test_cut_anywhere_a_file_is_refused_and_its_line_named() -> None:
    ends = len(FILE) - 2  # the end of the last line may be missing
    for cut in [*range(400), *range(400, ends, 997), ends - 1]:
        found = refused(FILE[:cut])
        assert found.line is not None
        assert found.line <= 2 + FILE[:cut].count(b"\n"), "the one cut off, or the one behind it"
    assert isinstance(read_file(FILE[:ends], {}), ReadFile)


def test_uneven_ends_of_lines_are_no_fault() -> None:
    uneven = FILE.replace(b"\r\n0005", b" \n0005").replace(b"\r\n0007", b"\t\r\n0007") + b"\r\n \n"
    found = read_recording(uneven)
    assert isinstance(found, Recording)
    np.testing.assert_array_equal(found.words, WORDS)


@settings(max_examples=40)
@given(
    words=_WORD_ARRAYS,
    recorded=st.datetimes(datetime(1980, 1, 1), datetime(9999, 12, 31)),  # noqa: DTZ001
    zone=st.sampled_from(["UTC", "Europe/Bucharest", "America/St_Johns", "-12:00", "+14:00"]),
)
def test_what_is_written_is_read(words: Any, recorded: datetime, zone: str) -> None:
    recorded = recorded.replace(microsecond=0)
    one = Recording(
        file=card_name(recorded),
        recorded=recorded,
        device_code="00112233445566FF",
        rate_hz=len(words),
        seconds=1,
        words=words,
        temperature_c=-5,
    )
    data = write_recording(one)
    found = read_recording(data)
    assert isinstance(found, Recording)
    np.testing.assert_array_equal(found.words, words)
    assert (found.recorded, found.file) == (recorded, one.file)
    assert len(list(taken(data, time_zone=zone).pieces())) == 1


def test_long_recordings_come_in_pieces_that_lie_behind_one_another() -> None:
    one = Recording(
        file=card_name(RECORDED),
        recorded=RECORDED,
        device_code="00112233445566FF",
        rate_hz=360,
        seconds=100,
        words=np.zeros((36_000, 3), np.int16),
        temperature_c=20,
    )
    pieces = list(taken(write_recording(one)).pieces())
    assert sum(piece.frames[0].samples for piece in pieces) == 36_000
    for piece, after in pairwise(pieces):
        assert piece.frames[0].samples == PIECE_ROWS
        assert abs(after.t_us - piece.t_us - PIECE_ROWS / 360 * 1e6) <= 1


@given(data=st.data())
def test_no_changed_bytes_raise(data: st.DataObject) -> None:
    short = write_recording(
        Recording(
            file=card_name(RECORDED),
            recorded=RECORDED,
            device_code="00112233445566FF",
            rate_hz=2,
            seconds=1,
            words=WORDS[:2],
            temperature_c=20,
        )
    )
    changed = bytearray(short)
    for _ in range(data.draw(st.integers(0, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    found = read_file(bytes(changed), {})
    assert isinstance(found, ReadFile | BadFile)
    if isinstance(found, ReadFile):
        assert len(list(found.pieces())) == found.n_pieces
    else:
        assert found.line is not None
