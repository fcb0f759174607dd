"""A message of notes alone is told stored when its last event is committed."""

import asyncio

from shared.contracts.events import Event, EventKind, EventMessage, Severity, encode_event
from tests.harness.eventually import eventually
from tests.integration.storage.system import System

START = 1_767_225_600_000_000


def note(device: int, n: int, index: int, *, settles: bool) -> bytes:
    return encode_event(
        Event(
            id=f"note-{device}-{n}-{index}", t=START, kind=EventKind.STATUS_CHANGED,
            severity=Severity.INFO, source="gateway", text_key="status_changed", device=device,
            message=EventMessage(boot=7, n=n, settles=settles),
        )
    )  # fmt: skip


async def test_receipts_of_events_go_to_the_lane_of_the_device(system: System) -> None:
    shards = {"hub-low": 3, "hub-high": 250}
    keys = {}
    for name, shard in shards.items():
        (row,) = await system.rows(
            "insert into registry.device (device, shard, model) values ($1, $2, 'vw-monitor')"
            " returning id",
            name, shard,
        )  # fmt: skip
        keys[name] = row["id"]
    low, high = keys["hub-low"], keys["hub-high"]
    system.start()
    stop = asyncio.Event()
    for index, settles in ((0, False), (1, True)):
        await system.send_event(note(high, 4, index, settles=settles))
    await system.send_event(note(low, 1, 0, settles=True))
    await system.send_event(note(low, 2, 0, settles=False))
    await system.send_event(note(999_999, 1, 0, settles=True))  # nobody knows it
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(lane=1, stop=stop))
        await eventually(lambda: system.receipts == {(high, 7): {4}}, within_s=20)
        group.create_task(system.collect_receipts(lane=0, stop=stop))
        await eventually(lambda: system.receipts == {(high, 7): {4}, (low, 7): {1}})

        async def all_are_stored() -> bool:
            rows = await system.rows("select count(*) as n from signal.event")
            return bool(rows[0]["n"] == 5)

        await eventually(all_are_stored)
        # It comes again: the device was not told, so it is told now.
        system.receipts.clear()
        await system.send_event(note(high, 4, 1, settles=True))
        await eventually(lambda: system.receipts == {(high, 7): {4}})
        stop.set()
    rows = await system.rows("select count(*) as n from signal.event")
    assert rows[0]["n"] == 5
