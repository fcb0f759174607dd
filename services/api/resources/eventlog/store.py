"""The rows of the event log in PostgreSQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.api.core.sight import SeenPatient
from shared.contracts.identity import DeviceKey
from shared.contracts.instants import Interval
from shared.database.pool import Database, Row
from shared.database.statements import Statements

Place = tuple[int, str]
"""Time and id of the row that a page ended with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a reader may see. Made by the service from what access has let through.

    ``names``: the reader is told who asked for what. ``all_of_it``: also what people did beside
    devices, and what the system tells of itself.
    """

    patients: Collection[SeenPatient]
    events: Collection[str]
    acts: Collection[str]
    names: bool
    manages: bool
    all_of_it: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """What of it is asked for."""

    severities: Sequence[str] | None
    source: str | None
    device: DeviceKey | None
    user: str | None


class LogStore:
    """Reads the log."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def log(
        self,
        scope: Scope,
        narrowed: Narrowed,
        interval: Interval,
        *,
        after: Place | None,
        limit: int,
    ) -> list[Row]:
        """Rows of an interval, the newest first."""
        t, row_id = after if after is not None else (None, None)
        # indexes take the time alone: without this, each page would pass over all before it
        end = interval.end if t is None else min(interval.end, t + 1)
        async with self._database.session() as session:
            return await session.fetch(
                self._statements["log"],
                [patient.id for patient in scope.patients],
                interval.start,
                end,
                t,
                row_id,
                sorted(scope.events),
                sorted(scope.acts),
                scope.manages,
                scope.all_of_it,
                None if narrowed.severities is None else list(narrowed.severities),
                narrowed.source,
                narrowed.device,
                narrowed.user,
                limit,
            )
