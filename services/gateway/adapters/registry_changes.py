"""Changes of the registry, as PostgreSQL notifies them."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from shared.database.pool import Database
from shared.errors import Unavailable
from shared.runtime.retry import BackOff
from shared.runtime.waiting import pause

log = structlog.get_logger()

CHANNEL = "registry_changed"
"""Notified by triggers on tables of ``registry`` that the gateway reads."""
LOOK_EVERY_S = 0.5


class RegistryChanges:
    """Calls everybody who wants to know, once after each change and after each lost link.

    Parameters
    ----------
    listeners : only note it; they read the registry in loops of their own; lanes come and go
    """

    def __init__(self, database: Database, listeners: Sequence[Callable[[], None]]) -> None:
        self._database = database
        self._listeners = listeners
        self._back_off = BackOff(first_s=0.2, most_s=5.0)

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until the stop."""
        failures = 0
        while not stop.is_set():
            try:
                async with self._database.dedicated() as session:
                    await session.listen(CHANNEL, self._tell)
                    failures = 0
                    self._tell()  # what changed before we listened
                    while not session.is_closed:
                        if await pause(stop, LOOK_EVERY_S):
                            return
            except Unavailable as error:
                failures += 1
                log.warning("registry_changes_unavailable", error=str(error))
            if await pause(stop, self._back_off.delay_s(failures + 1, 1.0)):
                return

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
