"""A told stance is read from stored samples once, and holds until the device is taken off."""

import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from services.dsp.adapters.circumstance_tables import CircumstanceTables
from services.dsp.adapters.sample_reader import SampleReader
from services.dsp.adapters.stance_table import STARTS_AFTER_S, StanceTable
from services.dsp.core.motion.wearing import AS_NAMED
from services.dsp.core.windows import Floats
from shared.contracts.frames import Frame, SampleFormat
from shared.contracts.streams import Place, Stream
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import database_address
from tests.harness.postgres import Database as DatabaseFixture

SECOND_US = 1_000_000
NEW_DEVICE = (
    "insert into registry.device (device, shard, model, simulated) "
    "values ('motion-1', 0, 'wellness-motion', true) returning id"
)
NEW_PATIENT = "insert into registry.patient (key, initials) values ('p-moved', 'P') returning id"
CHEST, THIGH = (0.0, 1.0, 0.0), (0.6, 0.0, -0.8)


@pytest.fixture
async def tables(migrated: DatabaseFixture) -> AsyncIterator[CircumstanceTables]:
    """As the signal processing reads them."""
    async with Database(
        database_address(migrated, user="vw_dsp"), instance="test", metrics=Metrics("test")
    ) as pool:
        statements = load_statements("services.dsp.adapters")
        stances = StanceTable(pool, statements, SampleReader(pool, statements))
        yield CircumstanceTables(pool, statements, 5.0, channels={}, stances=stances)


def stood(device: int, end_us: int) -> list[Frame]:
    """Eight seconds at 10 Hz of sensors that sit askew, up to then."""
    frames = []
    for second in range(8):
        t0 = end_us - (8 - second) * SECOND_US
        for part, (place, up) in enumerate(((Place.CHEST, CHEST), (Place.THIGH, THIGH))):
            counts = np.round(np.tile(up, (10, 1)) * 1000).astype("<i2")
            frames.append(
                Frame(
                    device, 1, second, part, Stream.ACCELEROMETER, t0, 100_000_000, t0 + SECOND_US,
                    0, 3, SampleFormat.INT16, place, 0.001, 0.0, counts.tobytes(),
                )
            )  # fmt: skip
    return frames


async def test_what_was_told_is_read_holds_and_ends(
    migrated: DatabaseFixture, tables: CircumstanceTables
) -> None:
    connection = await migrated.connect()
    try:
        device = await connection.fetchval(NEW_DEVICE)
        patient = await connection.fetchval(NEW_PATIENT)
        assignment = await connection.fetchval(
            "insert into registry.assignment (device_id, patient_id, starts) "
            "values ($1, $2, now() - interval '1 h') returning id",
            device,
            patient,
        )
        end_us = time.time_ns() // 1000

        async def tell(at_us: int) -> None:
            await connection.execute(
                "insert into registry.stance (device_id, patient_id, assignment_id, at_us, "
                "told_by) values ($1, $2, $3, $4, 'nina')",
                device,
                patient,
                assignment,
                at_us,
            )

        async def sits(at_us: int) -> Floats:
            await tables.refresh()
            turns: Floats = tables.circumstances().stances.at(
                np.array([device], dtype=np.int32), np.array([at_us])
            )[0]
            return turns

        await tell(end_us)
        assert (await sits(end_us + 60 * SECOND_US) == AS_NAMED).all()
        assert not await connection.fetchval("select count(*) from dsp.stance")  # waits for them

        frames = stood(device, end_us)
        await connection.execute(
            "select signal.ensure_partitions('frame', $1)",
            sorted({frame.t0 // 3_600_000_000 * 3_600_000_000 for frame in frames}),
        )
        await connection.executemany(
            "insert into signal.frame values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
            "$12, $13, $14, $15)",
            [tuple(frame) for frame in frames],
        )
        turned = await sits(end_us + 60 * SECOND_US)
        for turn, up in zip(turned, (CHEST, THIGH), strict=True):
            assert turn @ np.array(up) == pytest.approx([1, 0, 0], abs=1e-6)
        from_us = await connection.fetchval("select from_us from dsp.stance")
        assert from_us % SECOND_US == 0
        assert from_us >= end_us + STARTS_AFTER_S * SECOND_US
        assert (await sits(from_us - SECOND_US) == AS_NAMED).all()

        await tell(end_us - 600 * SECOND_US)  # no samples, and they will not come any more
        assert (await sits(from_us) == turned).all()
        refusals = await connection.fetch("select refusal from dsp.stance order by stance_id")
        assert [row["refusal"] for row in refusals] == [None, "no_samples"]

        await connection.execute(
            "update registry.stance set until_us = $1, taken_back_by = 'nina'",
            from_us + 20 * SECOND_US,
        )
        assert (await sits(from_us + 19 * SECOND_US) == turned).all()
        assert (await sits(from_us + 20 * SECOND_US) == AS_NAMED).all()
        await connection.execute("update registry.stance set until_us = null, taken_back_by = null")

        await connection.execute(
            "update registry.assignment set ends = to_timestamp($1::double precision)",
            from_us / SECOND_US + 30,
        )
        assert (await sits(from_us + 29 * SECOND_US) == turned).all()
        assert (await sits(from_us + 31 * SECOND_US) == AS_NAMED).all()
    finally:
        await connection.close()
