"""The signal processing as a process between a private RabbitMQ and a private PostgreSQL."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np

from services.dsp.core.lane import LaneSignals
from shared.broker.connection import Broker
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.streams import StreamEdge, StreamReader
from shared.contracts.beats import BeatBatch, decode_beats
from shared.contracts.events import Event, decode_event
from shared.contracts.formats import BEATS_V1, FRAMES_V1, VITALS_V1
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, Header, lane_queue, routing_key
from shared.contracts.vitals import VitalBatch, decode_vitals
from shared.errors import NotFound
from tests.harness.deployment import INCARNATION
from tests.harness.eventually import eventually
from tests.harness.postgres import Database
from tests.harness.rabbitmq import VirtualHost
from tests.harness.service_process import ServiceProcess

Key = tuple[int, int, int]  # device, t, measure; of a beat: -kind, 10 less once it is judged
Value = tuple[Any, ...]


def vital_values(batch: VitalBatch) -> list[tuple[Key, Value]]:
    return [
        (
            (int(row["device"]), int(row["t"]), int(row["measure"])),
            (
                int(row["revision"]), row["value"].tobytes(), row["quality"].tobytes(),
                int(row["validity"]), int(row["flags"]),
            ),
        )
        for row in batch.table
    ]  # fmt: skip


def beat_values(batch: BeatBatch) -> list[tuple[Key, Value]]:
    return [
        (
            (int(row["device"]), int(row["t"]), -int(row["kind"]) - 10 * int(row["class"] > 0)),
            (
                int(row["revision"]), row["rr_ms"].tobytes(), row["quality"].tobytes(),
                int(row["class"]),
            ),
        )
        for row in batch.table
    ]  # fmt: skip


@dataclass(slots=True)
class Heard:
    """What was given out on the lanes, in order."""

    values: list[tuple[Key, Value]] = field(default_factory=list)
    patients: dict[Key, tuple[int, int]] = field(default_factory=dict)  # patient, lane
    events: list[Event] = field(default_factory=list)

    @property
    def final(self) -> dict[Key, Value]:
        """The highest revision of each."""
        best: dict[Key, Value] = {}
        for key, value in self.values:
            if key not in best or value[0] > best[key][0]:
                best[key] = value
        return best

    @property
    def repeats(self) -> int:
        """Values that were given out more than once in one revision."""
        return len(self.values) - len({(key, value[0]) for key, value in self.values})


def undisturbed(frames: Sequence[Frame]) -> dict[Key, Value]:
    """What the estimators make of frames in one go."""
    return dict(_told(tuple(frames)))


@cache  # tests ask more than once what becomes of minutes of the same frames
def _told(frames: tuple[Frame, ...]) -> tuple[tuple[Key, Value], ...]:
    signals = LaneSignals()
    batch = decode_frames(encode_frames(frames))
    assert isinstance(batch, FrameBatch)
    signals.take(batch)
    computed = signals.compute()
    told = [pair for table in computed.vitals for pair in vital_values(VitalBatch(table))]
    told += [pair for table in computed.beats for pair in beat_values(BeatBatch(table))]
    return tuple(told)


@dataclass(slots=True)
class System:
    """What a test does with the signal processing and sees of it."""

    database: Database
    virtual_host: VirtualHost
    broker: Broker
    publisher: Publisher
    folder: Path
    heard: Heard = field(default_factory=Heard)
    replicas: list[ServiceProcess] = field(default_factory=list)

    def start(self, **settings: str) -> ServiceProcess:
        """One more replica."""
        replica = ServiceProcess.start(
            "dsp",
            number=len(self.replicas),
            folder=self.folder,
            virtual_host=self.virtual_host,
            database=self.database,
            settings={
                "DSP_COMPUTE_INTERVAL_S": "0.02",
                "DSP_SAVE_INTERVAL_S": "0.1",
                "DSP_LATE_INTERVAL_S": "0.1",
                "DSP_LATE_QUIET_S": "0.3",
                "DSP_ASSIGNMENTS_INTERVAL_S": "0.2",
                **settings,
            },
        )
        self.replicas.append(replica)
        return replica

    async def send(self, frames: Sequence[Frame], *, lane: int = 0, late: bool = False) -> None:
        """One batch of frames, confirmed."""
        message = Message(
            exchange=Exchange.LATE if late else Exchange.FRAMES,
            routing_key=routing_key(Lane(lane)),
            format=FRAMES_V1,
            body=encode_frames(frames),
            headers={Header.INCARNATION: INCARNATION, Header.BYTES: 0},
        )

        async def published() -> bool:
            try:
                await self.publisher.publish(message)
            except NotFound:  # after a restart of RabbitMQ a stream is there a moment later
                return False
            return True

        await eventually(published, within_s=20)

    async def listen(self, lane: int, stop: asyncio.Event) -> None:
        """Hear the values of a lane until the stop."""
        name = lane_queue(Exchange.VITALS, Lane(lane))
        async with StreamReader(self.broker, name, start=StreamEdge.FIRST) as reader:
            async for batch in reader.batches(until=stop):
                for message in batch.messages:
                    if message.type == VITALS_V1.name:
                        vitals = decode_vitals(message.body)
                        assert isinstance(vitals, VitalBatch)
                        pairs = vital_values(vitals)
                        self.heard.values += pairs
                        for (key, _), row in zip(pairs, vitals.table, strict=True):
                            self.heard.patients[key] = (int(row["patient"]), lane)
                    elif message.type == BEATS_V1.name:
                        beats = decode_beats(message.body)
                        assert isinstance(beats, BeatBatch)
                        self.heard.values += beat_values(beats)

    async def listen_to_events(self, stop: asyncio.Event) -> None:
        """Hear the events until the stop."""
        async with StreamReader(self.broker, "events", start=StreamEdge.FIRST) as reader:
            async for batch in reader.batches(until=stop):
                self.heard.events += [decode_event(message.body) for message in batch.messages]

    async def hears(self, expected: dict[Key, Value], *, within_s: float = 30.0) -> None:
        """Wait until all expected values were given out; then they are the same, bit for bit."""

        def all_there() -> bool:
            missing = [key for key in expected if key not in self.heard.final]
            assert not missing, f"{len(missing)} of {len(expected)} missing, {missing[:3]}"
            return True

        await eventually(all_there, within_s=within_s)

    async def hears_more(self) -> None:
        """Wait until something more was given out."""
        before = len(self.heard.values)
        await eventually(lambda: len(self.heard.values) > before, within_s=20)

    async def rows(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """What the superuser sees and does."""
        connection = await self.database.connect()
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    async def store(self, frames: Sequence[Frame]) -> None:
        """Put frames where storage puts them."""
        connection = await self.database.connect()
        try:
            hours = sorted({frame.t0 // 3_600_000_000 * 3_600_000_000 for frame in frames})
            await connection.execute("select signal.ensure_partitions('frame', $1)", hours)
            await connection.executemany(
                "insert into signal.frame values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
                "$12, $13, $14, $15)",
                [tuple(frame) for frame in frames],
            )
        finally:
            await connection.close()

    async def say_stored(self, stream: str, offset: int) -> None:
        """Storage's position."""
        await self.rows(
            "insert into signal.stream_position (incarnation, stream, last_offset) "
            "values ($1, $2, $3) on conflict (incarnation, stream) do update "
            "set last_offset = excluded.last_offset",
            INCARNATION,
            stream,
            offset,
        )


def ecg_frames(
    samples: np.ndarray[tuple[int], np.dtype[np.float64]],
    *,
    device: int,
    start_us: int,
    rate_hz: int = 250,
    seconds: float = 1.0,
    boot: int = 7,
) -> list[Frame]:
    """ECG in mV as frames of a device that sends in time."""
    counts = np.rint(samples * 1000).astype("<i2")
    n = int(rate_hz * seconds)
    frames = []
    for number, first in enumerate(range(0, len(counts), n)):
        part = counts[first : first + n]
        t0 = start_us + first * 1_000_000 // rate_hz
        frames.append(
            Frame(
                device=device, boot=boot, n=number, part=0, stream=1, t0=t0,
                interval_ns=1_000_000_000 // rate_hz,
                received=t0 + len(part) * 1_000_000 // rate_hz + 50_000,
                flags=0, channels=1, format=1, place=1, scale=0.001, offset=0.0,
                samples=part.tobytes(),
            )
        )  # fmt: skip
    return frames
