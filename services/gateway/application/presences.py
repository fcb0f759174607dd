"""Who is online on a lane: statuses, silence and talk to rows and events.

A device whose model names a ``stale_after_s`` counts as offline when nothing came of it for so
long, and as online with its next message, whatever its connection is said to be. Silence counts
only while messages come as they are sent: not before a session has caught up, and not from before
a session that the broker had lost.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from services.gateway.application.devices import Devices
from services.gateway.application.ports import Confirmed, DeviceSession, PresenceTable
from services.gateway.core.messages import Device
from services.gateway.core.presence import (
    SILENT,
    Presence,
    Status,
    event_of_change,
    events_of,
    gone,
    heard,
    observe,
    observe_unit,
)
from services.gateway.metrics import GatewayMetrics
from shared.contracts.device_model import DeviceModel
from shared.contracts.events import Event
from shared.contracts.identity import DeviceKey
from shared.contracts.instants import SECOND
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

KEEP_EVERY_S = 1.0
TABLE_TIMEOUT_S = 5.0
TELL_TIMEOUT_S = 5.0
CAUGHT_UP_TURNS = 2
SEEN_STEP = 8
"""A row follows a device that talks in steps of this part of its time to go stale."""
LONGEST_STEP_US = 60 * SECOND
GOOD_BYE_US = 3 * SECOND
"""What is counted so soon after a last will was sent before it: it brings nobody back. Whoever
connects again says so in a status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Who talks, and how long each may be silent.

    Parameters
    ----------
    taken : messages of each device, counted by others and set back now and then
    models : by name
    """

    taken: Mapping[DeviceKey, int]
    devices: Devices
    models: Mapping[str, DeviceModel]


class Presences:
    """The newest status of each device that has spoken on a lane.

    Rows are written behind: what a crash loses of them, the events (durable before the PUBACK)
    and the next status of the device bring back.

    Attributes
    ----------
    came_online : told of devices that are heard again without having said so in a status
    """

    def __init__(
        self,
        table: PresenceTable,
        out: Confirmed,
        clock: Clock,
        metrics: GatewayMetrics,
        lane: str,
        talk: Talk,
    ) -> None:
        self._table = table
        self._out = out
        self._clock = clock
        self._metrics = metrics
        self._lane = lane
        self._talk = talk
        self._held: dict[DeviceKey, Presence] = {}
        self._unsaved: set[DeviceKey] = set()
        self._saved_us: dict[DeviceKey, int] = {}
        self._counted: dict[DeviceKey, int] = {}
        self._left_us: dict[DeviceKey, int] = {}
        self._stale_us: dict[DeviceKey, int] = {}
        self._generation = -1
        self._session: DeviceSession | None = None
        self._had_session = False
        self._caught_up_turns = 0
        self._listening_us = 0
        self.came_online: Callable[[Device], None] = lambda _: None

    async def load(self, shards: range) -> None:
        """Take up what the table knows, so that a new owner of the lane tells no old news."""
        try:
            async with asyncio.timeout(TABLE_TIMEOUT_S):
                self._held = {**await self._table.load(shards), **self._held}
        except (Unavailable, TimeoutError) as error:
            log.warning("presence_unavailable", lane=self._lane, error=str(error))
        self._saved_us = {device: presence.seen_us for device, presence in self._held.items()}

    def use(self, session: DeviceSession | None) -> None:
        """Listen over this session from now on."""
        self._session = session
        self._caught_up_turns = 0
        if session is not None:
            if self._had_session or not session.session_present:
                self._listening_us = self._clock.now_us()
            self._had_session = True

    async def observe(
        self, device: Device, status: Status, *, retained: bool
    ) -> asyncio.Future[None] | None:
        """Take a status; give the confirmation of the last event that tells of it, if any."""
        before = self._held.get(device.key)
        now_us = self._clock.now_us()
        after = observe(before, status, now_us, retained=retained)
        if after == before:
            return None
        self._hold(device.key, after)
        if after.online:
            self._left_us.pop(device.key, None)
        else:
            self._left_us[device.key] = now_us
        confirmation = None
        for event in events_of(device.key, before, after):
            confirmation = await self._out.tell(event)
        if before is not None and before.online and not after.online:
            confirmation = await self._lose_units(device.key, now_us) or confirmation
        return confirmation

    async def note_unit(
        self, unit: Device, *, online: bool, reported: Mapping[str, Any]
    ) -> asyncio.Future[None] | None:
        """Take what a hub tells of a unit; give the confirmation of the event of it, if any."""
        before = self._held.get(unit.key)
        if before is None and not online:
            return None
        now_us = self._clock.now_us()
        after = observe_unit(before, reported, now_us, online=online)
        if before is not None and before._replace(seen_us=after.seen_us) == after:
            self._held[unit.key] = after
            if after.seen_us - self._saved_us.get(unit.key, 0) >= LONGEST_STEP_US // SEEN_STEP:
                self._unsaved.add(unit.key)
            return None
        confirmation = None
        if before is None or before.online != after.online:
            confirmation = await self._out.tell(event_of_change(unit.key, after, "unit", now_us))
        self._hold(unit.key, after)
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
        """Listen, look for silence and write changed rows once a second, until the stop.

        The last rows are written after it.
        """
        while True:
            stopping = await pause(stop, KEEP_EVERY_S)
            self._metrics.loop_turns.labels("presence").inc()
            if not stopping:
                try:
                    async with asyncio.timeout(TELL_TIMEOUT_S):
                        await self.look()
                except (Unavailable, TimeoutError) as error:
                    # Told again in the next turn, by the same id.
                    self._metrics.loop_errors.labels("presence").inc()
                    log.warning("presence_untold", lane=self._lane, error=str(error))
            await self._keep()
            self._metrics.presence_unsaved.labels(self._lane).set(len(self._unsaved))
            self._metrics.online_devices.labels(self._lane).set(len(self.online()))
            if stopping:
                return

    async def look(self) -> None:
        """Take who has talked since the last time, and who has been silent for too long."""
        session = self._session
        is_fresh = session is not None and session.is_caught_up
        self._caught_up_turns = self._caught_up_turns + 1 if is_fresh else 0
        if self._generation != self._talk.devices.generation:
            self._generation = self._talk.devices.generation
            self._stale_us.clear()
        now_us = self._clock.now_us()
        await self._listen(now_us, is_fresh=is_fresh)
        if self._caught_up_turns > CAUGHT_UP_TURNS:
            await self._look_for_silence(now_us)

    # ------------------------------------------------------------------ within

    async def _listen(self, now_us: int, *, is_fresh: bool) -> None:
        taken = dict(self._talk.taken)
        talking = [key for key, n in taken.items() if n != self._counted.get(key)]
        self._counted = {key: n for key, n in self._counted.items() if key in taken}
        self._left_us = {k: t for k, t in self._left_us.items() if now_us - t < GOOD_BYE_US}
        for key in talking:
            if key in self._left_us:  # what was sent before the last will is no return
                self._counted[key] = taken[key]
                continue
            stale_us = self._stale_after_us(key)
            before = self._held.get(key)
            is_back = before is None or not before.online
            # Of one that is back, what the broker had kept says nothing about now.
            if stale_us and (is_fresh or not is_back):
                if is_back:
                    after = heard(before, now_us)
                    await self._tell(event_of_change(key, after, "heard", now_us))
                self._held[key] = heard(self._held.get(key), now_us)  # a status may have come
                step_us = min(LONGEST_STEP_US, stale_us // SEEN_STEP)
                if is_back or now_us - self._saved_us.get(key, 0) >= step_us:
                    self._unsaved.add(key)
                device = self._talk.devices.by_key(key)
                if is_back and device is not None and device.hub is None:
                    self.came_online(device)
            self._counted[key] = taken[key]

    async def _look_for_silence(self, now_us: int) -> None:
        silent = [
            (key, presence)
            for key, presence in self._held.items()
            if presence.online
            and (stale_us := self._stale_after_us(key))
            and now_us - max(presence.seen_us, self._listening_us) >= stale_us
        ]
        if not silent:
            return
        if any(self._saved_us.get(key) != presence.seen_us for key, presence in silent):
            # The event's id is made of what the row says: whoever tells it again tells the same.
            self._unsaved |= {key for key, _ in silent}
            await self._keep()
        for key, presence in silent:
            if self._saved_us.get(key) != presence.seen_us or self._held.get(key) != presence:
                continue
            after = gone(presence, now_us)
            await self._tell(event_of_change(key, after, SILENT, presence.seen_us))
            if self._held.get(key) != presence:
                continue  # a status came meanwhile
            self._hold(key, after)
            log.info("device_silent", lane=self._lane, device_key=key)
            _ = await self._lose_units(key, now_us)

    async def _lose_units(self, hub: DeviceKey, now_us: int) -> asyncio.Future[None] | None:
        """Take that nobody can tell any more of the units behind a hub."""
        confirmation = None
        for unit in self._talk.devices.units_of(hub):
            before = self._held.get(unit)
            if before is not None and before.online:
                after = gone(before, now_us)
                self._hold(unit, after)
                self._left_us[unit] = now_us
                confirmation = await self._out.tell(event_of_change(unit, after, "hub", now_us))
        return confirmation

    async def _tell(self, event: Event) -> None:
        await asyncio.shield(await self._out.tell(event))

    def _hold(self, device: DeviceKey, presence: Presence) -> None:
        self._held[device] = presence
        self._unsaved.add(device)

    def _stale_after_us(self, key: DeviceKey) -> int:
        found = self._stale_us.get(key)
        if found is None:
            device = self._talk.devices.by_key(key)
            model = None if device is None else self._talk.models.get(device.model)
            found = 0 if model is None else round(model.stale_after_s * SECOND)
            self._stale_us[key] = found
        return found

    async def _keep(self) -> None:
        if not self._unsaved:
            return
        saving, self._unsaved = self._unsaved, set()
        presences = {device: self._held[device] for device in saving}
        try:
            async with asyncio.timeout(TABLE_TIMEOUT_S):
                await self._table.keep(presences)
        except (Unavailable, TimeoutError) as error:
            self._unsaved |= saving
            self._metrics.loop_errors.labels("presence").inc()
            log.warning("presence_unavailable", lane=self._lane, error=str(error))
            return
        for device, presence in presences.items():
            self._saved_us[device] = presence.seen_us
