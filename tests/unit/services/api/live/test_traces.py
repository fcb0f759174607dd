import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.live.traces import LiveFrame, LiveTraces
from services.api.live.waveform_bytes import WaveformBlock
from shared.contracts.frames import Frame, FrameBatch, SampleFormat, decode_frames, encode_frames
from shared.contracts.streams import Stream


def batch(
    samples: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]",
    *,
    t0_us: int = 0,
    stream: Stream = Stream.ECG,
    interval_ns: int = 4_000_000,
    scale: float = 0.001,
) -> FrameBatch:
    formats = {"<i2": SampleFormat.INT16, "<i4": SampleFormat.INT32, "<f4": SampleFormat.FLOAT32}
    decoded = decode_frames(
        encode_frames(
            [
                Frame(
                    device=1,
                    boot=1,
                    n=1,
                    part=0,
                    stream=int(stream),
                    t0=t0_us,
                    interval_ns=interval_ns,
                    received=0,
                    flags=0,
                    channels=1,
                    format=int(formats[samples.dtype.str]),
                    place=0,
                    scale=scale,
                    offset=0.0,
                    samples=samples.tobytes(),
                )
            ]
        )
    )
    assert isinstance(decoded, FrameBatch)
    return decoded


def frame(traces: LiveTraces, of: FrameBatch) -> LiveFrame | None:
    return traces.continue_with(of, 0, patient="p-aaaaa", device="ecg-1")


def block(traces: LiveTraces, of: FrameBatch, rate: float | None = None) -> WaveformBlock:
    found = frame(traces, of)
    assert found is not None
    made = found.block(rate)
    assert made is not None
    return made


def test_int16_passes_unchanged() -> None:
    samples = np.array([1, -32_768, 3], dtype="<i2")
    made = block(LiveTraces(), batch(samples))
    assert made.samples == samples.tobytes()
    assert (made.header.scale, made.header.hz, made.header.unit) == (0.001, 250.0, "mV")
    assert (made.t0_us, made.end_us, made.n) == (0, 12_000, 3)


@pytest.mark.parametrize("kind", ["<i4", "<f4"])
def test_wider_samples_keep_their_value_within_a_count(kind: str) -> None:
    samples = np.array([100_000, -250_000, 0], dtype=kind)
    made = block(LiveTraces(), batch(samples, scale=0.5))
    counts = np.frombuffer(made.samples, dtype="<i2")
    np.testing.assert_allclose(counts * made.header.scale, samples * 0.5, atol=made.header.scale)


def test_a_missing_wide_sample_is_missing() -> None:
    samples = np.array([5, -2_147_483_648], dtype="<i4")
    made = block(LiveTraces(), batch(samples))
    assert np.frombuffer(made.samples, dtype="<i2").tolist() == [5, -32_768]


def test_a_repeat_and_what_is_no_waveform_give_nothing() -> None:
    traces = LiveTraces()
    samples = np.ones(250, dtype="<i2")
    assert frame(traces, batch(samples)) is not None
    assert frame(traces, batch(samples)) is None
    assert frame(traces, batch(samples, t0_us=500_000)) is None
    assert frame(traces, batch(samples, t0_us=1_000_000)) is not None
    single = batch(samples[:1], stream=Stream.TEMPERATURE, interval_ns=0)
    assert frame(traces, single) is None


def test_a_forgotten_device_begins_anew() -> None:
    traces = LiveTraces()
    samples = np.ones(250, dtype="<i2")
    frame(traces, batch(samples))
    traces.forget_devices({1})
    assert len(traces) == 0
    assert frame(traces, batch(samples)) is not None


@given(st.lists(st.integers(1, 120), min_size=1, max_size=12), st.sampled_from([100.0, 50.0]))
def test_any_cut_into_frames_gives_the_same_thinned_trace(sizes: list[int], rate: float) -> None:
    values = np.random.default_rng(1).integers(-9_000, 9_000, sum(sizes)).astype("<i2")

    def thinned(cuts: list[int]) -> list[tuple[int, int]]:
        traces, start, got = LiveTraces(), 0, []
        for size in cuts:
            found = frame(traces, batch(values[start : start + size], t0_us=start * 4_000))
            assert found is not None
            made = found.block(rate)
            if made is not None:
                step_us = round(1e6 / made.header.hz)
                counts = np.frombuffer(made.samples, dtype="<i2").tolist()
                got += [(made.t0_us + i * step_us, count) for i, count in enumerate(counts)]
            start += size
        return got

    assert thinned(sizes) == thinned([sum(sizes)])


def test_after_a_hole_the_filter_begins_anew() -> None:
    traces = LiveTraces()
    ones = np.full(250, 1_000, dtype="<i2")
    frame_one = frame(traces, batch(ones))
    assert frame_one is not None
    frame_one.block(50.0)
    later = block(traces, batch(-ones, t0_us=5_000_000), 50.0)
    assert later.t0_us == 5_000_000
    assert set(np.frombuffer(later.samples, dtype="<i2").tolist()) == {-1_000}


def test_the_model_names_the_channels() -> None:
    found = LiveTraces().continue_with(
        batch(np.ones(5, dtype="<i2")),
        0,
        patient="p-aaaaa",
        device="ecg-1",
        names=lambda stream: ("V5",) if stream == "ecg" else (),
    )
    assert found is not None
    made = found.block(None)
    assert made is not None
    assert made.header.channels == ("V5",)
