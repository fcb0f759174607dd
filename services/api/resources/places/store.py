"""Places in PostgreSQL."""

import math
from collections.abc import Iterable

from services.api.core.sight import SeenPatient
from shared.contracts.identity import DeviceKey, PatientKey
from shared.contracts.instants import Interval
from shared.contracts.measures import Measure
from shared.database.pool import Database, Row
from shared.database.statements import Statements

_MEASURES = tuple(
    int(measure)
    for measure in (Measure.POSITION_X, Measure.POSITION_Y, Measure.POSITION, Measure.ROOM)
)
ROOMS_MOST = 500  # told of a day; a map has no more


class PlaceStore:
    """Reads places."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def newest(
        self, patient: PatientKey, *, since_us: int, device: DeviceKey | None = None
    ) -> Row | None:
        """The newest place; of one device where it is named, of patient 0 while nobody wore it."""
        async with self._database.session() as session:
            return await session.fetch_one(
                self._statements["newest_place"], patient, since_us, *_MEASURES, device
            )

    async def time_in_rooms(
        self, patient: SeenPatient, interval: Interval, *, longest_us: int
    ) -> list[Row]:
        """How long each room was that of a patient, the longest first."""
        async with self._database.session() as session:
            return await session.fetch(
                self._statements["time_in_rooms"], patient.id, interval.start, interval.end,
                int(Measure.ROOM), longest_us, ROOMS_MOST,
            )  # fmt: skip

    async def track(
        self,
        patient: SeenPatient,
        interval: Interval,
        *,
        device: str | None,
        after: tuple[int, int] | None,
        limit: int,
    ) -> list[Row]:
        """Places of an interval, oldest first."""
        after_t, after_device = after if after is not None else (None, None)
        async with self._database.session() as session:
            return await session.fetch(
                self._statements["track"], patient.id, interval.start, interval.end, *_MEASURES,
                after_t, after_device, device, limit,
            )  # fmt: skip

    async def rooms(self, places: Iterable[Row]) -> dict[int, Row]:
        """The rooms that places name."""
        numbers = sorted(
            {
                int(place["room"])
                for place in places
                if place["room"] is not None and not math.isnan(place["room"])
            }
        )
        if not numbers:
            return {}
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["rooms"], numbers)
        return {row["id"]: row for row in rows}

    async def plan(self, map_id: int) -> list[Row]:
        """The rooms of a map."""
        async with self._database.session() as session:
            return await session.fetch(self._statements["plan"], map_id)
