import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from devices.sdk import Frame, Place, Stream
from shared.codecs.packed import codec as packed
from shared.contracts.decoding import Decoded
from shared.contracts.frames import SAMPLE_DTYPES, SampleFormat

T_US = 1_800_000_000_000_000


@given(
    hnp.arrays(
        np.int64,
        hnp.array_shapes(min_dims=1, max_dims=2, max_side=8),
        elements=st.integers(-(2**31), 2**31 - 1),
    )
)
def test_integers_of_any_size_come_back(
    samples: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> None:
    wire = Frame(stream=Stream.ECG, samples=samples, rate_hz=250).to_wire(T_US)
    decoded = packed.decode(packed.encode(Decoded(1, 2, T_US, 0, [wire])))
    assert isinstance(decoded, Decoded)
    (frame,) = decoded.frames
    read = np.frombuffer(frame.data, SAMPLE_DTYPES[frame.format]).reshape(
        frame.samples, frame.channels
    )
    np.testing.assert_array_equal(read, samples.reshape(len(samples), -1))


def test_small_integers_travel_in_two_bytes_and_floats_in_four() -> None:
    assert Frame(stream=Stream.ECG, samples=[1, -2]).to_wire(0).format == SampleFormat.INT16
    assert Frame(stream=Stream.ECG, samples=[1, 40_000]).to_wire(0).format == SampleFormat.INT32
    assert Frame(stream=Stream.ECG, samples=[1.5]).to_wire(0).format == SampleFormat.FLOAT32
    big_endian = np.array([1, 2], ">i2")
    wire = Frame(stream=Stream.ECG, samples=big_endian).to_wire(0)
    assert wire.data == b"\x01\x00\x02\x00"


def test_the_last_sample_is_taken_now_unless_a_start_is_given() -> None:
    frame = Frame(stream=Stream.PPG, samples=[0] * 100, rate_hz=100, place=Place.FINGER)
    assert frame.to_wire(T_US).dt_us == -990_000
    given_start = Frame(stream=Stream.PPG, samples=[0], rate_hz=100, start_us=T_US - 5)
    assert given_start.to_wire(T_US).dt_us == -5
    single = Frame(stream=Stream.TEMPERATURE, samples=[3680], scale=0.01)
    assert (single.to_wire(T_US).interval_ns, single.to_wire(T_US).dt_us) == (0, 0)


@pytest.mark.parametrize(
    "samples",
    [
        [],
        np.zeros((0, 3), np.int16),
        np.zeros((2, 2, 2), np.int16),
        [2**31],
        ["a"],
        np.array([True]),
    ],
)
def test_what_is_no_frame_is_refused_at_once(samples: object) -> None:
    with pytest.raises(ValueError, match="sample"):
        Frame(stream=Stream.ECG, samples=samples).to_wire(T_US)  # type: ignore[arg-type] # the point
