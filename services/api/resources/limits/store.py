"""Alarm limits in PostgreSQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.api.core.sight import SeenPatient
from shared.database.pool import Database, Row, Session
from shared.database.statements import Statements


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRows:
    """What holds for a patient, and what of it was set for this patient."""

    in_force: list[Row]
    own: list[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLimit:
    """A limit that somebody sets for one patient."""

    measure: str
    low: float | None
    high: float | None
    enabled: bool
    delay_s: float | None
    reason: str | None


class LimitStore:
    """Reads the limits in force; writes a patient's own."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def limits(self, patient: SeenPatient) -> LimitRows:
        """The limits of a patient."""
        async with self._database.session() as session:
            return await self._read(session, patient)

    async def replace(
        self,
        patient: SeenPatient,
        limits: Sequence[OwnLimit],
        *,
        by: str,
        check: Callable[[LimitRows], None],
    ) -> LimitRows:
        """Set a patient's own limits; ``check`` sees those before and may refuse by raising."""
        statements = self._statements
        async with self._database.transaction() as session:
            await session.fetch(statements["lock_patient"], patient.id)
            check(await self._read(session, patient))
            await session.execute(
                statements["remove_other_limits"], patient.id, [limit.measure for limit in limits]
            )
            for limit in limits:
                await session.execute(
                    statements["put_limit"],
                    patient.id,
                    limit.measure,
                    limit.low,
                    limit.high,
                    limit.enabled,
                    limit.delay_s,
                    limit.reason,
                    by,
                )
            return await self._read(session, patient)

    async def _read(self, session: Session, patient: SeenPatient) -> LimitRows:
        return LimitRows(
            in_force=await session.fetch(self._statements["limits_in_force"], patient.id),
            own=await session.fetch(self._statements["own_limits"], patient.id),
        )
