"""The hot loop: what devices send on one lane, decoded, timed and handed to the outlet.

Take a chunk from MQTT, decode it, give each message its clock segment (made durable first), and
add its frames to a batch. Whatever cannot be used is parked and told to the device before it is
acknowledged; whatever cannot be placed now is acknowledged and left to come again: it is not
stored, so the device sends it once more.

Hot path (``make bench``): what is plain goes the quick way (`PlainWay`), what is left here.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from services.gateway.application.arrivals import Arrivals
from services.gateway.application.byte_streams import ByteStreams, Piece
from services.gateway.application.clocks import Clocks
from services.gateway.application.files import Arrived
from services.gateway.application.outlet import Outlet
from services.gateway.application.plain import PlainWay
from services.gateway.application.ports import Confirmed, DeviceSession
from services.gateway.application.presences import Presences
from services.gateway.application.reading import Heard, Reading
from services.gateway.application.refusals import Refusals, Unusable
from services.gateway.application.routing import Routes
from services.gateway.application.shares import Shares
from services.gateway.application.units import Units
from services.gateway.core.admission import FRAME_FLAGS, LATE_US, TimeLimits, refuse_time
from services.gateway.core.clock_map import ClockMap, Correction, Segment
from services.gateway.core.file_parts import FilePart
from services.gateway.core.messages import BootKey, Device, Incoming, StreamKey
from services.gateway.core.note_events import events_of_notes
from services.gateway.core.presence import Status, boot_of
from services.gateway.metrics import GatewayMetrics
from shared.contracts.commands import CommandResult
from shared.contracts.decoding import Decoded, Word
from shared.contracts.identity import Boot, DeviceId, DeviceKey, Lane, MessageId
from shared.contracts.parking import Reason
from shared.contracts.quality import FrameFlag, MessageFlag
from shared.runtime.clock import Clock

log = structlog.get_logger()

DRAIN_S = 5.0
_LATE = int(FrameFlag.LATE)
_SIMULATED = int(FrameFlag.SIMULATED)
_ARRIVAL_IDENTITY = int(FrameFlag.ARRIVAL_IDENTITY)
_RECEIPT_WANTED = int(MessageFlag.RECEIPT_WANTED)


class Placed(NamedTuple):
    """A message with its clock: ``segment`` is durable when its frames are made."""

    heard: Heard
    decoded: Decoded
    clock: ClockMap | None
    segment: Segment | None
    """None of both where a message has no time to be found: words alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestLimits:
    """Bounds of what one device may send, from the settings."""

    time: TimeLimits
    messages_per_s: float
    messages_burst: float


def _say_nothing(_device: Device, _words: Sequence[Word], _identity: MessageId) -> None:
    """Nobody listens to words."""


def _leave_to_come_again(part: Arrived) -> None:
    """Nobody takes files."""
    part.outlet.settle((part.number,))


def _tell_nobody(_device: DeviceKey, _boot: int, _n: int) -> None:
    """Nobody waits to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneParts:
    """What the ingest of a lane works with, over all its sessions.

    Parameters
    ----------
    draw_boot : gives a random number of 32 bits
    hush : told of boots that the gateway gave: no device is told anything by them
    receipt_wanted : told of devices that ask for their receipts now
    came_online : told of devices that have just connected
    answered : told what devices say of commands
    taken : counts the messages of each device
    refused : told of each refused message, with its device and reason
    said : told the words of each message, in the order in which a device's messages came; before
        its frames can be stored, and again where the message comes again
    stored : told of messages of which nothing goes on to storage: they are stored as it is
    file_part : given each part of a file, to settle it
    """

    lane: Lane
    routes: Routes
    clocks: Clocks
    presences: Presences
    streams: ByteStreams
    units: Units
    out: Confirmed
    draw_boot: Callable[[], int]
    hush: Callable[[DeviceKey, int], None]
    receipt_wanted: Callable[[DeviceKey], None]
    came_online: Callable[[Device], None]
    answered: Callable[[Device, CommandResult], None]
    taken: dict[DeviceKey, int]
    refused: Callable[[DeviceKey, Reason], None]
    limits: IngestLimits
    clock: Clock
    metrics: GatewayMetrics
    said: Callable[[Device, Sequence[Word], MessageId], None] = _say_nothing
    stored: Callable[[DeviceKey, int, int], None] = _tell_nobody
    file_part: Callable[[Arrived], None] = _leave_to_come_again


class Ingest:
    """Moves the messages of one MQTT session of a lane."""

    def __init__(self, parts: LaneParts, session: DeviceSession, outlet: Outlet) -> None:
        self._parts = parts
        self._session = session
        self._outlet = outlet
        self._shares = Shares(
            parts.routes.known,
            per_s=parts.limits.messages_per_s,
            burst=parts.limits.messages_burst,
        )
        self._refusals = Refusals(
            parts.routes, parts.out, session, outlet, parts.metrics, parts.refused
        )
        self._plain = PlainWay(
            routes=parts.routes,
            clocks=parts.clocks,
            outlet=outlet,
            limits=parts.limits.time,
            receipt_wanted=parts.receipt_wanted,
            identity=f"lane {parts.lane}",
            taken=parts.taken,
        )
        self._arrivals = Arrivals(parts.clocks, parts.draw_boot, parts.hush)
        self._reading = Reading(
            parts.routes, parts.streams, self._arrivals, identity=f"lane {parts.lane}"
        )
        self._count = parts.metrics.messages.labels(str(parts.lane))

    async def run(self, stop: asyncio.Event) -> None:
        """Move messages until the stop, then drain what was taken.

        Cancel-safe: what is not acknowledged comes again.

        Raises
        ------
        SessionEnded : the network connection is gone
        NotFound, Denied : RabbitMQ will not take what we send: the deployment is wrong
        """
        while not stop.is_set():
            await self._outlet.wait_for_room(stop)
            # What has no time but that of its arrival needs it exactly.
            at_once = self._outlet.is_read_once and not self._parts.routes.has_arrivals
            incoming = await self._session.take(self._outlet.window_s, at_once=at_once)
            if incoming:
                await self.accept(incoming)
        await self._outlet.drain(DRAIN_S)

    async def accept(self, incoming: Sequence[Incoming]) -> None:
        """Do with a chunk of messages all but the waiting for confirms."""
        self._count.inc(len(incoming))
        now_us = self._parts.clock.now_us()
        numbers = self._outlet.receive([message.packet_id for message in incoming])
        unsure = await self._look_up(incoming)
        if unsure:
            self._parts.streams.leave_all()
        incoming, numbers = self._within_shares(incoming, numbers, now_us)
        incoming, numbers = self._plain.move(incoming, numbers, now_us)
        if not incoming:
            self._outlet.end_chunk()
            return
        incoming = await self._reading.prepare(incoming)
        chunk = self._reading.read(incoming, numbers, unsure)
        for number, count in chunk.parts.items():
            self._outlet.expect(number, count)
        await self._parts.units.resolve(chunk)
        placed: Sequence[Placed] = await self._place(chunk.heard, now_us)
        if chunk.has_pieces:
            placed = self._without(placed, await self._parts.streams.keep())
        if chunk.has_notes:
            await self._tell_notes(placed, now_us)
        self._add_frames(placed, chunk.unusable, now_us)
        self._outlet.end_chunk()
        for why, left in chunk.deferred.items():
            self._defer(left, why)
        self._outlet.settle(chunk.settled)
        for bad in chunk.unusable:
            await self._refusals.refuse(bad, now_us)

    # ------------------------------------------------------------------ reading

    async def _look_up(self, incoming: Sequence[Incoming]) -> frozenset[DeviceId]:
        """Have the devices of new topics held; give those of which nothing can be said now."""
        routes = self._parts.routes
        routes.refresh()
        known = routes.known
        new = {message.topic for message in incoming if message.topic not in known}
        if not new:
            return frozenset()
        unsure = await routes.look_up(new)
        for topic in new:
            routes.find(topic)
        return unsure

    def _within_shares(
        self, incoming: Sequence[Incoming], numbers: Sequence[int], now_us: int
    ) -> tuple[Sequence[Incoming], Sequence[int]]:
        """Leave out what devices send beyond their share."""
        beyond = self._shares.beyond(incoming, now_us)
        if not beyond:
            return incoming, numbers
        # A refusal would settle them for the device: a long backlog would be lost.
        self._defer([numbers[index] for index in beyond], "rate")
        out = set(beyond)
        self._reading.leave([incoming[index] for index in beyond])
        left = [index for index in range(len(incoming)) if index not in out]
        return [incoming[index] for index in left], [numbers[index] for index in left]

    # ------------------------------------------------------------------ placing in time

    async def _place(self, heard: Sequence[Heard], now_us: int) -> list[Placed]:
        """Give each message its clock segment; new ones are durable before this returns."""
        clocks = self._parts.clocks
        held = clocks.held
        keys = [_key_of(one) for one in heard]
        new = [key for key in keys if key is not None and key not in held]
        if new:
            await clocks.load(new)
        placed: list[Placed] = []
        proposed: list[tuple[BootKey, Segment]] = []
        corrections: list[tuple[BootKey, Correction]] = []
        for key, one in zip(keys, heard, strict=True):
            content = one.content
            if type(content) is CommandResult:
                # Not durable yet, nor need it be: what is lost is asked for again.
                self._parts.answered(one.route.device, content)
                self._outlet.settle((one.number,))
                continue
            if type(content) is FilePart:
                self._parts.file_part(
                    Arrived(
                        one.number, one.message, one.route.device, content, self._outlet,
                        self._refusals,
                    )
                )  # fmt: skip
                continue
            if type(content) is not Decoded:
                assert type(content) is Status
                await self._observe(one, content, corrections)
                continue
            if not content.frames and not content.notes:
                placed.append(Placed(one, content, None, None))
                continue
            clock = held.get(key) if key is not None else None
            if key is None or clock is None:
                self._defer([one.number], "clock")
                continue
            segment = clock.find(content.n, content.t_us)
            if segment is None or not clock.settled:
                proposal = clock.propose(content.n, content.t_us, one.message.arrival_us)
                if proposal is not None:
                    clock.install(proposal)
                    proposed.append((key, proposal))
                    segment = proposal
            assert segment is not None
            placed.append(Placed(one, content, clock, segment))
        if corrections:
            await clocks.correct(corrections)
        if proposed:
            placed = await self._keep(placed, proposed, now_us)
        return placed

    async def _keep(
        self,
        placed: Sequence[Placed],
        proposed: Sequence[tuple[BootKey, Segment]],
        now_us: int,
    ) -> list[Placed]:
        """Make new segments durable; messages whose segment could not be kept are deferred."""
        stand = await self._parts.clocks.keep(proposed)
        fresh = {(key, segment.from_n) for key, segment in proposed}
        kept: list[Placed] = []
        for one in placed:
            if one.segment is None:
                kept.append(one)
                continue
            identity = (
                BootKey(one.heard.route.device.key, one.decoded.boot), one.segment.from_n
            )  # fmt: skip
            if identity not in fresh:
                kept.append(one)
            elif stand is None:
                self._defer([one.heard.number], "clock")
            else:
                kept.append(one._replace(segment=stand[identity]))
        if stand is not None:
            for key, segment in proposed:
                await self._refusals.tell_clock(key, segment, now_us)
        return kept

    async def _observe(
        self,
        one: Heard,
        status: Status,
        corrections: list[tuple[BootKey, Correction]],
    ) -> None:
        """Take a status: for the clock of its boot, for presence, for receipts and time."""
        device = one.route.device
        retained = one.message.retained
        self._parts.metrics.statuses.labels(str(self._parts.lane)).inc()
        boot = boot_of(status)
        if status.online and boot is not None and status.t is not None:
            key = BootKey(device.key, boot)
            clock = self._parts.clocks.held.get(key)
            if clock is not None:
                fresh = self._session.is_caught_up and not retained
                correction = clock.observe_status(status.t, one.message.arrival_us, fresh=fresh)
                if correction is not None:
                    corrections.append((key, correction))
        confirmation = await self._parts.presences.observe(device, status, retained=retained)
        if confirmation is None:
            self._outlet.settle((one.number,))
        else:
            self._outlet.settle_with(confirmation, one.number)
            if status.online:
                self._parts.came_online(device)
        if status.online and status.buffered:
            self._parts.receipt_wanted(device.key)

    def _without(self, placed: Sequence[Placed], again: frozenset[Piece]) -> Sequence[Placed]:
        """Leave out pieces of byte streams that cannot be taken now: they come again."""
        if not again:
            return placed
        kept: list[Placed] = []
        for one in placed:
            route, boot, n = one.heard.route, one.decoded.boot, one.decoded.n
            if route.is_stream and (StreamKey(route.device.key, route.codec, boot), n) in again:
                self._defer([one.heard.number], "rest")
            else:
                kept.append(one)
        return kept

    # ------------------------------------------------------------------ handing on

    async def _tell_notes(self, placed: Sequence[Placed], now_us: int) -> None:
        """Tell people what devices noted; durable before the frames of the same message go on."""
        for one in placed:
            if not one.decoded.notes:
                continue
            assert one.segment is not None
            offset_us = one.segment.offset_us
            if refuse_time(one.decoded, offset_us, now_us, self._parts.limits.time) is not None:
                continue  # refused below, whole
            events = events_of_notes(
                one.decoded, one.heard.route.device, one.heard.units, offset_us,
                is_ours=one.heard.is_ours,
            )  # fmt: skip
            told = [await self._parts.out.tell(event) for event in events]
            self._parts.metrics.notes.labels(str(self._parts.lane)).inc(len(told))
            if not one.decoded.frames:
                self._outlet.settle_with(told[-1], one.heard.number)
                continue
            for confirmation in told:
                await asyncio.shield(confirmation)

    def _add_frames(self, placed: Sequence[Placed], unusable: list[Unusable], now_us: int) -> None:
        """Make the frames of placed messages and give them to the outlet."""
        limits = self._parts.limits
        outlet = self._outlet
        taken = self._parts.taken
        earliest_us = now_us - limits.time.back_us
        latest_us = now_us + limits.time.ahead_us
        late_before_us = now_us - LATE_US
        for (number, message, route, _, units, is_ours), decoded, clock, segment in placed:
            device = route.device
            boot, n, t_us, message_flags, frames, notes, words = decoded
            if words:
                self._parts.said(device, words, MessageId(device.key, Boot(boot), n))
            if clock is None or segment is None:
                taken[device.key] = taken.get(device.key, 0) + 1
                if not is_ours:
                    self._parts.stored(device.key, boot, n)
                outlet.settle((number,))
                continue
            start_us = t_us + segment.offset_us
            n_bytes = 0
            newest_us = earliest_us
            is_admitted = True
            for _, _, _, samples, interval_ns, dt_us, _, _, _, data, _ in frames:
                n_bytes += len(data)
                t0_us = start_us + dt_us
                if not earliest_us <= t0_us <= latest_us:
                    is_admitted = False
                end_us = t0_us + (samples - 1) * interval_ns // 1_000
                newest_us = max(newest_us, end_us)
            if notes or not is_admitted:
                bad = refuse_time(decoded, segment.offset_us, now_us, limits.time)
                if bad is not None:
                    unusable.append(Unusable(number, message, bad))
                    continue
            clock.note_placed(n, start_us)
            taken[device.key] = taken.get(device.key, 0) + 1
            if not frames:
                continue  # settled when its events are durable
            is_late = newest_us < late_before_us
            flags = FRAME_FLAGS[message_flags & 0xFF] | segment.flags
            if device.simulated:
                flags |= _SIMULATED
            if is_late:
                flags |= _LATE
            if is_ours:
                flags |= _ARRIVAL_IDENTITY
            for unit in units.values():
                taken[unit.key] = taken.get(unit.key, 0) + 1
            batch = outlet.batch_for(len(frames), n_bytes, late=is_late)
            for part, frame in enumerate(frames):
                (
                    stream, place, channels, _, interval_ns, dt_us, layout, scale, offset, data,
                    unit_name,
                ) = frame  # fmt: skip
                sender = units[unit_name] if unit_name else device
                batch.add_frame(
                    (
                        sender.key, boot, n, part, stream, start_us + dt_us, interval_ns,
                        message.arrival_us, flags | sender.frame_flags, channels, layout, place,
                        scale, offset,
                    ),
                    data,
                )  # fmt: skip
            batch.end_message(number)
            if message_flags & _RECEIPT_WANTED:
                self._parts.receipt_wanted(device.key)

    def _defer(self, numbers: Sequence[int], why: str) -> None:
        """Acknowledge and forward nothing: not being stored, it comes again."""
        self._parts.metrics.deferred.labels(why).inc(len(numbers))
        self._outlet.settle(numbers)


def _key_of(one: Heard) -> BootKey | None:
    """Give the boot that a message speaks for, if any."""
    content = one.content
    if type(content) is Decoded:
        return BootKey(one.route.device.key, content.boot)
    if type(content) is not Status:
        return None
    boot = boot_of(content)
    return None if boot is None else BootKey(one.route.device.key, boot)
