"""The devices that may send, held in memory: the registry is asked for those not yet known."""

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from services.gateway.application.ports import RegistryTable
from services.gateway.core.messages import Device
from services.gateway.metrics import GatewayMetrics
from shared.contracts.device_model import DeviceModel
from shared.contracts.identity import DeviceId, DeviceKey
from shared.contracts.processing import Processing, laid_over
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

REFRESH_S = 30.0
"""How soon a change is seen if its notification was lost."""
UNKNOWN_FOR_S = 2.0
"""A name that the registry did not know is not asked for again so soon."""
MOST_UNKNOWN = 10_000
LOOK_UP_TIMEOUT_S = 2.0
AWAY_S = 3.0
"""After a failure PostgreSQL is left alone so long: a lane must not wait for it each time."""


class Devices:
    """Implements the look-up of devices for all lanes of the process.

    Parameters
    ----------
    models : by name; of a model that this version does not know nothing is chosen
    """

    def __init__(
        self,
        table: RegistryTable,
        clock: Clock,
        metrics: GatewayMetrics,
        models: Mapping[str, DeviceModel] | None = None,
    ) -> None:
        self._table = table
        self._models = models or {}
        self._clock = clock
        self._metrics = metrics
        self._by_name: dict[DeviceId, Device] = {}
        self._by_key: dict[DeviceKey, Device] = {}
        self._units: dict[DeviceKey, dict[DeviceKey, None]] = {}
        self._unknown: dict[DeviceId, float] = {}
        self._away_until_s = 0.0
        self._changed = asyncio.Event()
        self.generation = 0
        """Counts changes of the registry, so that what was derived from it can be dropped."""

    def find(self, name: DeviceId) -> Device | None:
        """Give a device that is held."""
        return self._by_name.get(name)

    def by_key(self, key: DeviceKey) -> Device | None:
        """Give a device that is held, by its key."""
        return self._by_key.get(key)

    def units_of(self, hub: DeviceKey) -> Iterable[DeviceKey]:
        """Give the units behind a hub, of those that are held."""
        return tuple(self._units.get(hub, ()))

    def add(self, device: Device) -> Device:
        """Hold a device, such as one that has just been made known; give it as it is held."""
        device = with_choice(device, self._models.get(device.model))
        self._by_name[device.name] = device
        self._by_key[device.key] = device
        if device.hub is not None:
            self._units.setdefault(device.hub, {})[device.key] = None
        self._unknown.pop(device.name, None)
        return device

    def note_change(self) -> None:
        """Say that the registry has changed: all is read again."""
        self._changed.set()

    async def look_up(self, names: Iterable[DeviceId]) -> frozenset[DeviceId]:
        """Ask the registry for devices not held; give the names that nothing can be said about.

        A name that is neither held afterwards nor given is unknown to the registry.
        """
        now_s = self._clock.monotonic_s()
        missing = [name for name in names if self._unknown.get(name, 0.0) <= now_s]
        if not missing:
            return frozenset()
        if now_s < self._away_until_s:
            return frozenset(missing)
        try:
            async with asyncio.timeout(LOOK_UP_TIMEOUT_S):
                found = await self._table.devices(missing)
        except (Unavailable, TimeoutError) as error:
            self._away_until_s = self._clock.monotonic_s() + AWAY_S
            log.warning("devices_unavailable", error=str(error))
            return frozenset(missing)
        for device in found:
            self.add(device)
        if len(self._unknown) > MOST_UNKNOWN:
            self._unknown.clear()
        for name in missing:
            if name not in self._by_name:
                self._unknown[name] = now_s + UNKNOWN_FOR_S
        self._metrics.known_devices.set(len(self._by_name))
        return frozenset()

    async def run(self, stop: asyncio.Event) -> None:
        """Read the registry again after each change, and now and then, until the stop."""
        while not stop.is_set():
            self._changed.clear()
            self._metrics.loop_turns.labels("devices").inc()
            try:
                self._replace(await self._table.all_devices())
            except Unavailable as error:
                self._metrics.loop_errors.labels("devices").inc()
                log.warning("devices_unavailable", error=str(error))
                await pause(stop, AWAY_S)
                continue
            await self._wait_for_change(stop)

    async def _wait_for_change(self, stop: asyncio.Event) -> None:
        """Wait for a notification, the stop, or the time to look without one."""
        async with asyncio.TaskGroup() as group:
            waits = [
                group.create_task(self._changed.wait()),
                group.create_task(stop.wait()),
            ]
            await asyncio.wait(waits, timeout=REFRESH_S, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    def _replace(self, devices: list[Device]) -> None:
        models = self._models
        fresh = {one.name: with_choice(one, models.get(one.model)) for one in devices}
        if fresh != self._by_name:
            self._by_name, self._by_key, self._units = {}, {}, {}
            for device in devices:
                self.add(device)
            self.generation += 1
        self._unknown.clear()
        self._metrics.known_devices.set(len(self._by_name))


def with_choice(device: Device, model: DeviceModel | None) -> Device:
    """The device with the flags of its frames; a wrong setting of its own is passed over."""
    of_model = Processing() if model is None else model.processing
    chosen = laid_over(of_model, device.processing)
    if chosen is None:
        log.warning("processing_passed_over", device=device.name)
        chosen = of_model
    return device._replace(frame_flags=chosen.frame_flags)
