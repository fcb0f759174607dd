"""Late data is stored like live data, and live data does not wait for it."""

import asyncio
import time

from tests.harness.eventually import eventually
from tests.integration.storage.frames import NOW_US, expected, frame
from tests.integration.storage.system import System

HOUR_US = 3_600_000_000
BATCH = 200
BATCHES = 60
# By the numbers of their transactions: whoever looks while they are written may look late.
WRITTEN_BEHIND = """
    select count(*) as n from signal.frame
    where device_id = 1 and n < 1000000 and xmin::text::bigint > (
        select xmin::text::bigint from signal.frame where device_id = 2 and n = 0)
"""


async def test_live_data_overtakes_a_backlog_of_late_data(system: System) -> None:
    """A device uploads twelve thousand frames of a day while another one goes on."""
    late = [
        frame(n, device=1, t0=NOW_US - 24 * HOUR_US + n * 7_200_000) for n in range(BATCH * BATCHES)
    ]
    await system.send([frame(10**6, device=1)])  # its newest: all that is late must be looked up
    for start in range(0, len(late), BATCH):
        await system.send(late[start : start + BATCH], late=True)
    live = [frame(n, device=2) for n in range(20)]
    stop = asyncio.Event()
    system.start()
    async with asyncio.TaskGroup() as group:
        group.create_task(system.collect_receipts(stop=stop))
        for one in live:
            await system.send([one])

            async def is_stored(n: int = one.n) -> bool:
                sql = "select from signal.frame where device_id = 2 and n = $1"
                return bool(await system.rows(sql, n))

            await eventually(is_stored, within_s=20)
        began_s = time.monotonic()
        await system.stored(len(late) + len(live) + 1, within_s=50)
        print(f"the rest took {time.monotonic() - began_s:.1f} s")
        (behind,) = await system.rows(WRITTEN_BEHIND)
        assert behind["n"] > 0, "the first live frame waited for the backlog"
        await eventually(lambda: len(system.receipts.get((1, frame(0).boot), ())) == len(late) + 1)
        stop.set()
    assert await system.frames() == expected(*late, *live, frame(10**6, device=1))
