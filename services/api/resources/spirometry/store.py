"""Forced breaths in PostgreSQL, and the table of what is expected."""

from collections.abc import Iterable, Mapping
from datetime import date
from importlib import resources

from services.api.core.lung_function import LungTable, read_lung_table
from services.api.core.sight import SeenPatient
from shared.contracts.instants import Interval
from shared.contracts.measures import Measure
from shared.database.pool import Database, Row
from shared.database.statements import Statements

NUMBERS_MOST = 11_000  # a thousand breaths
BLOWN = (
    Measure.FEV1,
    Measure.FVC,
    Measure.PEF,
    Measure.FEF25_75,
    Measure.FEF25,
    Measure.FEF50,
    Measure.FEF75,
    Measure.EXTRAPOLATED_VOLUME,
    Measure.EXPIRATORY_TIME,
    Measure.END_RISE,
    Measure.FLOW_REGAINED,
)


class BlowStore:
    """Reads breaths, reads and writes by what they are judged."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def blows(self, patient: SeenPatient, interval: Interval) -> list[Row]:
        """The numbers of the breaths of an interval, the newest first."""
        async with self._database.session() as session:
            return await session.fetch(
                self._statements["blows"],
                patient.id,
                [int(measure) for measure in BLOWN],
                interval.start,
                interval.end,
                NUMBERS_MOST,
            )

    async def device_names(self, devices: Iterable[int]) -> dict[int, str]:
        """The names of devices by their ids."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["blow_devices"], list(devices))
        return {row["id"]: row["device"] for row in rows}

    async def person(self, patient: SeenPatient) -> Row | None:
        """Birth date, sex and reference of a patient."""
        async with self._database.session() as session:
            return await session.fetch_one(self._statements["lung_person"], patient.id)

    async def set_reference(
        self,
        patient: SeenPatient,
        new: Mapping[str, object],
        *,
        sex: str | None,
        birth_date: date | None,
    ) -> Row | None:
        """Write height and group, and what else is given; the patient as it is then.

        None where the patient was erased meanwhile.
        """
        async with self._database.session() as session:
            return await session.fetch_one(
                self._statements["set_lung_reference"], patient.id, new, sex, birth_date
            )


def load_lung_table() -> LungTable:
    """The table that comes with the program."""
    return read_lung_table(resources.files(__package__).joinpath("gli_2012.json").read_bytes())
