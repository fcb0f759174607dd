"""Minutes of stored frames moved into blocks, as storage moves them."""

import numpy as np

from services.api.core.sample_runs import batch_of
from shared.contracts.frames import FrameBatch
from shared.contracts.instants import DAY, MINUTE
from shared.contracts.sample_block import encode_block
from tests.integration.api.system import System


async def compact(api: System, device: str, minutes: set[int], *, stream: int = 1) -> int:
    """Move the frames of a device that begin in these minutes (their starts, us); gives how many"""
    device_id = api.hospital.devices[device]
    moved = 0
    await api.database.execute(
        "select signal.ensure_partitions('block', $1)",
        sorted({minute // DAY * DAY for minute in minutes}),
    )
    for minute in sorted(minutes):
        rows = await api.database.fetch(
            "delete from signal.frame "
            "where device_id = $1 and stream = $2 and t0 >= $3 and t0 < $4 returning *",
            device_id,
            stream,
            minute,
            minute + MINUTE,
        )
        if not rows:
            continue
        moved += len(rows)
        names = ("boot", "n", "part", "stream", "t0", "interval_ns", "received", "flags")
        batch = batch_of(
            {name: [row[name] for row in rows] for name in (*names, "channels", "format", "place")}
            | {
                "device": [row["device_id"] for row in rows],
                "scale": [row["scale"] for row in rows],
                "offset": [row["add_offset"] for row in rows],
            },
            [row["samples"] for row in rows],
        )
        low, high, n_samples, end_us = _summary(batch)
        await api.database.execute(
            "insert into signal.block values "
            "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13)",
            device_id,
            stream,
            rows[0]["place"],
            minute,
            min(row["t0"] for row in rows),
            end_us,
            len(rows),
            n_samples,
            rows[0]["interval_ns"],
            rows[0]["channels"],
            low,
            high,
            encode_block(batch),
        )
    return moved


def _summary(batch: FrameBatch) -> tuple[list[float | None], list[float | None], int, int]:
    values = [batch.values(index) for index in range(len(batch))]
    whole = np.concatenate(values, axis=1)
    ends = [
        int(record["t0"]) + round(one.shape[1] * int(record["interval_ns"]) / 1_000)
        for record, one in zip(batch.table, values, strict=True)
    ]
    present = [channel[~np.isnan(channel)] for channel in whole]
    return (
        [float(channel.min()) if channel.size else None for channel in present],
        [float(channel.max()) if channel.size else None for channel in present],
        whole.shape[1],
        max(ends),
    )
