"""Late data is stored like live data, and live data does not wait for it."""

import asyncio
import time

from tests.harness.eventually import eventually
from tests.integration.storage.frames import NOW_US, expected, frame
from tests.integration.storage.system import System

HOUR_US = 3_600_000_000
BATCH = 200
BATCHES = 60


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
        late_left: list[int] = []
        for one in live:
            await system.send([one])

            async def is_stored(n: int = one.n) -> bool:
                rows = await system.rows(
                    "select device_id, count(*) as n, max(n) as newest from signal.frame"
                    " where n < 1000000 group by 1"
                )
                counts = {row["device_id"]: row for row in rows}
                if 2 not in counts or counts[2]["newest"] < n:
                    return False
                late_left.append(len(late) - (counts[1]["n"] if 1 in counts else 0))
                return True

            await eventually(is_stored, within_s=20)
        assert late_left[0] > 0, "the first live frame did not wait for the backlog"
        began_s = time.monotonic()
        await system.stored(len(late) + len(live) + 1, within_s=50)
        print(f"{late_left} left; the rest took {time.monotonic() - began_s:.1f} s")
        await eventually(lambda: len(system.receipts.get((1, frame(0).boot), ())) == len(late) + 1)
        stop.set()
    assert await system.frames() == expected(*late, *live, frame(10**6, device=1))
