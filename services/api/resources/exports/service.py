"""Files of what is stored of a patient, sent as they are read, each written down.

Memory is bounded by a window of time a file, and by how many files are written at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.export_format import ExportFormat
from services.api.core.file_places import FilePlaces
from services.api.core.sight import SeenPatient
from services.api.core.token_bucket import RateLimitedError
from services.api.parameters import LONGEST_HISTORY, LONGEST_VITALS, Asked, time_range
from services.api.resources.exports.store import ExportStore, Resolution
from services.api.resources.exports.writers.contents import (
    BEATS,
    HOURS,
    MINUTES,
    VALUES,
    Content,
    events_of,
)
from services.api.resources.exports.writers.sample_files import Bytes, File, SampleFiles
from services.api.resources.exports.writers.tables import table_writer
from services.api.samples.reader import SampleReader
from shared.contracts.device_model import DeviceModel
from shared.contracts.instants import DAY, Interval, Microseconds
from shared.contracts.measures import MEASURES_BY_KEY
from shared.contracts.streams import STREAMS_BY_KEY
from shared.database.pool import Row
from shared.errors import Invalid
from shared.runtime.clock import Clock

_LONGEST_RECORDING = Microseconds(7 * DAY)
_LONGEST_CSV = Microseconds(1 * DAY)  # of samples: 25 bytes a sample
_FILES_MOST = 8  # at once; a slow reader keeps its place as long as it reads
_FILES_A_USER = 2
_RETRY_S = 5.0
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
        self._sample_files = SampleFiles(reader, store, models)
        self._store = store
        self._clock = clock
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
        file = await self._sample_files.file(seen.key, row, found, interval, form)
        if file is None:
            raise Invalid(
                "Nothing is stored of this stream in this range.", reason="nothing_stored"
            )
        name = f"{seen.key}_{stream}_{_file_time(interval.start)}"
        return self._export(request, name, file)

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
        writer = table_writer(form, content.columns, {"patient": seen.key, "content": content.what})

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
        file = File(media_type=writer.media_type, suffix=writer.suffix, body=body())
        return self._export(request, name, file)

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

    def _export(self, request: Request, name: str, file: File) -> Export:
        user = int(request.principal.user_id)
        if not self._places.is_free(user):
            raise RateLimitedError(_RETRY_S)
        return Export(
            media_type=file.media_type,
            file_name=f"{name}.{file.suffix}",
            body=self._counted(user, file.body),
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


def _file_time(t_us: int) -> str:
    return f"{datetime.fromtimestamp(t_us // 1_000_000, tz=UTC):%Y%m%dT%H%M%SZ}"
