"""The loop that brings patients' values together: replay, saving, what is noted."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from services.dsp.application.live import Pace
from services.dsp.application.patients import PatientLane
from services.dsp.core.exchange import Noted, Position, Values
from services.dsp.metrics import DspMetrics
from shared.contracts.beats import BEAT, encode_beats
from shared.contracts.identity import Lane
from shared.contracts.methods import Method
from shared.contracts.records import Table
from shared.contracts.vitals import VITAL, encode_vitals
from shared.runtime.clock import SystemClock
from shared.runtime.retry import BackOff, Retry
from shared.telemetry.metrics import Metrics
from tests.unit.services.dsp.core.test_patients import IMPEDANCE, START_US, both, value


@dataclass
class Sent:
    offset: int
    body: bytes


@dataclass
class Batch:
    messages: Sequence[Sent]
    discontinuity: None = None


@dataclass
class World:
    """A stream, and what was made of it."""

    stream: list[Sent]
    position: Position | None = None
    noted: list[Noted] = field(default_factory=list)
    given: list[Values] = field(default_factory=list)

    is_at_end = True

    @asynccontextmanager
    async def open(self, stream: str, *, start: int | None) -> AsyncIterator["World"]:
        assert stream == "vitals.0"
        self.start = start or 0
        yield self

    async def batches(self, *, until: asyncio.Event) -> AsyncIterator[Batch]:
        left = self.stream[self.start :]
        for first in range(0, len(left), 7):
            yield Batch(left[first : first + 7])
        until.set()

    async def load(self, stream: str) -> Position | None:
        assert stream == "vitals.0"
        return self.position

    async def save(
        self, _stream: str, _lane: Lane, position: Position, noted: Sequence[Noted]
    ) -> None:
        self.position = position
        self.noted += noted

    async def give(self, values: Values, _lane: Lane) -> None:
        self.given.append(values)


def lane(world: World) -> PatientLane:
    anything: Any = world
    return PatientLane(
        lane=Lane(0),
        frames=anything,
        positions=anything,
        outlet=anything,
        pace=Pace(
            compute_interval_s=0.0, messages_most=7, state_interval_s=15.0, save_interval_s=60.0
        ),
        clock=SystemClock(),
        metrics=DspMetrics(Metrics("dsp")),
        retry=Retry(BackOff(first_s=0.1, most_s=1.0)),
    )


def fused(world: World) -> list[int]:
    tables = [values.vitals for values in world.given]
    rows: Table = np.concatenate([np.empty(0, VITAL), *tables])
    return [(int(row["t"]) - START_US) // 1_000_000 for row in rows]


async def test_goes_on_where_it_stopped_and_gives_nothing_twice() -> None:
    bodies = [encode_vitals(table) for table in both(range(60))]
    bodies[5:5] = [encode_beats(np.zeros(3, BEAT)), b"nonsense"]
    stream = [Sent(offset, body) for offset, body in enumerate(bodies)]
    world = World(stream[:70])
    await lane(world).run(asyncio.Event())
    first = fused(world)
    assert first == list(range(4, first[-1] + 1))  # the other source first spoke 5 s late
    assert world.position is not None
    assert world.position.given_offset == 69
    world.stream = stream
    await lane(world).run(asyncio.Event())
    assert fused(world) == list(range(4, 60))
    assert all((one.vitals["method"] == Method.RESPIRATION_FUSED).all() for one in world.given)


async def test_what_late_data_corrects_is_noted_with_its_message() -> None:
    corrected = encode_vitals(value(40, IMPEDANCE, 20, revision=2))
    world = World([Sent(0, corrected)])
    await lane(world).run(asyncio.Event())
    (noted,) = world.noted
    assert (noted.samples.device, noted.offset) == (7, 0)
    again = World([Sent(0, corrected)], position=world.position)
    await lane(again).run(asyncio.Event())
    assert again.noted == []
