"""Each identity once with its bytes, and a receipt, whatever is killed when."""

import asyncio
import random
from collections.abc import Iterable

import asyncpg
import pytest

from shared.contracts.frames import Frame
from tests.harness.eventually import eventually
from tests.harness.postgres import Postgres
from tests.harness.rabbitmq import RabbitMq
from tests.integration.storage.frames import BOOT, expected, frame
from tests.integration.storage.system import System


def receipts_of(frames: Iterable[Frame]) -> dict[tuple[int, int], set[int]]:
    told: dict[tuple[int, int], set[int]] = {}
    for one in frames:
        told.setdefault((one.device, one.boot), set()).add(one.n)
    return told


async def settle(system: System, frames: list[Frame], *, within_s: float = 30.0) -> None:
    """Wait until all is stored exactly and receipted."""
    await system.stored(len(frames), within_s=within_s)
    await eventually(lambda: system.receipts == receipts_of(frames), within_s=within_s)
    assert await system.frames() == expected(*frames)


async def test_what_was_sent_is_stored_once_and_receipted(system: System) -> None:
    system.start()
    stop = asyncio.Event()
    frames = [frame(n, device=d, part=p) for n in range(40) for d in (1, 2) for p in (0, 1)]
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        await system.send(frames[:80])
        await system.send(frames[80:])
        await system.send(frames[:40])  # again
        await settle(system, frames)
        await eventually(
            lambda: (
                system.receipt_headers
                and system.receipt_headers[-1]["bytes"] == system.sent_bytes
                and system.receipt_headers[-1]["stream"] == "frames.0"
            )
        )
        stop.set()


async def test_repeats_on_any_way_add_nothing_and_are_receipted_again(system: System) -> None:
    replica = system.start()
    stop = asyncio.Event()
    frames = [frame(n) for n in range(30)]
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        await system.send(frames)
        await settle(system, frames)
        system.receipts.clear()
        await system.send(frames[10:20], late=True)
        await system.send([*frames[5:12], frame(30), *frames[20:22]])
        frames.append(frame(30))
        again = [*frames[5:22], frame(30)]
        await eventually(lambda: system.receipts == receipts_of(again))
        assert await system.frames() == expected(*frames)
        system.receipts.clear()
        replica.kill()
        system.start()  # knows nothing, asks the table
        await system.send(frames, late=True)
        await eventually(lambda: system.receipts == receipts_of(frames), within_s=20)
        assert await system.frames() == expected(*frames)
        stop.set()


@pytest.mark.timeout(120)
async def test_killed_between_everything(system: System) -> None:
    """Batches with repeats on both streams flow on while storage is killed eight times."""
    seed = 20_261
    rng = random.Random(seed)
    print(f"seed {seed}")
    frames: list[Frame] = []
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        replica = system.start()
        for kill in range(8):
            for _ in range(rng.randint(3, 12)):
                n = 1 + max((one.n for one in frames), default=-1)
                fresh = [frame(n + i, device=1) for i in range(rng.randint(1, 30))]
                frames += fresh
                repeats = rng.sample(frames, k=min(len(frames), rng.randint(0, 10)))
                await system.send(sorted(fresh + repeats, key=lambda f: f.n))
                if rng.random() < 0.4:
                    await system.send(rng.sample(frames, k=min(len(frames), 7)), late=True)
                await asyncio.sleep(rng.random() * 0.02)
            if kill % 2:  # every second one dies while it starts
                frames.append(await write_something(system))
                await asyncio.sleep(rng.random() * 0.05)
            replica.kill()
            replica = system.start()
        await system.stored(len(frames), within_s=40)
        # A receipt that died with its process is repaired by the device, which sends again.

        def unsettled() -> list[Frame]:
            told = system.receipts
            return [one for one in frames if one.n not in told.get((one.device, BOOT), ())]

        await eventually(lambda: len(unsettled()) < len(frames))
        await system.send(unsettled() or frames[:1], late=True)
        await settle(system, frames)
        stop.set()


async def write_something(system: System) -> Frame:
    """Wait until one more frame of another device is stored."""
    before = len(await system.frames())
    extra = frame(0, device=1_000 + before)
    await system.send([extra])

    async def more() -> bool:
        return len(await system.frames()) > before

    await eventually(more, within_s=20)
    return extra


@pytest.mark.timeout(120)
async def test_two_replicas_share_and_a_frozen_one_comes_back_in_vain(system: System) -> None:
    first = system.start()
    stop = asyncio.Event()
    frames = [frame(n) for n in range(20)]
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        await system.send(frames)
        await settle(system, frames)
        # It still holds the lock of the lane when the other one writes: nothing but the epoch
        # stands between them.
        first.freeze()
        await system.rows(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'storage-0' and pid <> pg_backend_pid()"
        )
        system.start()
        more = [frame(n) for n in range(20, 40)]
        await system.send([*more, *frames[-5:]])
        frames += more
        await settle(system, frames)
        first.thaw()
        last = [frame(n) for n in range(40, 60)]
        for one in last:
            await system.send([one, frames[-1]])
        frames += last
        await settle(system, frames)
        await eventually(lambda: '"lane_lost"' in first.said(), within_s=20)
        assert "internal_error" not in first.said()
        stop.set()


@pytest.mark.timeout(120)
async def test_postgresql_killed_in_the_middle(system: System, postgres: Postgres) -> None:
    system.start()
    stop = asyncio.Event()
    frames = [frame(n) for n in range(200)]
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        for i in range(0, 100, 5):
            await system.send(frames[i : i + 5])
        await system.some_stored()
        postgres.kill()
        for i in range(100, 200, 5):
            await system.send(frames[i : i + 5])
        await postgres.restart()
        await settle(system, frames, within_s=40)
        stop.set()


@pytest.mark.timeout(120)
async def test_rabbitmq_killed_in_the_middle(system: System, rabbitmq: RabbitMq) -> None:
    system.start()
    stop = asyncio.Event()
    frames = [frame(n) for n in range(200)]
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        for i in range(0, 100, 5):
            await system.send(frames[i : i + 5])
        await system.some_stored()
        rabbitmq.kill()
        await rabbitmq.restart()
        for i in range(100, 200, 5):
            await system.send(frames[i : i + 5])
        await system.send(frames)  # receipts that were lost come with the repeats
        await settle(system, frames, within_s=60)
        stop.set()


async def test_a_stopped_replica_ends_in_good_order(system: System) -> None:
    replica = system.start()
    await system.send([frame(0)])
    await system.stored(1)
    assert replica.stop() == 0
    assert "service_failed" not in replica.said()
    await system.send([frame(1)])
    system.start()
    await system.stored(2)


async def test_a_partition_that_vanished_is_made_again(system: System) -> None:
    system.start()
    await system.send([frame(0)])
    await system.stored(1)
    names: list[asyncpg.Record] = []

    async def are_made_ahead() -> bool:
        names[:] = await system.rows(
            "select inhrelid::regclass::text as name from pg_inherits"
            " where inhparent = 'signal.frame'::regclass"
        )
        return len(names) >= 2  # this hour and the next

    await eventually(are_made_ahead)
    connection = await system.database.connect()
    try:
        for row in names:
            await connection.execute(f"drop table {row['name']}")
    finally:
        await connection.close()
    await system.send([frame(1)])
    await system.stored(1)
