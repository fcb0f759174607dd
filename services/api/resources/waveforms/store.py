"""Stored samples in PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.api.core.sight import SeenPatient
from shared.contracts.instants import Interval
from shared.contracts.streams import Stream
from shared.database.pool import Database, Row
from shared.database.statements import Statements

_PAGE = 1_000  # frames at once: some minutes of a device, half a megabyte


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSource:
    """One device, place and rate that sent a stream."""

    device_id: int
    device: str
    model: str
    place: int
    interval_ns: int
    channels: int
    n_samples: int


class WaveformStore:
    """Reads frames of a patient, in pages."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def sources(
        self, patient: SeenPatient, stream: Stream, interval: Interval
    ) -> list[TraceSource]:
        """What could be shown of a stream, the one with most samples first."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["sources"], patient.id, int(stream), interval.start, interval.end
            )
        return [
            TraceSource(
                device_id=row["device_id"],
                device=row["device"],
                model=row["model"],
                place=row["place"],
                interval_ns=row["interval_ns"],
                channels=row["channels"],
                n_samples=int(row["n_samples"]),
            )
            for row in rows
        ]

    async def frames(
        self, patient: SeenPatient, stream: Stream, source: TraceSource, interval: Interval
    ) -> AsyncIterator[list[Row]]:
        """Pages of frames in the order of time. Frames at a page's last instant come twice."""
        start: int = interval.start
        while True:
            async with self._database.session() as session:
                rows = await session.fetch(
                    self._statements["frames"],
                    patient.id,
                    source.device_id,
                    int(stream),
                    source.place,
                    start,
                    interval.end,
                    source.interval_ns,
                    source.channels,
                    _PAGE,
                )
            yield rows
            if len(rows) < _PAGE or rows[-1]["t0"] == start:
                return
            start = rows[-1]["t0"]
