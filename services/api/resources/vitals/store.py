"""Vital signs in PostgreSQL."""

import math

from services.api.core.sight import SeenPatient
from services.api.core.vital_points import VitalPoint
from shared.contracts.instants import Interval
from shared.contracts.measures import Measure
from shared.contracts.quality import Validity
from shared.database.pool import Database, Row
from shared.database.statements import Statements


class VitalStore:
    """Reads stored values, one by one or in buckets."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def values(
        self, patient: SeenPatient, measure: Measure, interval: Interval, *, most: int
    ) -> list[VitalPoint]:
        """Each stored value of an interval, oldest first."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["values"],
                patient.id,
                int(measure),
                interval.start,
                interval.end,
                most,
            )
        return [_value(row) for row in rows]

    async def buckets(
        self, patient: SeenPatient, measure: Measure, interval: Interval, *, length_us: int
    ) -> list[VitalPoint]:
        """The values of an interval in buckets, one a device and method."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["buckets"],
                patient.id,
                int(measure),
                interval.start,
                interval.end,
                length_us,
            )
        return [_bucket(row) for row in rows]


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
        quality=row["quality"],
        validity=row["validity"],
        flags=row["flags"],
    )


def _bucket(row: Row) -> VitalPoint:
    absent = row["n"] == 0
    return VitalPoint(
        t_us=row["t"],
        device_id=row["device_id"],
        method=row["method"],
        value=row["value"],
        least=row["least"],
        greatest=row["greatest"],
        n=row["n"],
        quality=0.0 if absent else row["quality"],
        validity=int(Validity.ABSENT) if absent else row["validity"],
        flags=row["flags"],
    )
