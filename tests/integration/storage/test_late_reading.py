"""The late worker computes over old hours: it meets the same samples in frames and in blocks."""

from services.dsp.adapters.sample_reader import SampleReader
from services.dsp.core.exchange import Span
from services.storage.core.block_rows import COLUMNS, encode_rows
from services.storage.core.frame_rows import COLUMNS as FRAME_COLUMNS
from services.storage.core.frame_rows import contents_of, copy_payload, gather
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.database.pool import Database as Pool
from shared.database.statements import load_statements
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import database_address
from tests.harness.postgres import Database
from tests.integration.storage.frames import NOW_US, frame

DAY = 86_400_000_000
T0 = NOW_US // 3_600_000_000 * 3_600_000_000 - 3_600_000_000


def batch(frames: list[Frame]) -> FrameBatch:
    read = decode_frames(encode_frames(frames))
    assert isinstance(read, FrameBatch)
    return read


async def test_samples_are_the_same_hot_cold_and_across_the_border(migrated: Database) -> None:
    frames = [frame(n, t0=T0 + n * 10_000_000) for n in range(60)]
    other_stream = frame(77, t0=T0)._replace(stream=2)
    span = Span(device=1, stream=1, start_us=T0 + 120_000_000, end_us=T0 + 300_000_000)
    expected = contents_of(batch(frames[6:30]))  # a minute before it, whose samples may reach in
    storage = Pool(
        database_address(migrated, user="vw_storage"), instance="test", metrics=Metrics("storage")
    )
    dsp = Pool(database_address(migrated, user="vw_dsp"), instance="test", metrics=Metrics("dsp"))
    async with storage, dsp:
        reader = SampleReader(dsp, load_statements("services.dsp.adapters"))
        assert await reader.frames(span) is None
        connection = await migrated.connect()
        ensure = "select signal.ensure_partitions($1, array[$2::bigint])"
        await connection.execute(ensure, "frame", T0)
        await connection.execute(ensure, "block", T0 // DAY * DAY)
        for n_cold in (0, 13, 60):
            await connection.execute("truncate signal.frame, signal.block")
            encoded = encode_rows(batch([*frames[:n_cold], other_stream]), {})
            async with storage.session() as session:
                await session.copy(
                    schema="signal", table="block", columns=COLUMNS, rows=encoded.fresh
                )
                if n_cold < 60:
                    rows = gather([batch(frames[n_cold:])])
                    await session.copy_payload(
                        schema="signal",
                        table="frame",
                        columns=FRAME_COLUMNS,
                        payload=copy_payload(rows),
                    )
            found = await reader.frames(span)
            assert found is not None
            assert contents_of(found) == expected
            assert found.table["t0"].tolist() == sorted(found.table["t0"].tolist())
        await connection.close()
