"""Units behind hubs: looked up like any device, and joined when a hub that may have them shows one.

What a unit measures comes in messages of its hub, in its hub's time; its frames, events and
presence are its own. It has no credential: nothing can connect in its name.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import structlog

from services.gateway.application.devices import Devices
from services.gateway.application.ports import Confirmed, UnitTable
from services.gateway.application.presences import Presences
from services.gateway.application.reading import Chunk, Heard
from services.gateway.application.refusals import Unusable
from services.gateway.core.messages import Device
from shared.contracts.decoding import Decoded, Refused
from shared.contracts.device_model import DeviceModel
from shared.contracts.dialogue import Seen
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.identity import unit_id
from shared.contracts.parking import Reason
from shared.contracts.streams import STREAMS, Stream
from shared.errors import Dependency, Unavailable
from shared.runtime.clock import Clock

log = structlog.get_logger()

TABLE_TIMEOUT_S = 2.0
REFUSED_FOR_S = 10.0
"""A unit that may not join is not tried again so soon."""
MOST_REFUSED = 10_000

_UnitKey = tuple[int, str]


class Units:
    """The units of the hubs of one lane.

    Parameters
    ----------
    models : by name; the hub's says which kinds of unit it may have
    """

    def __init__(
        self,
        table: UnitTable,
        devices: Devices,
        models: Mapping[str, DeviceModel],
        presences: Presences,
        out: Confirmed,
        clock: Clock,
    ) -> None:
        self._table = table
        self._devices = devices
        self._models = models
        self._presences = presences
        self._out = out
        self._clock = clock
        self._refused: dict[_UnitKey, float] = {}

    async def resolve(self, chunk: Chunk) -> None:
        """Find the devices behind the units in a chunk's messages; refuse those of strangers."""
        if not chunk.may_have_units:
            return
        named = [bool(_units_in(one)) for one in chunk.heard]
        if not any(named):
            return
        heard, chunk.heard = chunk.heard, []
        await self._look_up(heard)
        for one, has_units in zip(heard, named, strict=True):
            if not has_units:
                chunk.heard.append(one)
                continue
            try:
                found = await self._devices_in(one)
            except Unavailable as error:
                log.warning("unit_unavailable", device=one.route.device.name, error=str(error))
                chunk.defer(one.number, "unknown_device")
                continue
            if isinstance(found, Refused):
                chunk.unusable.append(Unusable(one.number, one.message, found))
            else:
                chunk.heard.append(one._replace(units=found))

    async def see(self, hub: Device, seen: Seen) -> None:
        """Take that a unit is there, or not any more; the same twice is harmless.

        Raises
        ------
        Unavailable : it cannot be taken now
        """
        if not seen.unit:  # the sender itself: whether it is there is seen otherwise
            is_online = self._presences.is_online(hub.key)
            await self._presences.note_unit(hub, online=is_online, reported=seen.reported)
            return
        unit = await self._find(hub, seen.unit, kind=seen.kind, streams=(), may_join=seen.online)
        if unit is None:
            if seen.online:
                log.warning("unit_refused", device=hub.name, kind=seen.kind)
            return
        was_online = self._presences.is_online(unit.key)
        confirmation = await self._presences.note_unit(
            unit, online=seen.online, reported=seen.reported
        )
        if seen.online != was_online:
            now_us = self._clock.now_us()
            kind = EventKind.UNIT_JOINED if seen.online else EventKind.UNIT_LEFT
            confirmation = await self._out.tell(
                Event(
                    id=event_id(kind, unit.key, now_us),
                    t=now_us,
                    kind=kind,
                    severity=Severity.INFO if seen.online else Severity.LOW,
                    source="gateway",
                    text_key=kind.value,
                    device=hub.key,
                    data={"unit": seen.unit, "kind": seen.kind},
                )
            )
        if confirmation is not None:
            await asyncio.shield(confirmation)

    # ------------------------------------------------------------------ within

    async def _look_up(self, heard: Sequence[Heard]) -> None:
        """Ask for all units that are not held at once."""
        names = {
            name
            for one in heard
            for unit in _units_in(one)
            if (name := unit_id(one.route.device.name, unit)) is not None
            and self._devices.find(name) is None
        }
        if names:
            await self._devices.look_up(names)

    async def _devices_in(self, one: Heard) -> Mapping[str, Device] | Refused:
        content = one.content
        assert type(content) is Decoded
        hub = one.route.device
        found: dict[str, Device] = {}
        for unit in _units_in(one):
            streams = {frame.stream for frame in content.frames if frame.unit == unit}
            told = [note.data.get("kind") for note in content.notes if note.unit == unit]
            kind = next((name for name in told if isinstance(name, str)), "")
            device = await self._find(hub, unit, kind=kind, streams=streams)
            if device is not None:
                found[unit] = device
            elif streams:
                detail = f"{hub.model} has no unit like {unit[:20]!r} behind it"
                return Refused(Reason.UNKNOWN_UNIT, detail, content.boot, content.n)
        return found

    async def _find(
        self,
        hub: Device,
        unit: str,
        *,
        kind: str,
        streams: Iterable[int],
        may_join: bool = True,
    ) -> Device | None:
        """Give the device that a unit is; None where there is none and none may be made."""
        name = unit_id(hub.name, unit)
        if name is None:
            return None
        held = self._devices.find(name)
        if held is not None:
            return held if held.hub == hub.key else None
        now_s = self._clock.monotonic_s()
        key = (hub.key, unit)
        if self._refused.get(key, 0.0) > now_s:
            return None
        if not may_join:
            if await self._devices.look_up([name]):
                raise Unavailable(Dependency.POSTGRESQL, f"{name} cannot be looked up")
            return self._devices.find(name)
        chosen = self._choose(hub, kind, streams)
        if chosen is not None:
            kind, model = chosen
            try:
                async with asyncio.timeout(TABLE_TIMEOUT_S):
                    joined = await self._table.join_unit(hub, name, kind=kind, model=model)
            except TimeoutError as error:
                raise Unavailable(Dependency.POSTGRESQL, f"{name} cannot join") from error
            if joined is not None:
                device = Device(joined, name, model, hub.simulated, hub.key)
                log.info("unit_joined", device=name, model=model)
                return self._devices.add(device)
        if len(self._refused) >= MOST_REFUSED:
            self._refused.clear()
        self._refused[key] = now_s + REFUSED_FOR_S
        return None

    def _choose(self, hub: Device, kind: str, streams: Iterable[int]) -> tuple[str, str] | None:
        """Give kind and model of a unit: by its kind, else by what it measures."""
        model = self._models.get(hub.model)
        if model is None:
            return None
        wanted = {STREAMS[Stream(stream)].key for stream in streams}
        for may in model.units:
            of_unit = self._models.get(may.model)
            measured = {one.key for one in of_unit.streams} if of_unit is not None else set()
            if may.kind == kind or (not kind and wanted and wanted <= measured):
                return may.kind, may.model
        if not kind and not wanted and len(model.units) == 1:
            return model.units[0].kind, model.units[0].model
        return None


def _units_in(one: Heard) -> Mapping[str, None]:
    """Give the names of units in a message, in the order in which they stand there."""
    content = one.content
    if type(content) is not Decoded or not one.route.may_have_units:
        return {}
    found = dict.fromkeys(frame.unit for frame in content.frames)
    found |= dict.fromkeys(note.unit for note in content.notes)
    found.pop("", None)
    return found
