"""Each identity once with its bytes, and a receipt, whatever is killed when."""

import asyncio

from tests.harness.eventually import eventually
from tests.integration.storage.frames import BOOT, expected, frame
from tests.integration.storage.system import System


async def test_what_was_sent_is_stored_once_and_receipted(system: System) -> None:
    system.start()
    stop = asyncio.Event()
    frames = [frame(n, device=d, part=p) for n in range(40) for d in (1, 2) for p in (0, 1)]
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        await system.send(frames[:80])
        await system.send(frames[80:])
        await system.send(frames[:40])  # again
        await system.stored(len(frames))
        everything = {(1, BOOT): set(range(40)), (2, BOOT): set(range(40))}
        await eventually(lambda: system.receipts == everything)
        await eventually(
            lambda: (
                system.receipt_headers and system.receipt_headers[-1]["bytes"] == system.sent_bytes
            )
        )
        stop.set()
    assert await system.frames() == expected(*frames)
