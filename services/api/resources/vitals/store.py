"""Vital signs in PostgreSQL."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.api.core.resolution import Level, Piece
from services.api.core.sight import SeenPatient
from services.api.core.vital_points import VitalPoint
from shared.contracts.instants import Interval
from shared.contracts.measures import Measure
from shared.contracts.quality import Validity
from shared.database.pool import Database, Row, Session
from shared.database.statements import Statements

_STATEMENTS = {
    Level.VALUES: "bucket_values",
    Level.MINUTES: "bucket_minutes",
    Level.HOURS: "bucket_hours",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which vital sign, of whom, by which device and method where these are named."""

    patient: SeenPatient
    measure: Measure
    device: str | None
    method: int | None


class VitalStore:
    """Reads stored values, one by one or in buckets."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def rolled_up_us(self) -> int:
        """Up to when minutes and hours are made."""
        async with self._database.session() as session:
            done_us: int | None = await session.fetch_value(self._statements["rolled_up"])
        return done_us or 0

    async def values(self, wanted: Wanted, interval: Interval, *, most: int) -> list[VitalPoint]:
        """Each stored value of an interval, oldest first."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["values"],
                wanted.patient.id,
                int(wanted.measure),
                interval.start,
                interval.end,
                wanted.device,
                wanted.method,
                most,
            )
        return [_value(row) for row in rows]

    async def buckets(
        self, wanted: Wanted, pieces: Sequence[Piece], *, length_us: int
    ) -> list[VitalPoint]:
        """Buckets of some pieces, one a device and method; at the seam of two it comes twice."""
        found: list[VitalPoint] = []
        async with self._database.session() as session:
            for piece in pieces:
                found += map(_bucket, await self._read(session, wanted, piece, length_us))
        return found

    async def device_names(self, device_ids: Iterable[int]) -> dict[int, str]:
        """What these devices are called outside."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["device_names"], sorted(device_ids))
        return {row["id"]: row["device"] for row in rows}

    async def _read(
        self, session: Session, wanted: Wanted, piece: Piece, length_us: int
    ) -> list[Row]:
        return await session.fetch(
            self._statements[_STATEMENTS[piece.level]],
            wanted.patient.id,
            int(wanted.measure),
            piece.interval.start,
            piece.interval.end,
            length_us,
            wanted.device,
            wanted.method,
        )


def _value(row: Row) -> VitalPoint:
    absent = math.isnan(row["value"]) or row["validity"] == Validity.ABSENT
    value = None if absent else row["value"]
    return VitalPoint(
        t_us=row["t"],
        device_id=row["device_id"],
        method=row["method"],
        value=value,
        least=value,
        greatest=value,
        n=0 if absent else 1,
        n_questionable=int(not absent and row["validity"] == Validity.QUESTIONABLE),
        quality=row["quality"],
        validity=int(Validity.ABSENT) if absent else row["validity"],
        flags=row["flags"],
    )


def _bucket(row: Row) -> VitalPoint:
    absent = row["value"] is None
    validity = Validity.QUESTIONABLE if row["n_questionable"] else Validity.VALID
    return VitalPoint(
        t_us=row["t"],
        device_id=row["device_id"],
        method=row["method"],
        value=row["value"],
        least=row["least"],
        greatest=row["greatest"],
        n=0 if absent else row["n"],
        n_questionable=0 if absent else row["n_questionable"],
        quality=0.0 if absent else row["quality"],
        validity=int(Validity.ABSENT if absent else validity),
        flags=row["flags"],
        codes=_codes(row["codes"]),
    )


def _codes(counts: dict[str, int] | None) -> dict[int, int]:
    """Counts of codes by code."""
    return {int(code): n for code, n in (counts or {}).items()}
