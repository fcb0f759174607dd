from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shared.recordings.wfdb import (
    BEATS,
    CODES,
    SYMBOLS,
    Annotation,
    BadRecordError,
    Header,
    Signal,
    checksum_of,
    decode_annotations,
    decode_header,
    decode_signals,
    encode_annotations,
    encode_header,
    encode_signals,
)

# The header of MIT-BIH record 100 as PhysioNet publishes it (mitdb 1.0.0, ODC-BY).
RECORD_100 = b"""100 2 360 650000
100.dat 212 200 11 1024 995 -22131 0 MLII
100.dat 212 200 11 1024 1011 20052 0 V5
# 69 M 1085 1629 x1
# Aldomet, Inderal
"""
# Its first samples, 995 1011, and the first bytes of 100.dat as published.
DAT_START = bytes.fromhex("e333f3e333f3")


def one_file(fmt: int, counts: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> Header:
    signals = tuple(
        Signal("x.dat", fmt, 200.0, 0, "mV", f"S{k}", checksum=checksum_of(column))
        for k, column in enumerate(counts.T)
    )
    return Header(record="x", rate_hz=360.0, n_samples=len(counts), signals=signals)


def test_a_published_header_is_read() -> None:
    header = decode_header(RECORD_100)
    assert (header.record, header.rate_hz, header.n_samples) == ("100", 360.0, 650_000)
    first, second = header.signals
    assert first == Signal("100.dat", 212, 200.0, 1024, "mV", "MLII", 11, 995, -22131)
    assert second.name == "V5"
    assert header.comments == ("69 M 1085 1629 x1", "Aldomet, Inderal")


def test_published_samples_are_read() -> None:
    header = decode_header(RECORD_100.replace(b"650000", b"2"))
    bare = Header(
        record="100",
        rate_hz=360,
        n_samples=2,
        signals=tuple(s._replace(checksum=None) for s in header.signals),
    )
    assert decode_signals(DAT_START, bare).tolist() == [[995, 1011], [995, 1011]]


def test_published_annotations_begin_with_a_rhythm_and_a_beat() -> None:
    # "+" at 18 with text "(N", then "N" at 77: record 100 as published.
    data = np.array(
        [28 << 10 | 18, 63 << 10 | 3, ord("(") | ord("N") << 8, 0, 1 << 10 | 59, 0], "<u2"
    ).tobytes()
    assert decode_annotations(data) == [
        Annotation(18, "+", text="(N"),
        Annotation(77, "N"),
    ]


@given(
    counts=hnp.arrays(
        np.int16,
        st.tuples(st.integers(1, 50), st.integers(1, 3)),
        elements=st.integers(-2048, 2047),
    ),
    fmt=st.sampled_from([16, 212]),
)
def test_signals_come_back(
    counts: np.ndarray[tuple[int, int], np.dtype[np.int16]], fmt: int
) -> None:
    header = one_file(fmt, counts)
    data = encode_signals(counts, fmt)
    np.testing.assert_array_equal(decode_signals(data, header), counts)
    again = decode_header(encode_header(header))
    np.testing.assert_array_equal(decode_signals(data, again), counts)


@given(
    st.lists(
        st.builds(
            Annotation,
            sample=st.integers(0, 2**31 - 1),
            symbol=st.sampled_from(sorted(CODES)),
            subtype=st.integers(-512, 511),
            channel=st.integers(0, 255),
            number=st.integers(-512, 511),
            text=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
        ),
        max_size=20,
    )
)
def test_annotations_come_back(marks: list[Annotation]) -> None:
    marks.sort(key=lambda mark: mark.sample)
    assert decode_annotations(encode_annotations(marks)) == marks


@given(st.binary(max_size=200))
def test_any_bytes_are_annotations_or_refused(data: bytes) -> None:
    with suppress(BadRecordError):
        decode_annotations(data)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_a_header_or_refused(data: bytes) -> None:
    with suppress(BadRecordError):
        decode_header(data)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda h: h._replace(checksum=1), "checksum"),
        (lambda h: h._replace(format=80), "format 80"),
    ],
)
def test_a_wrong_record_is_refused(change: object, told: str) -> None:
    counts = np.arange(20, dtype=np.int16).reshape(10, 2)
    header = one_file(16, counts)
    assert callable(change)
    wrong = Header(
        record="x", rate_hz=360, n_samples=10, signals=tuple(change(s) for s in header.signals)
    )
    with pytest.raises(BadRecordError, match=told):
        decode_signals(encode_signals(counts, 16), wrong)
    with pytest.raises(BadRecordError, match="promised"):
        decode_signals(b"\0" * 10, header)


@pytest.mark.parametrize(
    "text",
    [b"", b"# only a comment\n", b"x/3 2 360\n", b"x two 360\n", b"x 2 360 10\nx.dat 16\n",
     b"x 1 -1 10\nx.dat 16\n", b"x 1 360 10\nx.dat 16x4 200\n"],
)  # fmt: skip
def test_what_is_no_header_is_refused(text: bytes) -> None:
    with pytest.raises(BadRecordError):
        decode_header(text)


def test_what_does_not_fit_is_not_written() -> None:
    with pytest.raises(ValueError, match="12 bits"):
        encode_signals(np.array([[4000]], np.int16), 212)
    with pytest.raises(ValueError, match="not written"):
        encode_signals(np.array([[1]], np.int16), 80)


def test_every_letter_has_one_code_and_beats_are_letters() -> None:
    assert len(CODES) == len(SYMBOLS)
    assert set(CODES) >= BEATS
