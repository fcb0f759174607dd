"""What is wished of the devices of a lane, retained on ``down/desired``.

The broker keeps it for devices that are away. What the broker has forgotten is published again
with each session, and when a device that connects reports another version.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog

from services.gateway.application.devices import Devices
from services.gateway.application.ports import (
    ConfigurationTable,
    DeviceSession,
)
from services.gateway.core.messages import DesiredConfiguration, Device
from services.gateway.metrics import GatewayMetrics
from shared.contracts.commands import DownDesired
from shared.contracts.identity import DeviceKey, Lane
from shared.contracts.names import DownKind, down_topic
from shared.errors import Unavailable
from shared.runtime.waiting import pause

log = structlog.get_logger()

LOAD_EVERY_S = 60.0
"""How soon a change is seen if its notification was lost."""
UNSENT_S = 0.2
"""What did not leave, since the socket was full, is tried again so soon."""
AWAY_S = 1.0
TABLE_TIMEOUT_S = 5.0
VERSION = "configuration_version"
"""Key of ``reported`` in a status: the version that is in force."""


class Configurations:
    """The configurations of one lane. The session is that of the moment, or none.

    Parameters
    ----------
    reported : what a device last told of itself
    """

    def __init__(
        self,
        lane: Lane,
        shards: range,
        *,
        table: ConfigurationTable,
        devices: Devices,
        reported: Callable[[DeviceKey], Mapping[str, Any]],
        metrics: GatewayMetrics,
    ) -> None:
        self._label = str(lane)
        self._shards = shards
        self._table = table
        self._devices = devices
        self._reported = reported
        self._metrics = metrics
        self._desired: dict[DeviceKey, DesiredConfiguration] = {}
        self._sent: dict[DeviceKey, int] = {}
        self._changed = asyncio.Event()
        self._session: DeviceSession | None = None

    def use(self, session: DeviceSession | None) -> None:
        """Publish over another session from now on, all again: the one before may have lost it."""
        self._session = session
        self._sent.clear()
        self._changed.set()

    def note_change(self) -> None:
        """Say that the registry has changed: what is wished is read again."""
        self._changed.set()

    def welcome(self, device: Device) -> None:
        """Note that a device has just connected: tell it again if it has another version."""
        desired = self._desired.get(device.key)
        if desired is not None and self._reported(device.key).get(VERSION) != desired.version:
            self._sent.pop(device.key, None)
            self._changed.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish what changes until the stop."""
        while not stop.is_set():
            self._changed.clear()
            self._metrics.loop_turns.labels("configurations").inc()
            try:
                async with asyncio.timeout(TABLE_TIMEOUT_S):
                    rows = await self._table.load(self._shards)
            except (Unavailable, TimeoutError) as error:
                self._metrics.loop_errors.labels("configurations").inc()
                log.warning("configurations_unavailable", lane=self._label, error=str(error))
                await pause(stop, AWAY_S)
                self._changed.set()
                continue
            self._desired = {row.device: row for row in rows}
            await self._wait(stop, LOAD_EVERY_S if self._publish() else UNSENT_S)

    def _publish(self) -> bool:
        """Publish what this session has not; whether all of it left."""
        if self._session is None:
            return True
        all_left = True
        for device_key, desired in self._desired.items():
            device = self._devices.by_key(device_key)
            if self._sent.get(device_key) == desired.version or device is None:
                continue
            body = msgspec.json.encode(
                DownDesired(version=desired.version, configuration=desired.configuration)
            )
            topic = down_topic(device.name, DownKind.DESIRED)
            if not self._session.publish(topic, body, retain=True):
                all_left = False
                break
            self._sent[device_key] = desired.version
            self._metrics.configurations_sent.labels(self._label).inc()
        return all_left

    async def _wait(self, stop: asyncio.Event, seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(self._changed.wait()), group.create_task(stop.wait())]
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
