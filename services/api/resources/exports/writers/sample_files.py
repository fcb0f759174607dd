"""Samples of one device as a file, read and written a window of time at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.api.core.channel_names import channel_names
from services.api.core.count_scale import ScaleFinder
from services.api.core.export_format import ExportFormat
from services.api.core.sample_layout import Filler, LayoutFinder
from services.api.core.trace_cutter import TraceCutter
from services.api.core.trace_pieces import TracePiece, cut_pieces
from services.api.resources.exports.store import ExportStore
from services.api.resources.exports.writers.contents import TIME
from services.api.resources.exports.writers.signals import (
    BeatMark,
    EdfWriter,
    Recording,
    SignalWriter,
    WfdbWriter,
)
from services.api.resources.exports.writers.tables import TableWriter, table_writer
from services.api.resources.exports.writers.telecare import TelecareXmlWriter
from services.api.samples.reader import SampleReader, TraceSource
from shared.contracts.beats import BeatKind
from shared.contracts.device_model import DeviceModel
from shared.contracts.instants import Interval
from shared.contracts.streams import Place, Stream, StreamRow
from shared.recordings.csv_table import Column, Kind

_ROWS = 50_000  # written at once
_MARKED_BEATS = {Stream.ECG: BeatKind.R_PEAK, Stream.PPG: BeatKind.PULSE_FOOT}

_WRITERS: Mapping[ExportFormat, Callable[[Recording], SignalWriter]] = {
    ExportFormat.EDF: EdfWriter,
    ExportFormat.WFDB: WfdbWriter,
    ExportFormat.TELECARE_XML: TelecareXmlWriter,
}

Bytes = AsyncGenerator[bytes, None]
"""A file, piece by piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What a file is, and its bytes as they are made."""

    media_type: str
    suffix: str
    body: Bytes


class SampleFiles:
    """Makes files of stored samples."""

    def __init__(
        self, reader: SampleReader, store: ExportStore, models: Mapping[str, DeviceModel]
    ) -> None:
        self._reader = reader
        self._store = store
        self._models = models

    async def file(
        self,
        patient: str,
        row: StreamRow,
        found: Sequence[TraceSource],
        interval: Interval,
        form: ExportFormat,
    ) -> File | None:
        """All samples of the first source; None where nothing is stored and the file cannot be.

        Parameters
        ----------
        patient : its key, which the file names
        found : sources, that with most samples first
        """
        sources = _same_as(found)
        if form in {ExportFormat.CSV, ExportFormat.PARQUET}:
            table = self._sample_table(form, patient, row, sources)
            body = self._sample_rows(table, sources, interval)
            return File(media_type=table.media_type, suffix=table.suffix, body=body)
        recording = await self._recording(patient, row, sources, interval, form)
        if recording is None:
            return None
        signals: SignalWriter = _WRITERS[form](recording)
        body = self._recorded(signals, recording, sources, interval)
        return File(media_type=signals.media_type, suffix=signals.suffix, body=body)

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
        return table_writer(form, columns, told)

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
            layout.one_stretch(interval_ns / 1_000)
            if form is ExportFormat.WFDB
            else layout.stretches()
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
