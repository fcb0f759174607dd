"""How many messages each device sent and had refused, written behind."""

import asyncio

import structlog

from services.gateway.application.ports import CounterTable
from services.gateway.core.messages import DeviceCount
from services.gateway.metrics import GatewayMetrics
from shared.contracts.identity import DeviceKey
from shared.contracts.parking import Reason
from shared.errors import Unavailable
from shared.runtime.waiting import pause

log = structlog.get_logger()

KEEP_EVERY_S = 5.0
TABLE_TIMEOUT_S = 5.0


class Counters:
    """The counters of one lane. What a crash loses of them nobody counts again.

    Attributes
    ----------
    taken : messages of each device since they were last written; the hot loop counts here itself
    """

    def __init__(self, table: CounterTable, metrics: GatewayMetrics, lane: str) -> None:
        self._table = table
        self._metrics = metrics
        self._lane = lane
        self._refused: dict[tuple[DeviceKey, Reason], int] = {}
        self.taken: dict[DeviceKey, int] = {}

    def note_refused(self, device: DeviceKey, reason: Reason) -> None:
        """Count a refused message."""
        key = (device, reason)
        self._refused[key] = self._refused.get(key, 0) + 1

    async def run(self, stop: asyncio.Event) -> None:
        """Write every few seconds until the stop; the last ones after it."""
        while True:
            stopping = await pause(stop, KEEP_EVERY_S)
            self._metrics.loop_turns.labels("counters").inc()
            await self._keep()
            self._metrics.counts_unsaved.labels(self._lane).set(len(self.taken))
            if stopping:
                return

    async def _keep(self) -> None:
        taken, refused = dict(self.taken), self._refused
        if not taken and not refused:
            return
        self.taken.clear()  # the hot loop holds this very dict
        self._refused = {}
        counts = [DeviceCount(device, "messages", "", n) for device, n in taken.items()]
        counts += [
            DeviceCount(device, "refused", reason.value, n)
            for (device, reason), n in refused.items()
        ]
        try:
            async with asyncio.timeout(TABLE_TIMEOUT_S):
                await self._table.add(counts)
        except (Unavailable, TimeoutError) as error:
            for device, n in taken.items():
                self.taken[device] = self.taken.get(device, 0) + n
            for key, n in refused.items():
                self._refused[key] = self._refused.get(key, 0) + n
            self._metrics.loop_errors.labels("counters").inc()
            log.warning("counters_unavailable", lane=self._lane, error=str(error))
