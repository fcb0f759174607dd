"""Positions: who may move them, and what a stream does that is not what the reader left."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest

from services.storage.adapters.position_table import PositionTable, Step
from services.storage.core.positions import Advance, LaneLost
from shared.broker.streams import StreamBatch, StreamReader
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import database_address
from tests.harness.eventually import eventually
from tests.harness.postgres import Database as DatabaseFixture
from tests.integration.storage.frames import expected, frame
from tests.integration.storage.system import System

STATEMENTS = load_statements("services.storage.adapters")


@pytest.fixture
async def pool(migrated: DatabaseFixture) -> AsyncIterator[Database]:
    address = database_address(migrated, user="vw_storage")
    async with Database(address, instance="test", metrics=Metrics("test")) as pool:
        yield pool


async def moved(step: Step, advance: Advance) -> bool:
    async with step.transaction(advance) as session:
        return session is not None


async def test_a_position_moves_once_and_only_for_its_newest_owner(pool: Database) -> None:
    positions = PositionTable(pool, STATEMENTS, incarnation=3)
    step = Step(pool, STATEMENTS)
    frames, late = await positions.claim(["frames.0", "late.0"])
    assert (frames.stream, frames.last_offset, late.stream) == ("frames.0", -1, "late.0")
    assert await moved(step, Advance(frames, 7, -1))
    assert not await moved(step, Advance(frames, 7, -1)), "the answer was lost, the commit was not"
    frames = replace(frames, last_offset=7)
    with pytest.raises(LaneLost):
        await moved(step, Advance(replace(frames, last_offset=5), 9, -1))
    [taken] = await positions.claim(["frames.0"])
    assert (taken.last_offset, taken.epoch) == (7, frames.epoch + 1)
    with pytest.raises(LaneLost):
        await moved(step, Advance(frames, 8, -1))
    with pytest.raises(LaneLost):
        await moved(step, Advance(frames, 7, -1))
    assert await moved(step, Advance(taken, 8, -1))
    [other] = await PositionTable(pool, STATEMENTS, incarnation=4).claim(["frames.0"])
    assert other.last_offset == -1


async def test_what_fails_in_the_transaction_leaves_the_position(pool: Database) -> None:
    positions = PositionTable(pool, STATEMENTS, incarnation=3)
    step = Step(pool, STATEMENTS)
    [position] = await positions.claim(["events"])
    with pytest.raises(RuntimeError, match="in between"):
        async with step.transaction(Advance(position, 1, -1)):
            raise RuntimeError("in between")
    [again] = await positions.claim(["events"])
    assert again.last_offset == -1


async def gaps(system: System) -> list[str]:
    rows = await system.rows(
        "select data->>'fault' || ' ' || (data->>'stream') as told from signal.event"
        " where kind = 'stream_truncated' and severity = 'high'"
    )
    return [row["told"] for row in rows]


async def is_truncated(system: System) -> bool:
    """Whether a reader at the beginning of a stream no longer finds it."""
    stop = asyncio.Event()
    found: list[StreamBatch] = []
    async with StreamReader(system.broker, "frames.0", start=0, prefetch=2) as reader:
        async for batch in reader.batches(until=stop):
            stop.set()
            found.append(batch)
    return found[0].discontinuity is not None


@pytest.mark.timeout(120)
async def test_a_truncated_stream_is_told_and_the_rest_is_stored(system: System) -> None:
    large = bytes(900_000)
    sent = [frame(n, samples=large) for n in range(30)]  # retention keeps some 16 MB of them
    for one in sent:
        await system.send([one])
    # RabbitMQ removes a moment later: who reads before it does so finds all.
    await eventually(partial(is_truncated, system))
    system.start()
    await system.some_stored()
    await system.send([frame(30)])

    async def told() -> bool:
        assert await gaps(system) == ["stream_truncated frames.0"]
        numbers = [row[2] for row in await system.frames()]
        assert numbers[0] > 0
        assert numbers == list(range(numbers[0], 31)), "nothing is left out behind the gap"
        return True

    await eventually(told, within_s=30)


@pytest.mark.timeout(120)
async def test_a_stream_that_begins_anew_is_told_and_read_from_its_begin(system: System) -> None:
    await system.rows(
        "insert into signal.stream_position (incarnation, stream, last_offset) values"
        " (1, 'frames.0', 1000)"
    )
    frames = [frame(n) for n in range(5)]
    for one in frames:
        await system.send([one])
    system.start()
    await system.stored(5, within_s=40)
    await system.send([frame(5)])
    await system.stored(6)
    assert await system.frames() == expected(*frames, frame(5))

    async def told() -> bool:
        return await gaps(system) == ["stream_rewound frames.0"]

    await eventually(told)
    rows = await system.rows(
        "select last_offset from signal.stream_position where stream = 'frames.0'"
    )
    assert [row["last_offset"] for row in rows] == [5]
