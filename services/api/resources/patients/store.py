"""Patients and their devices in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.database.pool import Database, Row
from shared.database.statements import Statements


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRows:
    """All rows that describe some patients, by patient or device."""

    details: dict[int, Row]
    presence: dict[int, Row]
    streams: dict[int, list[Row]]
    limits: dict[int, list[Row]]


class PatientStore:
    """Reads what describes patients."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def read(
        self, patients: Sequence[int], devices: Sequence[int], *, start_us: int, end_us: int
    ) -> PatientRows:
        """The rows of these patients and devices; streams from frames of an interval."""
        statements = self._statements
        async with self._database.session() as session:
            details = await session.fetch(statements["patient_details"], list(patients))
            presence = await session.fetch(statements["device_presence"], list(devices))
            recent = await session.fetch(
                statements["recent_streams"], list(devices), start_us, end_us
            )
            in_force = await session.fetch(statements["limits_in_force"], list(patients))
        limits: dict[int, list[Row]] = {}
        for row in in_force:
            limits.setdefault(row["patient_id"], []).append(row)
        streams: dict[int, list[Row]] = {}
        for row in recent:
            streams.setdefault(row["device_id"], []).append(row)
        return PatientRows(
            details={row["id"]: row for row in details},
            presence={row["device_id"]: row for row in presence},
            streams=streams,
            limits=limits,
        )
