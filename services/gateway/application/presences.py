"""Who is online on a lane: statuses to rows and events."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from services.gateway.application.ports import Confirmed, PresenceTable
from services.gateway.core.messages import Device
from services.gateway.core.presence import Presence, Status, events_of, observe
from services.gateway.metrics import GatewayMetrics
from shared.contracts.identity import DeviceKey
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

KEEP_EVERY_S = 1.0
TABLE_TIMEOUT_S = 5.0


class Presences:
    """The newest status of each device that has spoken on a lane.

    Rows are written behind: what a crash loses of them, the events (durable before the PUBACK)
    and the next status of the device bring back.
    """

    def __init__(
        self,
        table: PresenceTable,
        out: Confirmed,
        clock: Clock,
        metrics: GatewayMetrics,
        lane: str,
    ) -> None:
        self._table = table
        self._out = out
        self._clock = clock
        self._metrics = metrics
        self._lane = lane
        self._held: dict[DeviceKey, Presence] = {}
        self._unsaved: set[DeviceKey] = set()

    async def load(self, shards: range) -> None:
        """Take up what the table knows, so that a new owner of the lane tells no old news."""
        try:
            async with asyncio.timeout(TABLE_TIMEOUT_S):
                self._held = {**await self._table.load(shards), **self._held}
        except (Unavailable, TimeoutError) as error:
            log.warning("presence_unavailable", lane=self._lane, error=str(error))

    async def observe(
        self, device: Device, status: Status, *, retained: bool
    ) -> asyncio.Future[None] | None:
        """Take a status; give the confirmation of the last event that tells of it, if any."""
        before = self._held.get(device.key)
        now_us = self._clock.now_us()
        after = observe(before, status, now_us, retained=retained)
        if after == before:
            return None
        self._held[device.key] = after
        self._unsaved.add(device.key)
        confirmation = None
        for event in events_of(device.key, before, after):
            confirmation = await self._out.tell(event)
        return confirmation

    def is_online(self, device: DeviceKey) -> bool:
        """Whether a device is connected, as far as is known."""
        presence = self._held.get(device)
        return presence is not None and presence.online

    def reported(self, device: DeviceKey) -> Mapping[str, Any]:
        """What a device last told of itself."""
        presence = self._held.get(device)
        return {} if presence is None else presence.reported

    def online(self) -> Sequence[DeviceKey]:
        """Give the devices that are online."""
        return [device for device, presence in self._held.items() if presence.online]

    async def run(self, stop: asyncio.Event) -> None:
        """Write changed rows once a second, until the stop; the last ones after it."""
        while True:
            stopping = await pause(stop, KEEP_EVERY_S)
            self._metrics.loop_turns.labels("presence").inc()
            await self._keep()
            self._metrics.presence_unsaved.labels(self._lane).set(len(self._unsaved))
            self._metrics.online_devices.labels(self._lane).set(len(self.online()))
            if stopping:
                return

    async def _keep(self) -> None:
        if not self._unsaved:
            return
        saving, self._unsaved = self._unsaved, set()
        try:
            async with asyncio.timeout(TABLE_TIMEOUT_S):
                await self._table.keep({device: self._held[device] for device in saving})
        except (Unavailable, TimeoutError) as error:
            self._unsaved |= saving
            self._metrics.loop_errors.labels("presence").inc()
            log.warning("presence_unavailable", lane=self._lane, error=str(error))
