"""Frames of a batch in their unit: many at once as one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.dsp.core.frame_values import IMPOSSIBLE, frame_values
from services.dsp.core.windows import Samples
from shared.contracts.frames import (
    SAMPLE_DTYPES,
    Frame,
    FrameBatch,
    SampleFormat,
    decode_frames,
    encode_frames,
)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    sample_format = draw(st.sampled_from(list(SAMPLE_DTYPES)))
    dtype = SAMPLE_DTYPES[sample_format]
    channels = draw(st.integers(1, 3))
    n = channels * draw(st.integers(0, 4))
    samples = draw(st.binary(min_size=n * dtype.itemsize, max_size=n * dtype.itemsize))
    if dtype.kind == "i":
        edges = st.sampled_from([np.iinfo(dtype).min, np.iinfo(dtype).min + 1, np.iinfo(dtype).max])
        raw = np.frombuffer(samples, dtype=dtype).copy()
        for at in draw(st.lists(st.integers(0, max(0, n - 1)), max_size=2)) if n else []:
            raw[at] = draw(edges)
        samples = raw.tobytes()
    scale, offset = draw(st.sampled_from([(1.0, 0.0), (0.0025, -3.5), (1e8, 0.0), (-1.0, 1e10)]))
    return Frame(1, 2, 3, 0, 1, 0, 1_000, 0, 0, channels, sample_format, 0, scale, offset, samples)


def one_by_one(batch: FrameBatch, row: int) -> Samples:
    record = batch.table[row]
    values = batch.values(row)
    values[~(np.abs(values) < IMPOSSIBLE)] = np.nan
    if record["format"] == SampleFormat.INT16:
        raw = np.frombuffer(batch.sample_bytes(row), dtype="<i2").reshape(values.shape[::-1]).T
        values[(raw == 32_767) | (raw == -32_767)] = np.nan
    return values


@given(st.lists(frames(), min_size=1, max_size=8), st.data())
def test_each_frame_has_the_values_that_it_has_alone(
    many: list[Frame], data: st.DataObject
) -> None:
    batch = decode_frames(encode_frames(many))
    assert isinstance(batch, FrameBatch)
    chosen = data.draw(st.lists(st.sampled_from(range(len(many))), unique=True))
    with np.errstate(all="ignore"):  # any bytes: floats that are no numbers, and too large
        found = frame_values(batch.table[chosen], batch.samples)
        alone = [one_by_one(batch, row) for row in chosen]
    assert [(one.shape, one.tobytes()) for one in found] == [
        (one.shape, one.tobytes()) for one in alone
    ]
