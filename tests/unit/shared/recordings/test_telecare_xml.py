"""Telecare XML: what is written is read, and what is broken is named."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from shared.contracts.file_reading import BadFile, ReadFile
from shared.contracts.frames import SAMPLE_DTYPES
from shared.contracts.parking import Reason
from shared.contracts.streams import Stream
from shared.recordings.register import load_formats
from shared.recordings.telecare_xml import (
    BadXmlError,
    XmlHead,
    XmlLead,
    XmlStream,
    decode_telecare_xml,
    read_telecare_xml,
)

START_US = 1_537_360_116_000_000
HEAD = XmlHead(
    patient="p-7kd2m",
    device='a"<&>1',
    place="chest",
    stream="ecg",
    unit="mV",
    interval_ns=2_000_000,
    leads=tuple(XmlLead(name=name, scale=0.03923688616071429, offset=0.0) for name in ("I", "II")),
    remarks=("a <remark> & 'more'",),
)
_COUNTS = arrays.arrays(np.int16, st.tuples(st.just(2), st.integers(1, 30)))


def file_of(*stretches: tuple[int, Any], head: XmlHead = HEAD) -> bytes:
    stream = XmlStream(head)
    parts = [stream.begin()]
    for start_us, counts in stretches:
        parts += [stream.stretch(start_us), stream.beat(start_us, "N"), stream.add(counts)]
    return b"".join([*parts, stream.end()])


def test_it_is_the_document_that_is_documented() -> None:
    counts = np.array([[-416, 1], [-32_768, 32_767]], np.int16)
    assert file_of((START_US, counts)).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<telecare_recording version="1">\n'
        '<recording patient="p-7kd2m" stream="ecg" unit="mV" interval_ns="2000000"/>\n'
        '<device id=\'a"&lt;&amp;&gt;1\' place="chest"/>\n'
        "<leads>\n"
        '<lead name="I" scale="0.03923688616071429" offset="0.0"/>\n'
        '<lead name="II" scale="0.03923688616071429" offset="0.0"/>\n'
        "</leads>\n"
        "<remark text=\"a &lt;remark&gt; &amp; 'more'\"/>\n"
        '<stretch start="2018-09-19T12:28:36.000000Z">\n'
        '<beat t="2018-09-19T12:28:36.000000Z" symbol="N"/>\n'
        "<rows>\nFE608000\n00017FFF\n</rows>\n"
        "</stretch>\n"
        "</telecare_recording>\n"
    )


@given(st.lists(st.tuples(st.integers(0, 4 * 10**15), _COUNTS), max_size=4))
def test_what_is_written_is_read(stretches: list[tuple[int, Any]]) -> None:
    found = decode_telecare_xml(file_of(*stretches))
    assert found.head == HEAD
    assert [one.start_us for one in found.stretches] == [start for start, _ in stretches]
    for one, (_, counts) in zip(found.stretches, stretches, strict=True):
        np.testing.assert_array_equal(one.counts, counts.T)
    assert found.beats == tuple((start, "N") for start, _ in stretches)


def test_it_is_taken_in_as_it_was_measured() -> None:
    counts = np.arange(24_000, dtype=np.int16).reshape(2, -1)
    data = file_of((START_US, counts), (START_US + 60_000_000, counts[:, :500]))
    file = load_formats()["telecare_xml"].read(data, {})
    assert isinstance(file, ReadFile)
    pieces = list(file.pieces())
    assert len(pieces) == file.n_pieces
    samples = []
    for piece in pieces:
        for frame in piece.frames:
            assert (frame.stream, frame.place, frame.interval_ns) == (Stream.ECG, 1, 2_000_000)
            assert frame.scale == 0.03923688616071429
            rows = np.frombuffer(frame.data, SAMPLE_DTYPES[frame.format]).reshape(-1, 2)
            times = piece.t_us + frame.dt_us + 2_000 * np.arange(len(rows))
            samples += list(zip(times.tolist(), *rows.T.tolist(), strict=True))
    expected = np.concatenate([START_US + 2_000 * np.arange(12_000)])
    assert samples[:12_000] == list(zip(expected.tolist(), *counts.tolist(), strict=True))
    assert samples[12_000][0] == START_US + 60_000_000
    assert len(samples) == 12_500
    assert file.personal == {"patient": "p-7kd2m"}


def test_its_start_may_be_set_anew() -> None:
    data = file_of((START_US, np.zeros((2, 5), np.int16)))
    file = read_telecare_xml(data, {"start": "2026-01-02T03:04:05Z"})
    assert isinstance(file, ReadFile)
    (piece,) = file.pieces()
    assert piece.t_us == 1_767_323_045_000_000
    wrong = read_telecare_xml(data, {"start": "yesterday"})
    assert isinstance(wrong, BadFile)
    assert wrong.reason is Reason.BAD_TIME


GOOD = file_of((START_US, np.zeros((2, 5), np.int16)))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'version="1">', b'version="2">', Reason.MALFORMED),
        (b"telecare_recording", b"recording_telecare", Reason.MALFORMED),
        (b'stream="ecg"', b'stream="aura"', Reason.MALFORMED),
        (b'stream="ecg"', b'stream="temperature"', Reason.MALFORMED),
        (b'unit="mV"', b'unit="miles"', Reason.UNKNOWN_STREAM),
        (b'interval_ns="2000000"', b'interval_ns="0"', Reason.MALFORMED),
        (b'interval_ns="2000000"', b'interval_ns="nan"', Reason.MALFORMED),
        (b'interval_ns="2000000"', b'interval_ns="soon"', Reason.MALFORMED),
        (b'offset="0.0"', b"", Reason.MALFORMED),
        (b'scale="0.03923688616071429"', b'scale="0"', Reason.MALFORMED),
        (b"<device", b"<gadget", Reason.MALFORMED),
        (b'36.000000Z">', b'36.000000">', Reason.BAD_TIME),
        (b"00000000\n", b"0000000G\n", Reason.MALFORMED),
        (b"00000000\n", b"0000\n", Reason.MALFORMED),
        (b"00000000\n", b"", Reason.EMPTY_SAMPLES),
        (b"</stretch>", b"", Reason.MALFORMED),
        (b"<leads>", b"<!-- leads --><leads>", Reason.MALFORMED),
        (b"<leads>", b"&lead;<leads>", Reason.MALFORMED),
        (b"<leads>", b"\0<leads>", Reason.MALFORMED),
        (b"<leads>", b"\xff<leads>", Reason.MALFORMED),
    ],
)
def test_what_is_broken_is_refused_by_name(old: bytes, new: bytes, reason: Reason) -> None:
    count = -1 if new == b"" and old == b"00000000\n" else 1
    found = read_telecare_xml(GOOD.replace(old, new, count), {})
    assert isinstance(found, BadFile)
    assert found.reason is reason


def test_entities_are_never_expanded() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "' + b"x" * 100 + b'">]><a>&b;&b;</a>'
    for data in (bomb, bomb.decode().encode("utf-16"), bomb.decode().encode("utf-7")):
        with pytest.raises(BadXmlError):
            decode_telecare_xml(data)
    with pytest.raises(BadXmlError, match="too many"):
        decode_telecare_xml(b"<a/>" * 2_000_001)


@given(cut=st.integers(0, len(GOOD) - 2))
def test_cut_anywhere_it_is_refused(cut: int) -> None:
    assert isinstance(read_telecare_xml(GOOD[:cut], {}), BadFile)


@given(data=st.data())
def test_no_changed_bytes_raise(data: st.DataObject) -> None:
    changed = bytearray(GOOD)
    for _ in range(data.draw(st.integers(0, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    found = read_telecare_xml(bytes(changed), {})
    assert isinstance(found, ReadFile | BadFile)
    if isinstance(found, ReadFile):
        assert len(list(found.pieces())) == found.n_pieces
