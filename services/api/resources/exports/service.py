"""Files of what is stored of a patient, sent as they are read, each written down.

Memory is bounded by a window of time a file, and by how many files are written at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.channel_names import channel_names
from services.api.core.count_scale import ScaleFinder
from services.api.core.export_format import ExportFormat
from services.api.core.file_places import FilePlaces
from services.api.core.sample_layout import Filler, LayoutFinder
from services.api.core.sight import SeenPatient
from services.api.core.token_bucket import RateLimitedError
from services.api.core.trace_cutter import TraceCutter
from services.api.core.trace_pieces import TracePiece, cut_pieces
from services.api.parameters import LONGEST_HISTORY, LONGEST_VITALS, Asked, time_range
from services.api.resources.exports.store import ExportStore, Resolution
from services.api.resources.exports.writers.contents import (
    BEATS,
    HOURS,
    MINUTES,
    TIME,
    VALUES,
    Content,
    events_of,
)
from services.api.resources.exports.writers.signals import (
    BeatMark,
    EdfWriter,
    Recording,
    SignalWriter,
    WfdbWriter,
)
from services.api.resources.exports.writers.tables import CsvWriter, ParquetWriter, TableWriter
from services.api.samples.reader import SampleReader, TraceSource
from shared.contracts.beats import BeatKind
from shared.contracts.device_model import DeviceModel
from shared.contracts.instants import DAY, Interval, Microseconds
from shared.contracts.measures import MEASURES_BY_KEY
from shared.contracts.streams import STREAMS_BY_KEY, Place, Stream, StreamRow
from shared.database.pool import Row
from shared.errors import Invalid
from shared.recordings.csv_table import Column, Kind
from shared.runtime.clock import Clock

_LONGEST_RECORDING = Microseconds(7 * DAY)
_LONGEST_CSV = Microseconds(1 * DAY)  # of samples: 25 bytes a sample
_FILES_MOST = 8  # at once; a slow reader keeps its place as long as it reads
_FILES_A_USER = 2
_RETRY_S = 5.0
_ROWS = 50_000  # written at once
_CONTENTS = {
    Resolution.VALUES: VALUES,
    Resolution.MINUTES: MINUTES,
    Resolution.HOURS: HOURS,
}
_LONGEST = {
    Resolution.VALUES: LONGEST_HISTORY,
    Resolution.MINUTES: Microseconds(366 * DAY),
    Resolution.HOURS: LONGEST_VITALS,
}
_MARKED_BEATS = {Stream.ECG: BeatKind.R_PEAK, Stream.PPG: BeatKind.PULSE_FOOT}


Bytes = AsyncGenerator[bytes, None]
"""A file, piece by piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file on its way."""

    media_type: str
    file_name: str
    body: Bytes


class ExportService:
    """Writes files for a user."""

    def __init__(
        self,
        access: Access,
        reader: SampleReader,
        store: ExportStore,
        clock: Clock,
        models: Mapping[str, DeviceModel],
    ) -> None:
        self._access = access
        self._reader = reader
        self._store = store
        self._clock = clock
        self._models = models
        self._places = FilePlaces(most=_FILES_MOST, a_user=_FILES_A_USER)

    # --------------------------------------------------------------------------- samples

    async def samples(
        self,
        request: Request,
        patient: str,
        stream: str,
        device: str | None,
        span: Asked,
        form: ExportFormat,
    ) -> Export:
        """All samples of one device."""
        row = STREAMS_BY_KEY.get(stream)
        if row is None:
            raise Invalid("There is no such stream; see /v1/streams.")
        longest_us = _LONGEST_CSV if form is ExportFormat.CSV else _LONGEST_RECORDING
        interval = self._range(span, longest_us)
        seen = await self._seen(request, patient, interval, what=stream, form=form)
        found = [
            source
            for source in await self._reader.sources(seen, row.id, interval)
            if device is None or source.device == device
        ]
        sources = _same_as(found)
        name = f"{seen.key}_{stream}_{_file_time(interval.start)}"
        if form in {ExportFormat.CSV, ExportFormat.PARQUET}:
            table = self._sample_table(form, seen.key, row, sources)
            body = self._sample_rows(table, sources, interval)
            return self._export(request, name, table.media_type, table.suffix, body)
        recording = await self._recording(seen.key, row, sources, interval, form)
        if recording is None:
            raise Invalid(
                "Nothing is stored of this stream in this range.", reason="nothing_stored"
            )
        signals: SignalWriter = (
            EdfWriter(recording) if form is ExportFormat.EDF else WfdbWriter(recording)
        )
        body = self._recorded(signals, recording, sources, interval)
        return self._export(request, name, signals.media_type, signals.suffix, body)

    def _sample_table(
        self,
        form: ExportFormat,
        patient: str,
        row: StreamRow,
        sources: Sequence[TraceSource],
    ) -> TableWriter:
        names: Sequence[str] = row.channels[:1]
        told = {"patient": patient, "stream": row.key, "unit": row.unit}
        for source in sources[:1]:
            names = channel_names(source.model, row, source.channels, self._models)
            told |= {
                "device": source.device,
                "place": Place(source.place).name.lower(),
                "interval_ns": str(source.interval_ns),
            }
        columns = [TIME, *(Column(name, Kind.NUMBER, row.unit) for name in names)]
        return _table(form, columns, told)

    async def _sample_rows(
        self, writer: TableWriter, sources: Sequence[TraceSource], interval: Interval
    ) -> Bytes:
        yield await asyncio.to_thread(writer.begin)
        async for pieces in self._pieces(sources, interval):
            for piece in pieces:
                for first in range(0, piece.values.shape[1], _ROWS):
                    yield await asyncio.to_thread(_sample_rows, writer, piece, first)
        yield await asyncio.to_thread(writer.end)

    async def _recording(
        self,
        patient: str,
        row: StreamRow,
        sources: Sequence[TraceSource],
        interval: Interval,
        form: ExportFormat,
    ) -> Recording | None:
        """Look at all samples once: where they stand, and how they fit into 16 bits."""
        if not sources:
            return None
        layout, scales = LayoutFinder(), ScaleFinder(sources[0].channels)
        async for pieces in self._pieces(sources, interval):
            await asyncio.to_thread(_look_at, layout, scales, pieces)
        interval_ns = sources[0].interval_ns
        stretches = (
            layout.stretches()
            if form is ExportFormat.EDF
            else layout.one_stretch(interval_ns / 1_000)
        )
        if not stretches:
            return None
        source = sources[0]
        names = channel_names(source.model, row, source.channels, self._models)
        return Recording(
            patient=patient,
            device=source.device,
            place=Place(source.place).name.lower(),
            stream=row.key,
            unit=row.unit,
            channels=tuple(names),
            interval_ns=interval_ns,
            scales=scales.scales(),
            stretches=stretches,
        )

    async def _recorded(
        self,
        writer: SignalWriter,
        recording: Recording,
        sources: Sequence[TraceSource],
        interval: Interval,
    ) -> Bytes:
        filler = Filler(recording.stretches, recording.interval_ns / 1_000, len(recording.channels))
        yield await asyncio.to_thread(writer.begin)
        marked_us = 0
        async for pieces in self._pieces(sources, interval):
            last = pieces[-1]
            end_us = int(last.start_us + last.values.shape[1] * recording.interval_ns / 1_000)
            marks = await self._marks(sources, max(marked_us, int(interval.start)), end_us)
            marked_us = end_us
            yield await asyncio.to_thread(writer.beats, marks)
            for piece in pieces:
                fillings = filler.add(piece.start_us, piece.values)
                while (filling := await asyncio.to_thread(next, fillings, None)) is not None:
                    yield await asyncio.to_thread(writer.samples, filling)
        for filling in filler.finish():
            yield await asyncio.to_thread(writer.samples, filling)
        yield await asyncio.to_thread(writer.end)

    async def _marks(
        self, sources: Sequence[TraceSource], start_us: int, end_us: int
    ) -> list[BeatMark]:
        kind = _MARKED_BEATS.get(sources[0].stream)
        if kind is None:
            return []
        marks: list[BeatMark] = []
        for source in sources:
            first, last = max(start_us, source.worn.start), min(end_us, source.worn.end)
            if first < last:
                rows = await self._store.marks(source.device_id, int(kind), first, last)
                marks += [BeatMark(t_us=row["t"], beat_class=row["class"]) for row in rows]
        return marks

    async def _pieces(
        self, sources: Sequence[TraceSource], interval: Interval
    ) -> AsyncGenerator[list[TracePiece], None]:
        """New samples of each window, in the order of time."""
        for source in sources:
            own = source.within(interval)
            cutter = TraceCutter(start_us=own.start, end_us=own.end)
            async with aclosing(self._reader.batches(source, own)) as batches:
                async for batch in batches:
                    pieces = await asyncio.to_thread(
                        cut_pieces, cutter, batch, source.interval_ns, source.channels
                    )
                    if pieces:
                        yield pieces

    # ---------------------------------------------------------------------------- tables

    async def vitals(
        self,
        request: Request,
        patient: str,
        measures: Sequence[str] | None,
        resolution: Resolution,
        span: Asked,
        form: ExportFormat,
    ) -> Export:
        """Vital signs of all devices and methods."""
        if any(measure not in MEASURES_BY_KEY for measure in measures or ()):
            raise Invalid("There is no such measure; see /v1/measures.")
        interval = self._range(span, _LONGEST[resolution])
        seen = await self._seen(
            request, patient, interval, what=f"vitals, {resolution.value}", form=form
        )
        ids = None if measures is None else [int(MEASURES_BY_KEY[one].id) for one in measures]

        async def read(window: Interval) -> list[Row]:
            return await self._store.vitals(seen, window, resolution, ids)

        return self._table_export(request, seen, interval, form, _CONTENTS[resolution], read)

    async def beats(
        self, request: Request, patient: str, span: Asked, form: ExportFormat
    ) -> Export:
        """Beats and pulses."""
        interval = self._range(span, LONGEST_HISTORY)
        seen = await self._seen(request, patient, interval, what="beats", form=form)

        async def read(window: Interval) -> list[Row]:
            return await self._store.beats(seen, window)

        return self._table_export(request, seen, interval, form, BEATS, read)

    async def events(
        self, request: Request, patient: str, span: Asked, form: ExportFormat
    ) -> Export:
        """Events."""
        interval = self._range(span, LONGEST_HISTORY)
        seen = await self._seen(request, patient, interval, what="events", form=form)

        async def read(window: Interval) -> list[Row]:
            return await self._store.events(seen, window)

        return self._table_export(request, seen, interval, form, events_of(seen), read)

    def _table_export(
        self,
        request: Request,
        seen: SeenPatient,
        interval: Interval,
        form: ExportFormat,
        content: Content,
        read: Callable[[Interval], Awaitable[list[Row]]],
    ) -> Export:
        writer = _table(form, content.columns, {"patient": seen.key, "content": content.what})

        async def body() -> Bytes:
            yield await asyncio.to_thread(writer.begin)
            for start in range(interval.start, interval.end, content.window_us):
                end = min(start + content.window_us, interval.end)
                rows = await read(Interval(start=Microseconds(start), end=Microseconds(end)))
                if rows:
                    values = await asyncio.to_thread(content.cells, rows)
                    yield await asyncio.to_thread(writer.rows, values)
            yield await asyncio.to_thread(writer.end)

        name = f"{seen.key}_{content.what}_{_file_time(interval.start)}"
        return self._export(request, name, writer.media_type, writer.suffix, body())

    # ------------------------------------------------------------------------------ both

    def _range(self, span: Asked, longest_us: Microseconds) -> Interval:
        return time_range(span.start, span.end, now_us=self._clock.now_us(), longest_us=longest_us)

    async def _seen(
        self, request: Request, patient: str, interval: Interval, *, what: str, form: ExportFormat
    ) -> SeenPatient:
        return await self._access.patient(
            request,
            patient,
            Action.EXPORT,
            detail={
                "what": what,
                "format": form.value,
                "from_us": int(interval.start),
                "to_us": int(interval.end),
            },
        )

    def _export(
        self,
        request: Request,
        name: str,
        media_type: str,
        suffix: str,
        body: Bytes,
    ) -> Export:
        user = int(request.principal.user_id)
        if not self._places.is_free(user):
            raise RateLimitedError(_RETRY_S)
        return Export(
            media_type=media_type, file_name=f"{name}.{suffix}", body=self._counted(user, body)
        )

    async def _counted(self, user: int, body: Bytes) -> Bytes:
        """The body, counted while it is sent; empty pieces are left out. Cancel-safe."""
        self._places.take(user)
        try:
            async with aclosing(body) as pieces:
                async for data in pieces:
                    if data:
                        yield data
        finally:
            self._places.give_back(user)


def _table(form: ExportFormat, columns: Sequence[Column], told: Mapping[str, str]) -> TableWriter:
    return CsvWriter(columns) if form is ExportFormat.CSV else ParquetWriter(columns, told)


def _same_as(sources: Sequence[TraceSource]) -> list[TraceSource]:
    """The first, with the same device, place and layout in other times in which it was worn."""
    kinds = [(one.device_id, one.place, one.interval_ns, one.channels) for one in sources]
    same = [one for one, kind in zip(sources, kinds, strict=True) if kind == kinds[0]]
    return sorted(same, key=lambda one: one.worn.start)


def _look_at(layout: LayoutFinder, scales: ScaleFinder, pieces: Sequence[TracePiece]) -> None:
    for piece in pieces:
        layout.add(piece.start_us, piece.values.shape[1], begins=piece.begins)
        scales.add(piece.run, piece.values)


def _sample_rows(writer: TableWriter, piece: TracePiece, first: int) -> bytes:
    part = piece.values[:, first : first + _ROWS]
    names = writer.columns
    step_us = piece.run.interval_ns / 1_000
    times = np.rint(piece.start_us + (first + np.arange(part.shape[1])) * step_us)
    values: dict[str, Any] = {names[0].name: times.astype(np.int64)}
    values |= {column.name: channel for column, channel in zip(names[1:], part, strict=True)}
    return writer.rows(values)


def _file_time(t_us: int) -> str:
    return f"{datetime.fromtimestamp(t_us // 1_000_000, tz=UTC):%Y%m%dT%H%M%SZ}"
