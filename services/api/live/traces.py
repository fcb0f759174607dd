"""Frames of watched devices as blocks for the live socket. Pure: state and samples, no I/O.

Per device, stream and place it remembers where the trace ended, its scale and its filters, so
that repeats are dropped, a hole restarts the filters, and every client that asks for the same rate
gets the same bytes. Hot path: one call a watched frame.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from services.api.core.downsampling import Downsampler, decimation_factor
from services.api.core.quantisation import quantise
from services.api.live.waveform_bytes import WaveformBlock, WaveformHeader
from shared.contracts.frames import MISSING, SAMPLE_DTYPES, FrameBatch, RawSamples, SampleFormat
from shared.contracts.streams import STREAMS, STREAMS_BY_KEY, Place, Stream

_NS = 1_000_000_000
_KNOWN_STREAMS = frozenset(int(stream) for stream in Stream)
_PLACES = {int(place): place.name.lower() for place in Place}


class TraceKey(NamedTuple):
    """What makes one trace."""

    device: int
    stream: int
    place: int


@dataclass(slots=True)
class _Filtered:
    downsampler: Downsampler
    end_us: int  # of the samples that it was fed last
    exponent: int | None = None


@dataclass(slots=True)
class _Trace:
    shape: tuple[int, int, int, float, float]  # interval_ns, channels, format, scale, offset
    end_us: int
    channels: tuple[str, ...]
    exponent: int | None = None
    filtered: dict[int, _Filtered] = field(default_factory=dict)
    headers: dict[tuple[float, int], WaveformHeader] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class LiveFrame:
    """One frame of a trace that continues; ``block`` gives it at a rate."""

    patient: str
    device: str
    stream: str
    place: str
    t0_us: int
    end_us: int
    n: int
    hz: float
    _raw: RawSamples
    _trace: _Trace
    _numbers: Iterator[int]
    _blocks: dict[int, WaveformBlock | None] = field(default_factory=dict)

    def block(self, rate_hz: float | None) -> WaveformBlock | None:
        """The samples at most at this rate; None when the filter still waits for more."""
        factor = 1 if rate_hz is None else decimation_factor(self.hz, rate_hz)
        if factor not in self._blocks:
            self._blocks[factor] = self._native() if factor == 1 else self._decimated(factor)
        return self._blocks[factor]

    def _header(self, *, hz: float, exponent: int) -> WaveformHeader:
        known = self._trace.headers.get((hz, exponent))
        if known is not None:
            return known
        row = STREAMS_BY_KEY[self.stream]
        *_, scale, offset = self._trace.shape
        header = self._trace.headers[hz, exponent] = WaveformHeader(
            patient=self.patient,
            device=self.device,
            stream=self.stream,
            place=self.place,
            hz=hz,
            channels=self._trace.channels,
            scale=scale * 2.0**exponent,
            offset=offset,
            unit=row.unit,
            number=next(self._numbers),
        )
        return header

    def _native(self) -> WaveformBlock:
        if self._raw.dtype == SAMPLE_DTYPES[SampleFormat.INT16]:
            samples, exponent = self._raw.tobytes(), 0
        else:
            quantised = quantise(
                _as_float(self._raw),
                exponent=self._trace.exponent,
                whole=self._raw.dtype.kind == "i",
            )
            samples = quantised.counts.astype("<i2").tobytes()
            exponent = self._trace.exponent = quantised.exponent
        return WaveformBlock(
            header=self._header(hz=self.hz, exponent=exponent),
            t0_us=self.t0_us,
            end_us=self.end_us,
            n=self.n,
            samples=samples,
        )

    def _decimated(self, factor: int) -> WaveformBlock | None:
        interval_ns, channels = self._trace.shape[:2]
        state = self._trace.filtered.get(factor)
        # The filter goes on only when it saw the samples before these: nobody may have asked for
        # this rate for a while, or there is a hole.
        if state is None or abs(self.t0_us - state.end_us) > interval_ns // 1_000:
            state = self._trace.filtered[factor] = _Filtered(Downsampler(factor, channels), 0)
        state.end_us = self.end_us
        out, first_place = state.downsampler.feed(_as_float(self._raw))
        if not len(out):
            return None
        quantised = quantise(out, exponent=state.exponent, whole=self._raw.dtype.kind == "i")
        state.exponent = quantised.exponent
        t0_us = self.t0_us + first_place * interval_ns // 1_000
        return WaveformBlock(
            header=self._header(hz=_rounded_hz(interval_ns * factor), exponent=quantised.exponent),
            t0_us=t0_us,
            end_us=t0_us + len(out) * factor * interval_ns // 1_000,
            n=len(out),
            samples=quantised.counts.astype("<i2").tobytes(),
        )


class LiveTraces:
    """The traces of all watched devices."""

    def __init__(self) -> None:
        self._traces: dict[TraceKey, _Trace] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._traces)

    def forget_devices(self, devices: set[int]) -> None:
        """Drop what is remembered of devices that nobody watches any more."""
        for key in [key for key in self._traces if key.device in devices]:
            del self._traces[key]

    def continue_with(
        self,
        batch: FrameBatch,
        index: int,
        *,
        patient: str,
        device: str,
        names: Callable[[str], tuple[str, ...]] = lambda _: (),
    ) -> LiveFrame | None:
        """The frame as the continuation of its trace; None for a repeat or what is no waveform.

        ``names`` gives the names of a stream's channels where the device's model has some.
        """
        record = batch.table[index]
        interval_ns, stream = int(record["interval_ns"]), int(record["stream"])
        if interval_ns <= 0 or stream not in _KNOWN_STREAMS or not STREAMS[Stream(stream)].waveform:
            return None
        channels = int(record["channels"])
        dtype = SAMPLE_DTYPES[int(record["format"])]
        raw: RawSamples = np.frombuffer(batch.sample_bytes(index), dtype=dtype).reshape(
            -1, channels
        )
        shape = (
            interval_ns,
            channels,
            int(record["format"]),
            _shortest(record["scale"]),
            _shortest(record["offset"]),
        )
        t0_us = int(record["t0"])
        end_us = t0_us + len(raw) * interval_ns // 1_000
        key = TraceKey(int(record["device"]), stream, int(record["place"]))
        trace = self._traces.get(key)
        half_us = interval_ns // 2_000
        if trace is not None and t0_us < trace.end_us - half_us:
            return None
        if trace is None or trace.shape != shape:
            row = STREAMS[Stream(stream)]
            trace = self._traces[key] = _Trace(
                shape, end_us, _channel_names(names(row.key) or row.channels, channels)
            )
        trace.end_us = end_us
        return LiveFrame(
            patient=patient,
            device=device,
            stream=STREAMS[Stream(stream)].key,
            place=_PLACES.get(key.place, "none"),
            t0_us=t0_us,
            end_us=end_us,
            n=len(raw),
            hz=_rounded_hz(interval_ns),
            _raw=raw,
            _trace=trace,
            _numbers=self._numbers,
        )


def _rounded_hz(interval_ns: int) -> float:
    return round(_NS / interval_ns, 3)


def _shortest(value: np.float32) -> float:
    """A float32 as the shortest decimal that names it: 0.001, not 0.0010000000474974513."""
    return float(str(value))


def _as_float(raw: RawSamples) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    values = raw.astype(np.float64)
    missing = MISSING.get(raw.dtype.itemsize) if raw.dtype.kind == "i" else None
    if missing is not None:
        values[raw == missing] = np.nan
    return values


def _channel_names(names: tuple[str, ...], channels: int) -> tuple[str, ...]:
    return names[:channels] + tuple(f"channel_{i + 1}" for i in range(len(names), channels))
