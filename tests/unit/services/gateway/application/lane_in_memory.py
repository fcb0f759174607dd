"""A lane whose ports are kept in memory, so that a test sees every step of a message."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import msgspec

from services.gateway.application.byte_streams import ByteStreams
from services.gateway.application.clocks import Clocks
from services.gateway.application.devices import Devices
from services.gateway.application.ingest import Ingest, IngestLimits, LaneParts
from services.gateway.application.outlet import Outlet
from services.gateway.application.presences import Presences, Talk
from services.gateway.application.routing import Routes
from services.gateway.application.units import Units
from services.gateway.core.admission import TimeLimits
from services.gateway.core.clock_map import Correction, Segment
from services.gateway.core.flow import LaneFlow, StreamFlow
from services.gateway.core.messages import (
    BootKey,
    Device,
    Incoming,
    ParkedMessage,
    RestRow,
    StoredClock,
    StreamKey,
)
from services.gateway.core.presence import Presence
from services.gateway.metrics import GatewayMetrics
from shared.codecs.register import load_codecs
from shared.contracts.codec import Codec
from shared.contracts.commands import CommandResult
from shared.contracts.decoding import Envelope, Word
from shared.contracts.device_model import DeviceModel
from shared.contracts.events import Event
from shared.contracts.frames import FrameBatch, decode_frames
from shared.contracts.identity import DeviceId, DeviceKey, Lane, MessageId
from shared.contracts.instants import DAY
from shared.contracts.names import UpKind, up_topic
from shared.contracts.parking import Reason
from shared.errors import Dependency, Unavailable
from shared.telemetry.metrics import Metrics
from tests.harness.manual_clock import ManualClock

NAMES = ("monitor-1", "monitor-2")


class MemoryTables:
    """Registry, clock maps and presence; `away` makes every access fail."""

    def __init__(self) -> None:
        self.away = False
        self.registered = [
            Device(DeviceKey(key), DeviceId(name), "vw-monitor", simulated=False)
            for key, name in enumerate(NAMES, start=1)
        ]
        self.segments: dict[BootKey, dict[int, Segment]] = {}
        self.corrections: list[tuple[BootKey, Correction]] = []
        self.rests = MemoryRests(self._reach)
        self.joined: list[tuple[DeviceId, str, str]] = []
        self.most_units = 64

    def _reach(self) -> None:
        if self.away:
            raise Unavailable(Dependency.POSTGRESQL, "away")

    async def all_devices(self) -> list[Device]:
        self._reach()
        return list(self.registered)

    async def devices(self, names: Iterable[DeviceId]) -> list[Device]:
        self._reach()
        wanted = set(names)
        return [device for device in self.registered if device.name in wanted]

    async def load(self, keys: Iterable[BootKey]) -> Mapping[BootKey, StoredClock]:
        self._reach()
        return {key: StoredClock(list(self.segments.get(key, {}).values()), 0) for key in keys}

    async def keep(
        self, segments: Sequence[tuple[BootKey, Segment]]
    ) -> Mapping[tuple[BootKey, int], Segment]:
        self._reach()
        for key, segment in segments:
            self.segments.setdefault(key, {}).setdefault(segment.from_n, segment)
        return {(key, one.from_n): self.segments[key][one.from_n] for key, one in segments}

    async def correct(self, corrections: Sequence[tuple[BootKey, Correction]]) -> None:
        self._reach()
        self.corrections += corrections

    async def join_unit(
        self, hub: Device, name: DeviceId, *, kind: str, model: str
    ) -> DeviceKey | None:
        self._reach()
        if len(self.joined) >= self.most_units:
            return None
        self.joined.append((name, kind, model))
        key = DeviceKey(100 + len(self.joined))
        self.registered.append(Device(key, name, model, hub.simulated, hub.key))
        return key


class MemoryRests:
    """Rests of byte streams."""

    def __init__(self, reach: Callable[[], None]) -> None:
        self._reach = reach
        self.rows: dict[tuple[StreamKey, int], bytes] = {}
        self.n_writes = 0

    async def load(
        self, wanted: Iterable[tuple[StreamKey, int]]
    ) -> Mapping[tuple[StreamKey, int], bytes]:
        self._reach()
        return {piece: self.rows[piece] for piece in wanted if piece in self.rows}

    async def keep(self, rows: Sequence[RestRow]) -> Mapping[tuple[StreamKey, int], bytes]:
        self._reach()
        self.n_writes += 1
        for row in rows:
            self.rows.setdefault((row.stream, row.n), row.rest)
        return {(row.stream, row.n): self.rows[row.stream, row.n] for row in rows}

    async def forget(self, devices: Iterable[DeviceKey], *, but_newest: int) -> None:
        self._reach()
        assert but_newest > 0
        assert set(devices)

    async def forget_before(self, before_us: int) -> int:
        self._reach()
        return before_us * 0


class MemoryPresences:
    """Presence rows, which outlive a lane."""

    def __init__(self) -> None:
        self.rows: dict[DeviceKey, Presence] = {}
        self.away = False

    async def load(self, shards: range) -> Mapping[DeviceKey, Presence]:
        assert shards
        return dict(self.rows)

    async def keep(self, presences: Mapping[DeviceKey, Presence]) -> None:
        if self.away:
            raise Unavailable(Dependency.POSTGRESQL, "away")
        self.rows |= presences


@dataclass
class MemoryOut:
    """RabbitMQ: what was handed over waits for the test to confirm it."""

    frames: list[tuple[FrameBatch, bool]] = field(default_factory=list)
    headers: list[tuple[Lane, int, int]] = field(default_factory=list)
    parked: list[ParkedMessage] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    open: list[tuple[str, asyncio.Future[None]]] = field(default_factory=list)

    def _hand_over(self, what: str) -> asyncio.Future[None]:
        confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.open.append((what, confirmation))
        return confirmation

    async def send_frames(
        self, lane: Lane, body: bytes, *, late: bool, lane_bytes: int, t_us: int
    ) -> asyncio.Future[None]:
        batch = decode_frames(body)
        assert isinstance(batch, FrameBatch)
        self.frames.append((batch, late))
        self.headers.append((lane, lane_bytes, t_us))
        return self._hand_over("late" if late else "live")

    async def park(self, message: ParkedMessage) -> asyncio.Future[None]:
        self.parked.append(message)
        return self._hand_over("park")

    async def tell(self, event: Event) -> asyncio.Future[None]:
        self.events.append(event)
        return self._hand_over("event")

    async def confirm(self, *kinds: str) -> None:
        """Confirm what was handed over of these kinds; of all without any."""
        chosen = [one for one in self.open if not kinds or one[0] in kinds]
        for one in chosen:
            self.open.remove(one)
            one[1].set_result(None)
        await asyncio.sleep(0)

    def numbers(self, *, late: bool = False) -> list[int]:
        """The n of every frame handed over."""
        found = [batch for batch, is_late in self.frames if is_late is late]
        return [int(n) for batch in found for n in batch.table["n"]]


@dataclass
class MemorySession:
    """The MQTT side: what was acknowledged and told."""

    acknowledged: list[int] = field(default_factory=list)
    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    session_present: bool = True
    is_caught_up: bool = True

    async def take(self, gather_s: float, *, at_once: bool = False) -> list[Incoming]:
        raise NotImplementedError

    def wake(self) -> None:
        """Nobody waits."""

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        self.acknowledged += packet_ids

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        assert not retain
        self.told.append((topic, msgspec.json.decode(payload)))
        return True

    async def close(self) -> None:
        """Nothing to close."""


class MemoryLane:
    """One lane and one session of it."""

    def __init__(
        self,
        codecs: Mapping[str, Codec] | None = None,
        models: Mapping[str, DeviceModel] | None = None,
        *,
        tables: MemoryTables | None = None,
        presence_table: MemoryPresences | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.metrics = GatewayMetrics(Metrics("gateway"))
        self.tables = tables or MemoryTables()
        self.presence_table = presence_table or MemoryPresences()
        self.out = MemoryOut()
        self.session = MemorySession()
        self.asked: list[DeviceKey] = []
        self.answers: list[tuple[DeviceId, CommandResult]] = []
        self.taken: dict[DeviceKey, int] = {}
        self.refused: list[tuple[DeviceKey, Reason]] = []
        self.flow = LaneFlow(StreamFlow(0, 10_000), StreamFlow(0, 10_000))
        lane = Lane(0)
        self.devices = devices = Devices(self.tables, self.clock, self.metrics, models)
        self.models = models or {}
        self.words: list[tuple[DeviceId, str, int]] = []
        self.stored: list[tuple[DeviceKey, int, int]] = []
        self.hushed: list[tuple[DeviceKey, int]] = []
        self._boots = count(0xA000)
        self.presences = Presences(
            self.presence_table, self.out, self.clock, self.metrics, "0",
            Talk(taken=self.taken, devices=devices, models=self.models),
        )  # fmt: skip
        self.presences.use(self.session)
        self.units = Units(self.tables, devices, self.models, self.presences, self.out, self.clock)
        self.streams = ByteStreams(self.tables.rests, self.clock, self.metrics, "0")
        self.outlet = Outlet(
            lane, self.session, self.out, self.flow,
            unconfirmed_most_bytes=5_000, clock=self.clock, metrics=self.metrics,
        )  # fmt: skip
        self.ingest = Ingest(
            LaneParts(
                lane=lane,
                routes=Routes(codecs or load_codecs(), devices, models),
                clocks=Clocks(self.tables, self.clock, self.metrics, "0"),
                presences=self.presences,
                streams=self.streams,
                units=self.units,
                out=self.out,
                draw_boot=lambda: next(self._boots),
                hush=lambda device, boot: self.hushed.append((device, boot)),
                said=self._hear,
                stored=lambda device, boot, n: self.stored.append((device, boot, n)),
                receipt_wanted=self.asked.append,
                came_online=lambda _: None,
                answered=lambda device, result: self.answers.append((device.name, result)),
                taken=self.taken,
                refused=lambda device, reason: self.refused.append((device, reason)),
                limits=IngestLimits(
                    time=TimeLimits(back_us=DAY), messages_per_s=100, messages_burst=1_000
                ),
                clock=self.clock,
                metrics=self.metrics,
            ),
            self.session,
            self.outlet,
        )
        self._packet_id = 0

    def _hear(self, device: Device, words: Sequence[Word], identity: MessageId) -> None:
        self.words += [(device.name, word.name, identity.n) for word in words]

    def incoming(
        self,
        payload: bytes,
        codec: str = "packed",
        *,
        name: str = NAMES[0],
        qos: int = 1,
        envelope: Envelope | None = None,
    ) -> Incoming:
        """A message as MQTT gives it; packet ids count from 1."""
        if qos:
            self._packet_id += 1
        topic = up_topic(DeviceId(name), UpKind.DATA, codec)
        packet_id = self._packet_id if qos else 0
        properties = (
            ()
            if envelope is None
            else (("b", f"{envelope.boot:x}"), ("n", str(envelope.n)), ("t", str(envelope.t_us)))
        )
        return Incoming(topic, payload, packet_id, False, properties, self.clock.now_us())

    async def accept(self, *messages: Incoming) -> None:
        """One chunk, and the sender's turn after it."""
        await self.ingest.accept(messages)
        sending = asyncio.create_task(self.outlet.run())
        for _ in range(3):
            await asyncio.sleep(0)
        sending.cancel()
        await asyncio.wait([sending])
