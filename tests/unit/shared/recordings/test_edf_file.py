"""EDF+ as files that are taken in: the samples and times that were written."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.file_reading import BadFile, ReadFile
from shared.contracts.frames import SAMPLE_DTYPES
from shared.contracts.parking import Reason
from shared.contracts.streams import Stream
from shared.recordings.edf_file import read_edf
from shared.recordings.edf_plus import Counts, EdfFile, EdfSignal, encode_edf

START_US = 1_767_323_045_000_000  # 2026-01-02T03:04:05Z


def signal(
    label: str, rate_hz: float, counts: Counts, unit: str = "mV",
    full: float = 32.767,
) -> EdfSignal:  # fmt: skip
    return EdfSignal(label, unit, -full, full, -32_767, 32_767, rate_hz, counts, "m-1 chest")


def edf(*signals: EdfSignal, onsets: tuple[float, ...], **other: object) -> bytes:
    fields: dict[str, object] = {
        "patient": "MCH-0234567 F 02-MAY-1951 Haagse_Harry",
        "recording": "Startdate 02-JAN-2026 X X X",
        "start": "02.01.26 03.04.05",
        "record_s": 1.0,
        "signals": signals,
        "record_onsets_s": onsets,
    }
    return encode_edf(EdfFile(**(fields | other)))  # type: ignore[arg-type]  # by name


def ramp(n: int, start: int = 0) -> Counts:
    return (np.arange(start, start + n) % 20_000).astype(np.int16)


def samples_of(read: ReadFile | BadFile) -> Mapping[Stream, list[tuple[int, tuple[float, ...]]]]:
    """All samples with their times, by stream."""
    assert isinstance(read, ReadFile), read
    found: dict[Stream, list[tuple[int, tuple[float, ...]]]] = {}
    pieces = list(read.pieces())
    assert len(pieces) == read.n_pieces
    assert [piece.t_us for piece in pieces] == sorted(piece.t_us for piece in pieces)
    for piece in pieces:
        assert sum(len(frame.data) for frame in piece.frames) <= 49_152
        for frame in piece.frames:
            raw = np.frombuffer(frame.data, SAMPLE_DTYPES[frame.format])
            values = raw.reshape(frame.samples, frame.channels) * frame.scale + frame.offset
            for index, row in enumerate(values):
                t_us = piece.t_us + frame.dt_us + index * frame.interval_ns / 1_000
                found.setdefault(Stream(frame.stream), []).append((round(t_us), tuple(row)))
    return found


def test_samples_come_with_their_times() -> None:
    data = edf(
        signal("ECG I", 360, ramp(3 * 360)),
        signal("ECG II", 360, ramp(3 * 360, 7)),
        signal("TEMPERATURE temperature", 1, ramp(3, 3_600), "degC", 327.67),
        onsets=(0.5, 1.5, 2.5),
    )
    found = samples_of(read_edf(data, {}))
    ecg = found[Stream.ECG]
    assert len(ecg) == 1_080
    assert [t for t, _ in ecg[::360]] == [START_US + 500_000 + n * 1_000_000 for n in range(3)]
    assert ecg[1_079][1] == pytest.approx((1.079, 1.086))
    warm = found[Stream.TEMPERATURE]
    assert [t for t, _ in warm] == [START_US + 500_000 + n * 1_000_000 for n in range(3)]
    assert [row[0] for _, row in warm] == pytest.approx([36, 36.01, 36.02], abs=1e-3)


def test_holes_stay_holes() -> None:
    data = edf(
        signal("ECG I", 250, ramp(1_000)), onsets=(0.0, 1.0, 3_600.0, 3_601.0), is_continuous=False
    )
    times = [t for t, _ in samples_of(read_edf(data, {}))[Stream.ECG]]
    steps = np.diff(times)
    assert set(steps[:499].tolist()) | set(steps[500:].tolist()) == {4_000}
    assert times[500] == START_US + 3_600_000_000


def test_units_are_turned_and_other_scales_become_numbers() -> None:
    data = edf(
        signal("ECG I", 250, ramp(250), "uV", 3_276.7),
        signal("ECG II", 250, ramp(250), "mV"),
        onsets=(0.0,),
    )
    ecg = samples_of(read_edf(data, {}))[Stream.ECG]
    assert ecg[200][1] == pytest.approx((0.02, 0.2))


def test_what_a_record_is_filled_up_with_is_left_out() -> None:
    counts = ramp(250)
    counts[100:] = -32_768
    one = signal("ECG I", 250, counts)._replace(digital_min=-32_768)
    assert len(samples_of(read_edf(edf(one, onsets=(0.0,)), {}))[Stream.ECG]) == 100


def test_options_name_signals_and_set_the_time() -> None:
    data = edf(signal("Chan 1", 250, ramp(250)), onsets=(0.0,))
    bad = read_edf(data, {})
    assert isinstance(bad, BadFile)
    assert (bad.reason, "Chan 1" in bad.detail) == (Reason.UNKNOWN_STREAM, True)
    options = {"signals": "Chan 1=ecg:II", "start": "2026-03-01T00:00:00+01:00"}
    ecg = samples_of(read_edf(data, options))[Stream.ECG]
    assert ecg[0][0] == 1_772_319_600_000_000
    east = samples_of(read_edf(data, {"signals": "Chan 1=ecg", "time_zone": "+02:00"}))
    assert east[Stream.ECG][0][0] == START_US - 2 * 3_600_000_000


def test_the_same_file_has_the_same_key_and_another_one_has_not() -> None:
    one = edf(signal("ECG I", 250, ramp(250)), onsets=(0.0,))
    other = edf(signal("ECG I", 250, ramp(250, 1)), onsets=(0.0,))
    keys = [read_edf(data, options) for data, options in (
        (one, {}), (one, {}), (other, {}), (one, {"time_zone": "+01:00"}),
    )]  # fmt: skip
    names = [key.key for key in keys if isinstance(key, ReadFile)]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert all("Haagse" not in name for name in names)


@pytest.mark.parametrize("end", [100, 255, 600, 1_100])
def test_a_file_that_ends_too_early_is_bad(end: int) -> None:
    data = edf(signal("ECG I", 250, ramp(500)), onsets=(0.0, 1.0))
    bad = read_edf(data[:end], {})
    assert isinstance(bad, BadFile)
    assert bad.reason is Reason.MALFORMED


@given(st.data())
@settings(max_examples=200)
def test_no_damage_raises(data: st.DataObject) -> None:
    whole = edf(
        signal("ECG I", 50, ramp(100)), signal("TEMP", 1, ramp(2), "degC"), onsets=(0.0, 1.0)
    )
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    read = read_edf(bytes(damaged[: data.draw(st.integers(0, len(whole)))]), {})
    if isinstance(read, ReadFile):
        assert len(list(read.pieces())) == read.n_pieces
