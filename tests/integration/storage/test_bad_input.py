"""What is bad is put aside with a named reason, and the next good one goes through."""

import asyncio
import struct

from shared.contracts.events import Event, EventKind, Severity, encode_event
from shared.contracts.formats import FRAMES_V1, Format
from shared.contracts.frames import encode_frames
from shared.contracts.names import Exchange
from tests.harness.eventually import eventually
from tests.integration.storage.frames import BOOT, NOW_US, expected, frame
from tests.integration.storage.system import System

GOOD = encode_frames([frame(900), frame(901)])
DAY_US = 86_400_000_000


UNREADABLE: list[tuple[bytes, Format | str, str, str]] = [
    (b"", FRAMES_V1, "bad_batch", "truncated"),
    (GOOD[:10], FRAMES_V1, "bad_batch", "truncated"),
    (GOOD[:100], FRAMES_V1, "bad_batch", "truncated"),
    (GOOD[:-1], FRAMES_V1, "bad_batch", "bad_extent"),
    (GOOD + b"\0", FRAMES_V1, "bad_batch", "bad_extent"),
    (GOOD[:8] + struct.pack("<I", 0xFFFF_FFFF) + GOOD[12:], FRAMES_V1, "bad_batch", "truncated"),
    (GOOD[:8] + struct.pack("<I", 0) + GOOD[12:], FRAMES_V1, "bad_batch", "wrong_count"),
    (b"NOPE" + GOOD[4:], FRAMES_V1, "bad_batch", "wrong_magic"),
    (GOOD[:4] + b"\x02" + GOOD[5:], FRAMES_V1, "unsupported_version", "version 2"),
    (GOOD, "frames.v2", "unsupported_version", "frames.v2"),
    (GOOD, "", "unsupported_version", "format ''"),
]


async def test_batches_that_cannot_be_read_are_parked(system: System) -> None:
    system.start()
    for n, (body, form, _, _) in enumerate(UNREADABLE):
        await system.send([frame(n)])
        await system.publish(Exchange.FRAMES, "0", body, form)
    await system.send([frame(len(UNREADABLE))])
    await system.stored(len(UNREADABLE) + 1)
    parked = await system.parked(len(UNREADABLE))
    for found, (body, _, reason, detail) in zip(parked, UNREADABLE, strict=True):
        assert found["body"] == body
        assert found["reason"] == reason
        assert detail in found["detail"]
        assert (found["where"], found["topic"]) == ("storage", "frames.0")


async def conflicts(system: System) -> list[tuple[int, int, str, bytes]]:
    rows = await system.rows("select device_id, n, reason, samples from signal.conflict")
    return sorted(tuple(row.values()) for row in rows)


async def test_other_content_under_a_taken_identity_is_put_aside_and_settled(
    system: System,
) -> None:
    system.start()
    stop = asyncio.Event()
    original = [frame(n) for n in range(8)]
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        await system.send(original)
        await eventually(lambda: system.receipts == {(1, BOOT): set(range(8))}, within_s=20)
        system.receipts.clear()
        await system.send([frame(2, samples=b"\x01\x00"), frame(8)])  # other bytes
        await system.send([frame(3, t0=NOW_US - 7_200_000_000)])  # another time, another partition
        await system.send([frame(4, samples=b"\x02\x00")], late=True)  # on the other way
        await system.send([frame(9), frame(9, samples=b"\x03\x00"), frame(9)])  # within one batch
        await eventually(lambda: system.receipts == {(1, BOOT): {2, 3, 4, 8, 9}}, within_s=20)
        await system.send([frame(2, samples=b"\x01\x00")])  # the same conflict once more
        await system.send([frame(10)])
        await system.stored(11)
        stop.set()
    assert await system.frames() == expected(*original, frame(8), frame(9), frame(10))
    assert await conflicts(system) == [
        (1, 2, "conflict", b"\x01\x00"),
        (1, 3, "conflict", frame(3).samples),
        (1, 4, "conflict", b"\x02\x00"),
        (1, 9, "conflict", b"\x03\x00"),
    ]

    async def told() -> bool:
        rows = await system.rows(
            "select data->>'n' as n from signal.event where kind = 'identity_conflict'"
        )
        return sorted(row["n"] for row in rows) == ["2", "3", "4", "9"]

    await eventually(told)


async def test_the_identity_is_known_after_its_rows_have_gone_to_blocks(system: System) -> None:
    await system.rows(
        "insert into signal.received values (1, $1, '{[0, 5], [8, 8]}'::int8multirange)", BOOT
    )
    system.start()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        await system.send([frame(n) for n in range(10)])
        await eventually(lambda: system.receipts == {(1, BOOT): set(range(10))}, within_s=20)
        stop.set()
    assert await system.frames() == expected(frame(6), frame(7), frame(9))


async def test_absurd_times_are_put_aside_and_make_no_partitions(system: System) -> None:
    system.start()
    stop = asyncio.Event()
    absurd = [-(2**63), -1, 0, NOW_US - 500 * DAY_US, NOW_US + DAY_US, 2**63 - 1]
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        await system.send([frame(n, t0=t0) for n, t0 in enumerate(absurd)])
        await system.send([frame(50), frame(51, t0=NOW_US - 300 * DAY_US)])
        await system.stored(2)
        await eventually(lambda: system.receipts == {(1, BOOT): {0, 1, 2, 3, 4, 5, 50, 51}})
        stop.set()
    assert [(n, reason) for _, n, reason, _ in await conflicts(system)] == [
        (n, "bad_time") for n in range(6)
    ]
    names = await system.rows(
        "select relname from pg_class where relname like 'frame\\_2%' and relkind = 'r'"
    )
    assert len(names) <= 4, "now, the next hour, and the old one"


async def test_extreme_numbers_of_a_record_are_stored(system: System) -> None:
    system.start()
    extreme = frame(
        2**32 - 1, device=2**31 - 1, boot=2**32 - 1, part=2**15 - 1, t0=NOW_US
    )._replace(interval_ns=2**63 - 1, received=2**63 - 1, flags=2**32 - 1, scale=float("nan"))
    least = frame(0, device=-(2**31), boot=0, part=-(2**15), t0=NOW_US)._replace(
        interval_ns=-(2**63), received=0, flags=0, scale=float("-inf"), offset=-0.0
    )
    await system.send([extreme, least])
    await system.send([extreme, least])
    await system.send([frame(0)])
    await system.stored(3)
    assert await system.frames() == expected(extreme, least, frame(0))
    assert await conflicts(system) == []


def event(number: int, **changes: object) -> bytes:
    return encode_event(
        Event(
            id=f"event-{number}", t=NOW_US, kind=EventKind.LEAD_OFF, severity=Severity.LOW,
            source="test", text_key="lead_off", device=1, data={"lead": "II"},
        )
    )  # fmt: skip


async def test_events_are_stored_once_in_the_order_of_their_stream(system: System) -> None:
    system.start()
    bad = [
        b"",
        b"{",
        event(1).replace(b"lead_off", b"no_such"),
        event(1).replace(b'"II"', b'"a\\u0000b"'),
        event(1).replace(b"event-1", b"event\\u0000"),
        event(1).replace(b'"device":1', b'"device":99999999999'),
    ]
    await system.send_event(event(0))
    for body in bad:
        await system.send_event(body)
    for number in (1, 0, 2, 1):
        await system.send_event(event(number))
    await system.publish(Exchange.EVENTS, "events", event(3), "event.v7")
    await system.send_event(event(4))

    async def rows() -> bool:
        found = await system.rows(
            "select id, stream_offset, data, incarnation from signal.event order by stream_offset"
        )
        assert [(row["id"], row["stream_offset"]) for row in found] == [
            ("event-0", 0), ("event-1", 7), ("event-2", 9), ("event-4", 12),
        ]  # fmt: skip
        return all(row["data"] == '{"lead": "II"}' and row["incarnation"] == 1 for row in found)

    await eventually(rows, within_s=20)
    parked = await system.parked(len(bad) + 1)
    assert [one["body"] for one in parked] == [*bad, event(3)]
    assert [one["reason"] for one in parked] == [
        *["malformed"] * 5, "bad_identity", "unsupported_version",
    ]  # fmt: skip
