from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.recordings.edf_plus import (
    BadFileError,
    EdfAnnotation,
    EdfFile,
    EdfSignal,
    decode_edf,
    encode_edf,
)


def sine(rate: float, n: int, label: str = "ECG II") -> EdfSignal:
    counts = (1000 * np.sin(np.arange(n) / 10)).astype(np.int16)
    return EdfSignal(label, "mV", -8.192, 8.192, -32768, 32767, rate, counts, "AgCl", "HP:0.05Hz")


def file(**changes: object) -> EdfFile:
    fields: dict[str, object] = {
        "patient": "X X X X",
        "recording": "Startdate 02-JAN-2026 X X X",
        "start": "02.01.26 03.04.05",
        "record_s": 1.0,
        "signals": (sine(250, 750), sine(25, 75, "Resp")),
        "record_onsets_s": (0.0, 1.0, 2.0),
        "annotations": (
            EdfAnnotation(0.5, None, "lead off"),
            EdfAnnotation(2.25, 0.5, "Apnoe über 10 s"),
        ),
    }
    return EdfFile(**(fields | changes))  # type: ignore[arg-type] # by name, checked by use


def test_a_file_comes_back() -> None:
    before = file()
    after = decode_edf(encode_edf(before))
    assert after.start == before.start
    assert after.recording == before.recording
    assert after.annotations == before.annotations
    assert after.record_onsets_s == before.record_onsets_s
    assert after.is_plus
    assert after.is_continuous
    for one, other in zip(before.signals, after.signals, strict=True):
        np.testing.assert_array_equal(one.counts, other.counts)
        assert one._replace(counts=other.counts) == other
        assert other.scale == pytest.approx(0.00025, rel=1e-3)


def test_gaps_between_records_are_told() -> None:
    after = decode_edf(encode_edf(file(record_onsets_s=(0.0, 1.0, 60.0), is_continuous=False)))
    assert after.record_onsets_s == (0.0, 1.0, 60.0)
    assert not after.is_continuous


def test_a_plain_edf_of_another_hand_is_read() -> None:
    # Written out by the field table of the 1992 paper, not by our encoder.
    head = b"0".ljust(8) + b"P".ljust(80) + b"R".ljust(80) + b"01.02.0304.05.06"
    head += b"512".ljust(8) + b"".ljust(44) + b"2".ljust(8) + b"1".ljust(8) + b"1".ljust(4)
    head += b"EEG Fpz".ljust(16) + b"".ljust(80) + b"uV".ljust(8)
    head += b"-100".ljust(8) + b"100".ljust(8) + b"-2048".ljust(8) + b"2047".ljust(8)
    head += b"".ljust(80) + b"3".ljust(8) + b"".ljust(32)
    body = np.array([0, 1, -1, 2047, -2048, 5], "<i2").tobytes()
    read = decode_edf(head + body)
    (signal,) = read.signals
    assert signal.counts.tolist() == [0, 1, -1, 2047, -2048, 5]
    assert signal.rate_hz == 3.0
    assert -2048 * signal.scale + signal.offset == pytest.approx(-100)
    assert 2047 * signal.scale + signal.offset == pytest.approx(100)
    assert not read.is_plus
    assert read.record_onsets_s == (0.0, 1.0)
    # A writer that was cut off: the whole records count.
    (cut,) = decode_edf(head + body[:-1]).signals
    assert cut.counts.tolist() == [0, 1, -1]


@given(st.binary(max_size=600))
def test_any_bytes_are_a_file_or_refused(data: bytes) -> None:
    with pytest.raises(BadFileError):
        decode_edf(data)


@given(at=st.integers(0, 1023), value=st.integers(0, 255))
def test_a_changed_header_is_read_or_refused(at: int, value: int) -> None:
    data = bytearray(encode_edf(file()))
    data[at] = value
    with suppress(BadFileError):
        decode_edf(bytes(data))


def test_records_must_be_whole() -> None:
    with pytest.raises(ValueError, match="749 samples"):
        encode_edf(file(signals=(sine(250, 749),)))
