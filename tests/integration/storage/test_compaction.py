"""Old hours become blocks: nothing lost, nothing twice, whoever is killed or reads meanwhile."""

import asyncio
import random
from collections.abc import Sequence

import asyncpg

from services.storage.core.frame_rows import contents_of
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.contracts.sample_block import decode_block, join_frames
from tests.harness.eventually import eventually
from tests.integration.storage.frames import BOOT, NOW_US, frame
from tests.integration.storage.system import System

HOUR = 3_600_000_000
OLD = NOW_US // HOUR * HOUR - 5 * HOUR
AT_ONCE = {"STORAGE_HOT_HOURS": "1", "STORAGE_COMPACTION_EVERY_S": "0.1"}
NEVER = {"STORAGE_HOT_HOURS": "700"}


def old_frames(device: int, count: int, *, start: int = OLD, every: int = 7) -> list[Frame]:
    """Frames of two streams and two places, some of them over the end of an hour."""
    return [
        frame(n, device=device, t0=start + n * every * 1_000_000)._replace(
            stream=1 + n % 2, place=n % 3 // 2
        )
        for n in range(count)
    ]


def batch(frames: Sequence[Frame]) -> FrameBatch:
    read = decode_frames(encode_frames(frames))
    assert isinstance(read, FrameBatch)
    return read


async def hot_and_cold(
    connection: asyncpg.Connection, device: int
) -> tuple[list[FrameBatch], list[FrameBatch]]:
    """What a reader finds of a device, the hot table asked first."""
    rows = await connection.fetch(
        "select device_id, boot, n, part, stream, t0, interval_ns, received, flags, channels,"
        " format, place, scale, add_offset, samples from signal.frame where device_id = $1",
        device,
    )
    hot = [batch([Frame._make(row.values()) for row in rows])] if rows else []
    blocks = await connection.fetch("select content from signal.block where device_id = $1", device)
    cold = []
    for row in blocks:
        read = decode_block(row["content"])
        assert isinstance(read, FrameBatch)
        cold.append(read)
    return hot, cold


async def all_compacted(system: System, count: int) -> None:
    """Wait until no frame is hot and so many are cold."""

    async def done() -> bool:
        hot = await system.rows("select count(*) as n from signal.frame")
        cold = await system.rows("select coalesce(sum(n_frames), 0) as n from signal.block")
        return (hot[0]["n"], cold[0]["n"]) == (0, count)

    await eventually(done, within_s=30)


async def test_old_hours_move_to_blocks_and_a_resend_adds_nothing(system: System) -> None:
    sent = [one for device in (1, 2) for one in old_frames(device, 900)]
    for start in range(0, len(sent), 300):
        await system.send(sent[start : start + 300], late=start > 0)
    system.start(**AT_ONCE)
    await all_compacted(system, len(sent))
    stop = asyncio.Event()
    connection = await system.database.connect()
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        system.receipts.clear()
        for start in range(0, len(sent), 300):
            await system.send(sent[start : start + 300], late=start > 300)
        afterwards = old_frames(1, 950)[900:]  # of the same hours, new: goes to blocks as well
        await system.send(afterwards, late=True)
        await all_compacted(system, len(sent) + 50)
        await eventually(
            lambda: {len(told) for told in system.receipts.values()} == {950, 900}, within_s=20
        )
        stop.set()
    try:
        for device, count in ((1, 950), (2, 900)):
            hot, cold = await hot_and_cold(connection, device)
            found = [(int(t["n"]), int(t["part"])) for one in cold for t in one.table]
            assert len(found) == len(set(found)) == count
            joined = join_frames([*hot, *cold])
            assert joined is not None
            assert contents_of(joined) == contents_of(batch(old_frames(device, count)))
    finally:
        await connection.close()
    assert await system.rows("select * from signal.conflict") == []
    received = await system.rows("select * from signal.received order by device_id")
    assert [(row["device_id"], row["boot"], len(row["n"])) for row in received] == [
        (1, BOOT, 1),
        (2, BOOT, 1),
    ]

    async def hours_are_gone() -> bool:
        starts = await system.rows("select signal.partition_starts('frame') as start")
        return all(row["start"] > OLD + 2 * HOUR for row in starts)

    await eventually(hours_are_gone, within_s=20)


async def test_what_a_compacted_identity_may_not_become(system: System) -> None:
    sent = old_frames(1, 100)
    await system.send(sent)
    system.start(**AT_ONCE)
    await all_compacted(system, 100)
    other_content = sent[5]._replace(samples=b"\1\2")
    other_time = sent[6]._replace(t0=sent[6].t0 + 2 * HOUR)
    other_stream = sent[7]._replace(stream=9)
    before_all_blocks = sent[8]._replace(t0=sent[8].t0 - 200 * 24 * HOUR)  # removed: who knows
    arrived_later = sent[9]._replace(received=NOW_US + 1, flags=1)
    await system.send(
        [other_content, other_time, other_stream, before_all_blocks, arrived_later], late=True
    )

    async def kept_aside() -> bool:
        rows = await system.rows("select n, reason from signal.conflict order by n")
        return [tuple(row.values()) for row in rows] == [
            (5, "conflict"), (6, "conflict"), (7, "conflict"),
        ]  # fmt: skip

    await eventually(kept_aside, within_s=20)
    await all_compacted(system, 100)


async def test_kills_during_compaction_lose_nothing(system: System) -> None:
    """Rests between the streams make an hour last; the kill meets it anywhere."""
    chance = random.Random(7)
    sent = [one for device in range(1, 25) for one in old_frames(device, 60, every=50)]
    for start in range(0, len(sent), 256):
        await system.send(sent[start : start + 256])
    connection = await system.database.connect()
    left = len(sent)
    met = 0
    first = system.start(**NEVER)
    await system.stored(len(sent))
    first.kill()
    for kill in range(8):
        replica = system.start(**AT_ONCE, STORAGE_COMPACTION_SHARE="0.05")

        async def at_work() -> bool:
            rows = await connection.fetch(
                "select from pg_locks where locktype = 'advisory' and objid = 0 and classid ="
                " (hashtext('signal.compaction')::bigint & 4294967295)::oid"
            )
            return bool(rows)

        await eventually(at_work, within_s=20)
        await asyncio.sleep(chance.uniform(0, 0.15 * kill))
        met += await at_work()
        replica.kill()
        hot = await connection.fetchval("select count(*) from signal.frame")
        cold = await connection.fetchval("select coalesce(sum(n_frames), 0) from signal.block")
        assert hot + cold == len(sent)
        received = await connection.fetchval(
            "select coalesce(sum(upper(r) - lower(r)), 0) from signal.received, unnest(n) as r"
        )
        assert received == cold
        left = hot
        if not left:
            break
    assert met >= 2, "the kills came between the hours only"
    system.start(**AT_ONCE, STORAGE_COMPACTION_SHARE="1")
    await all_compacted(system, len(sent))
    for device in range(1, 25):
        hot_part, cold_part = await hot_and_cold(connection, device)
        assert not hot_part
        joined = join_frames(cold_part)
        assert joined is not None
        assert contents_of(joined) == contents_of(batch(old_frames(device, 60, every=50)))
    await connection.close()


async def test_a_reader_sees_the_same_before_during_and_after(system: System) -> None:
    sent = {device: old_frames(device, 300, every=30) for device in (1, 2, 3)}
    for frames in sent.values():
        await system.send(frames)
    filling = system.start(**NEVER)
    await system.stored(900)
    filling.kill()
    expected = {device: contents_of(batch(frames)) for device, frames in sent.items()}
    connection = await system.database.connect()
    system.start(**AT_ONCE, STORAGE_COMPACTION_SHARE="0.2")
    seen: set[tuple[bool, bool]] = set()
    while (False, True) not in seen:
        for device, frames in sent.items():
            hot, cold = await hot_and_cold(connection, device)
            joined = join_frames([*hot, *cold])  # two statements: what moved is met twice
            assert joined is not None
            assert contents_of(joined) == expected[device]
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute("lock table signal.frame in access share mode")
                hot, cold = await hot_and_cold(connection, device)
            assert sum(map(len, [*hot, *cold])) == len(frames)  # one snapshot: once each
            seen.add((bool(hot), bool(cold)))
    await connection.close()
