"""Keeps the newest registry at hand and gives it to the lanes when it was read again."""

import asyncio

import structlog

from services.alarms.application.lane import LaneInputs
from services.alarms.application.ports import RegistryTable
from services.alarms.core.inputs import Registry
from shared.errors import Dependency, Unavailable
from shared.runtime.waiting import pause, wait_or_stop

log = structlog.get_logger()


class RegistryWatch:
    """Reads the registry again and again; while the database is away the last one holds."""

    def __init__(self, table: RegistryTable, inputs: LaneInputs, *, every_s: float) -> None:
        self._table = table
        self._inputs = inputs
        self._every_s = every_s
        self._newest: Registry | None = None
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, stop: asyncio.Event) -> None:
        """Read until the stop. Cancel-safe: it only reads."""
        is_away = False
        while True:
            try:
                self._newest = await self._table.read()
            except Unavailable as error:
                if not is_away:
                    log.warning("registry_unavailable", error=str(error))
                is_away = True
            else:
                is_away = False
                if not self._first.done():
                    self._first.set_result(None)
                await self._inputs.give_registry(self._newest)
            if await pause(stop, self._every_s):
                return

    async def newest(self, until: asyncio.Event) -> Registry:
        """The newest registry, waiting for the first one.

        Raises
        ------
        Unavailable : the stop came before it
        """
        await wait_or_stop(self._first, until)
        if self._newest is None:
            raise Unavailable(Dependency.POSTGRESQL, "the registry was not read before the stop")
        return self._newest
