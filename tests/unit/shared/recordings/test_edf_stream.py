import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.recordings.edf_plus import EdfAnnotation, EdfFile, decode_edf
from shared.recordings.edf_stream import EdfStream, Trace

RATE = 50
MISSING = -32_768


def written(
    stretches: list[tuple[float, list[int]]], marks: list[EdfAnnotation] | None = None
) -> EdfFile:
    stream = EdfStream(
        [
            Trace(label="ECG I", unit="mV", scale=0.001, offset=0.0),
            Trace(label="ECG II", unit="mV", scale=2.5e-06, offset=1.0),
        ],
        samples_a_record=RATE,
        record_s=1.0,
        missing=MISSING,
    )
    for mark in marks or []:
        stream.mark(mark)
    n_records = sum(-(-sum(sizes) // RATE) for _, sizes in stretches)
    data = stream.head(
        patient="p-7kd2m X X X",
        recording="Startdate 21-NOV-2026 X X ecg-1",
        start="21.11.26 12.00.00",
        n_records=n_records,
        is_continuous=len(stretches) == 1,
    )
    number = 0
    for onset, sizes in stretches:
        data += stream.begin(onset)
        for size in sizes:
            counts = np.arange(number, number + size, dtype=np.int16)
            data += stream.add(np.stack([counts, -counts]))
            number += size
    data += stream.finish()
    assert stream.n_records == n_records
    assert stream.n_marks_left == 0
    return decode_edf(data)


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.lists(st.integers(1, 120), min_size=1, max_size=5)),
        min_size=1,
        max_size=4,
    )
)
def test_samples_cut_anywhere_stand_in_equal_records(
    plan: list[tuple[int, list[int]]],
) -> None:
    onset, stretches = 0.25, []
    for gap, sizes in plan:
        onset += gap
        stretches.append((onset, sizes))
        onset += -(-sum(sizes) // RATE)

    file = written(stretches)

    number, onsets = 0, []
    counts = file.signals[0].counts.reshape(-1, RATE)
    row = 0
    for start, sizes in stretches:
        n_samples = sum(sizes)
        n_rows = -(-n_samples // RATE)
        found = counts[row : row + n_rows].reshape(-1)
        assert found[:n_samples].tolist() == list(range(number, number + n_samples))
        assert (found[n_samples:] == MISSING).all()
        number += n_samples
        row += n_rows
        onsets += [start + index for index in range(n_rows)]
    assert file.record_onsets_s == pytest.approx(onsets)
    n_padded = sum(sum(sizes) % RATE != 0 for _, sizes in stretches)
    assert sum(one.text == "padding" for one in file.annotations) == n_padded
    assert file.is_continuous == (len(stretches) == 1)


def test_small_and_large_scales_survive_eight_characters() -> None:
    file = written([(0.0, [50])])
    assert file.signals[0].scale == pytest.approx(0.001)
    assert file.signals[1].scale == pytest.approx(2.5e-06, rel=1e-3)
    assert file.signals[1].offset == pytest.approx(1.0, abs=1e-4)


def test_marks_wait_for_a_record_with_room() -> None:
    marks = [EdfAnnotation(index / 100, None, "N") for index in range(60)]
    file = written([(0.0, [400])], marks)
    assert [one for one in file.annotations if one.text == "N"] == marks


def test_a_record_may_not_be_longer_than_readers_take() -> None:
    with pytest.raises(ValueError, match="40000 samples"):
        EdfStream(
            [Trace(label="x", unit="mV", scale=1.0, offset=0.0)],
            samples_a_record=40_000,
            record_s=1.0,
            missing=MISSING,
        )
