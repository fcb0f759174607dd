"""Stored samples of a patient, thinned to what can be drawn."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import orjson
from starlette.responses import Response

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.caching import kept
from services.api.core.channel_names import channel_names
from services.api.core.decimation import bucket_size
from services.api.core.minute_extremes import MinuteExtremes, is_far
from services.api.core.sample_runs import runs
from services.api.core.stored_trace import Segment, TraceBuilder
from services.api.parameters import LONGEST_HISTORY, Asked, time_range
from services.api.samples.reader import Minute, SampleReader, TraceSource
from shared.contracts.device_model import DeviceModel
from shared.contracts.frames import FrameBatch
from shared.contracts.instants import Interval, to_text
from shared.contracts.streams import STREAMS_BY_KEY, Place, StreamRow
from shared.errors import Invalid
from shared.runtime.clock import Clock

_SAMPLES_MOST = 100_000_000  # looked at one by one: a day of ECG at 500 Hz twice, some seconds
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one source gave; its segments are made in the thread that writes the answer."""

    source: TraceSource
    segments: Callable[[], Sequence[Segment]]


class WaveformService:
    """Reads samples for a user, each read written down."""

    def __init__(
        self,
        access: Access,
        reader: SampleReader,
        clock: Clock,
        models: Mapping[str, DeviceModel],
    ) -> None:
        self._access = access
        self._reader = reader
        self._clock = clock
        self._models = models

    async def waveform(
        self,
        request: Request,
        patient: str,
        *,
        stream: str,
        device: str | None,
        span: Asked,
        points: int,
        if_none_match: str | None,
    ) -> Response:
        """A stream over time: of the source with most samples, and where that is silent of others.

        Sources that overlap in time are not mixed; the others can be asked for by their device.
        """
        row = STREAMS_BY_KEY.get(stream)
        if row is None:
            raise Invalid("There is no such stream; see /v1/streams.")
        now_us = self._clock.now_us()
        interval = time_range(span.start, span.end, now_us=now_us, longest_us=LONGEST_HISTORY)
        seen = await self._access.patient(request, patient, Action.READ_WAVEFORMS)
        sources = await self._reader.sources(seen, row.id, interval)
        chosen = _side_by_side(
            [source for source in sources if device is None or source.device == device]
        )
        parts = [await self._part(source, interval, points) for source in chosen]
        body = await asyncio.to_thread(_body, seen.key, row, interval, parts, sources, self._models)
        return kept(
            body,
            interval=interval,
            now_us=now_us,
            if_none_match=if_none_match,
            media_type="application/json",
        )

    async def _part(self, source: TraceSource, interval: Interval, points: int) -> _Part:
        # The bucket comes from the length of the interval, not from what is stored of it, so that
        # the same question gives the same grid while more arrives.
        n_samples = -(-(interval.end - interval.start) * 1_000 // source.interval_ns)
        bucket = bucket_size(max(n_samples, 1), points)
        bucket_us = bucket * source.interval_ns / 1_000
        own = source.within(interval)
        if is_far(bucket_us):
            extremes = await self._from_far(source, own)
            return _Part(source=source, segments=partial(extremes.finish, bucket_us))
        _check_cost(source, source.n_samples)
        builder = TraceBuilder(bucket=bucket, start_us=own.start, end_us=own.end)
        await self._reader.take(source, own, partial(_add_all, builder, source))
        return _Part(source=source, segments=builder.finish)

    async def _from_far(self, source: TraceSource, own: Interval) -> MinuteExtremes:
        n_hot = (source.hot.end - source.hot.start) * 1_000 // source.interval_ns
        _check_cost(source, min(n_hot, source.n_samples))
        extremes = MinuteExtremes(own, source.channels)
        await self._reader.take_hot(source, own, partial(_add_all, extremes, source))
        async for minutes in self._reader.minutes(source, own):
            await asyncio.to_thread(_add_minutes, extremes, source, minutes)
        return extremes


def _side_by_side(sources: Sequence[TraceSource]) -> list[TraceSource]:
    """Sources that follow each other in time, those with most samples before others; by time."""
    chosen: list[TraceSource] = []
    for source in sources:
        apart = all(
            source.filled.end <= other.filled.start or other.filled.end <= source.filled.start
            for other in chosen
        )
        if apart and (not chosen or source.channels == chosen[0].channels):
            chosen.append(source)
    return sorted(chosen, key=lambda source: source.filled.start)


def _check_cost(source: TraceSource, n_samples: int) -> None:
    if n_samples * source.channels > _SAMPLES_MOST:
        raise Invalid(
            f"This would look at {n_samples * source.channels // 1_000_000} million samples; ask "
            "for a shorter range or for fewer points.",
            reason="too_costly",
        )


def _add_all(into: TraceBuilder | MinuteExtremes, source: TraceSource, batch: FrameBatch) -> None:
    for run in runs(batch, interval_ns=source.interval_ns, channels=source.channels):
        if isinstance(into, TraceBuilder):
            into.add(run.t0_us, run.interval_ns, run.values(), end_us=run.end_us)
        else:
            into.add(run.t0_us, run.interval_ns, run.values())


def _add_minutes(extremes: MinuteExtremes, source: TraceSource, minutes: Sequence[Minute]) -> None:
    for minute in minutes:
        if minute.frames is None:
            extremes.add_minute(minute.t0_us, minute.low, minute.high)
        elif len(minute.frames):
            _add_all(extremes, source, minute.frames)


def _body(
    patient: str,
    row: StreamRow,
    interval: Interval,
    parts: Sequence[_Part],
    sources: Sequence[TraceSource],
    models: Mapping[str, DeviceModel],
) -> bytes:
    told = [(part.source, part.segments()) for part in parts]
    filled = [(source, segments) for source, segments in told if segments]
    source, segments = max(filled, key=lambda one: one[0].n_samples, default=(None, ()))
    return orjson.dumps(
        {
            "patient": patient,
            "stream": row.key,
            "unit": row.unit,
            "from": to_text(interval.start),
            "to": to_text(interval.end),
            "hz": round(segments[0].hz, 6) if segments else None,
            "device_hz": round(1e9 / source.interval_ns, 3) if source is not None else None,
            "device": source.device if source is not None else None,
            "place": _place(source) if source is not None else None,
            "channels": channel_names(source.model, row, source.channels, models)
            if source is not None
            else [],
            "segments": [_segment(segment, of) for of, several in filled for segment in several],
            "sources": [
                {
                    "device": one.device,
                    "place": _place(one),
                    "hz": round(1e9 / one.interval_ns, 3),
                    "channels": channel_names(one.model, row, one.channels, models),
                    "n_samples": one.n_samples,
                    "from": to_text(max(one.filled.start, one.worn.start)),
                    "to": to_text(min(one.filled.end, one.worn.end)),
                }
                for one in sources
            ],
        }
    )


def _segment(segment: Segment, source: TraceSource) -> dict[str, Any]:
    missing = np.isnan(segment.values).all(axis=0)
    edges = np.flatnonzero(np.diff(missing.astype(np.int8), prepend=0, append=0)).tolist()
    return {
        "start": to_text(segment.start_us),
        "hz": round(segment.hz, 6),
        "device": source.device,
        "values": np.round(segment.values, _DIGITS).tolist(),  # orjson writes NaN as null
        "missing": [
            {"start": begin, "end": end} for begin, end in zip(edges[::2], edges[1::2], strict=True)
        ],
    }


def _place(source: TraceSource) -> str:
    return Place(source.place).name.lower()
