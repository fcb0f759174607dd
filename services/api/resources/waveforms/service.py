"""Stored samples of a patient, thinned to what can be drawn."""

import asyncio
import math
from collections.abc import Mapping, Sequence

import numpy as np

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.decimation import Samples, bucket_size
from services.api.core.stored_trace import Segment, TraceBuilder
from services.api.parameters import LONGEST_SAMPLES, time_range
from services.api.resources.waveforms.schemas import Missing, Waveform, WaveformSegment
from services.api.resources.waveforms.store import TraceSource, WaveformStore
from shared.contracts.device_model import DeviceModel
from shared.contracts.frames import SAMPLE_DTYPES, physical
from shared.contracts.instants import SECOND, Interval, Microseconds, to_text
from shared.contracts.streams import STREAMS_BY_KEY, Place, StreamRow
from shared.database.pool import Row
from shared.errors import Invalid
from shared.runtime.clock import Clock

_FRAME_US = 10 * SECOND  # a frame that began so long before may reach into the interval
_DIGITS = 6


class WaveformService:
    """Reads samples for a user, each read written down."""

    def __init__(
        self,
        access: Access,
        store: WaveformStore,
        clock: Clock,
        models: Mapping[str, DeviceModel],
    ) -> None:
        self._access = access
        self._store = store
        self._clock = clock
        self._models = models

    async def waveform(
        self,
        request: Request,
        patient: str,
        *,
        stream: str,
        device: str | None,
        start: str | None,
        end: str | None,
        points: int,
    ) -> Waveform:
        """A stream over time, of the device that sent most of it unless one is named."""
        row = STREAMS_BY_KEY.get(stream)
        if row is None:
            raise Invalid("There is no such stream; see /v1/streams.")
        interval = time_range(start, end, now_us=self._clock.now_us(), longest_us=LONGEST_SAMPLES)
        seen = await self._access.patient(request, patient, Action.READ_WAVEFORMS)
        wider = Interval(start=Microseconds(max(0, interval.start - _FRAME_US)), end=interval.end)
        sources = [
            source
            for source in await self._store.sources(seen, row.id, wider)
            if device is None or source.device == device
        ]
        if not sources:
            return _empty(seen.key, row)
        source = sources[0]
        # The bucket comes from the length of the interval, not from what is stored of it, so that
        # the same question gives the same grid while more arrives.
        n_samples = -(-(interval.end - interval.start) * 1_000 // source.interval_ns)
        bucket = bucket_size(max(n_samples, 1), points)
        builder = TraceBuilder(bucket=bucket, start_us=interval.start, end_us=interval.end)
        async for page in self._store.frames(seen, row.id, source, wider):
            await asyncio.to_thread(_add_all, builder, page)
        segments = await asyncio.to_thread(builder.finish)
        return Waveform(
            patient=seen.key,
            stream=row.key,
            unit=row.unit,
            hz=round(segments[0].hz, 6) if segments else None,
            device_hz=round(1e9 / source.interval_ns, 3),
            device=source.device,
            place=Place(source.place).name.lower(),
            channels=self._channels(source, row),
            segments=[_shown(segment) for segment in segments],
        )

    def _channels(self, source: TraceSource, row: StreamRow) -> list[str]:
        model = self._models.get(source.model)
        named = (
            next(
                (one.channels for one in model.streams if one.key == row.key and one.channels), None
            )
            if model is not None
            else None
        )
        names = named or row.channels
        return [
            names[index] if index < len(names) else f"channel_{index + 1}"
            for index in range(source.channels)
        ]


def _add_all(builder: TraceBuilder, rows: Sequence[Row]) -> None:
    for row in rows:
        dtype = SAMPLE_DTYPES.get(row["format"])
        if dtype is None:
            continue
        raw = np.frombuffer(row["samples"], dtype=dtype).reshape(-1, row["channels"]).T
        samples = physical(raw, scale=row["scale"], offset=row["add_offset"])
        builder.add(row["t0"], row["interval_ns"], samples)


def _shown(segment: Segment) -> WaveformSegment:
    missing = np.isnan(segment.values).all(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    return WaveformSegment(
        start=to_text(segment.start_us),
        values=[_numbers(channel) for channel in segment.values],
        missing=[
            Missing(start=int(begin), end=int(end))
            for begin, end in zip(edges[::2], edges[1::2], strict=True)
        ],
    )


def _numbers(channel: Samples) -> list[float | None]:
    return [None if math.isnan(value) else round(value, _DIGITS) for value in channel.tolist()]


def _empty(patient: str, row: StreamRow) -> Waveform:
    return Waveform(
        patient=patient,
        stream=row.key,
        unit=row.unit,
        hz=None,
        device_hz=None,
        device=None,
        place=None,
        channels=[],
        segments=[],
    )
