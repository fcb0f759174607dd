"""`vitalwire backup` and `restore` on real servers: what is refused, and how streams are joined."""

import asyncio
from pathlib import Path

import pytest

from services.administration.backup import DESCRIPTION, DUMP, back_up
from services.administration.migrate import Deployment, bring_up_to_date
from services.administration.restore import IDENTITIES_SKIPPED, read_description, restore
from services.administration.settings import AdministrationSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.topology import delete
from shared.contracts.formats import FRAMES_V1
from shared.contracts.names import Exchange, Header
from shared.errors import Conflict, Misconfigured
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.postgres import PASSWORD, Database, Postgres
from tests.integration.operations.conftest import make_database

CLOCK = SystemClock()


async def migrated(settings: AdministrationSettings) -> Deployment:
    return await bring_up_to_date(settings, clock=CLOCK, metrics=Metrics("admin"))


async def restored(folder: Path, settings: AdministrationSettings) -> Deployment:
    return await restore(folder, settings, clock=CLOCK)


async def backed_up(folder: Path, settings: AdministrationSettings) -> Path:
    """A backup of a database with two devices, of which the second has the id 2."""
    await back_up(folder, settings, clock=CLOCK, metrics=Metrics("admin"))
    return folder


async def add_device(database: Database, name: str) -> int:
    connection = await database.connect()
    try:
        added = await connection.fetchval(
            "insert into registry.device (device, shard, model) values ($1, 1, 'vw-monitor') "
            "returning id",
            name,
        )
    finally:
        await connection.close()
    return int(added)


async def publish(settings: AdministrationSettings, *, incarnation: int) -> None:
    async with (
        Broker(BrokerAddress.of(settings), instance="test", metrics=Metrics("admin")) as broker,
        Publisher(broker, clock=CLOCK) as publisher,
    ):
        await publisher.publish(
            Message(
                exchange=Exchange.FRAMES,
                routing_key="1",
                format=FRAMES_V1,
                body=b"of a later incarnation",
                headers={Header.INCARNATION: incarnation},
            )
        )


async def delete_streams(settings: AdministrationSettings, *names: str) -> None:
    async with Broker(
        BrokerAddress.of(settings), instance="test", metrics=Metrics("admin")
    ) as broker:
        await delete(broker.publishing, names)


async def test_what_is_saved_is_there_again_and_no_number_is_given_twice(
    settings: AdministrationSettings, database: Database, own_postgres: Postgres, tmp_path: Path
) -> None:
    await migrated(settings)
    first = await add_device(database, "vw-1")
    folder = await backed_up(tmp_path / "backup", settings)
    gone = await add_device(database, "vw-2")
    await own_postgres.drop_database(database)
    await make_database(database)
    assert await restored(folder, settings) == Deployment(lanes=2, incarnation=1)
    connection = await database.connect()
    try:
        rows = await connection.fetch("select id, device from registry.device")
        assert [(row["id"], row["device"]) for row in rows] == [(first, "vw-1")]
        # A right that a dump does not carry.
        public = await connection.fetchval(
            "select has_database_privilege('vw_api', current_database(), 'create')"
        )
        assert public is False
    finally:
        await connection.close()
    # Batches in the streams may carry the number of the device that is gone.
    assert await add_device(database, "vw-3") > max(gone, IDENTITIES_SKIPPED)


async def test_a_second_backup_needs_a_folder_of_its_own(
    settings: AdministrationSettings, tmp_path: Path
) -> None:
    await migrated(settings)
    folder = await backed_up(tmp_path / "backup", settings)
    description = read_description(folder)
    assert (description.lanes, description.incarnation) == (2, 1)
    with pytest.raises(Misconfigured, match="not empty"):
        await backed_up(folder, settings)
    # Whatever is not as it was written is not restored.
    dumped = min(path for path in (folder / DUMP).iterdir() if path.stat().st_size > 40)
    whole = dumped.read_bytes()
    dumped.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(Misconfigured, match=dumped.name):
        read_description(folder)
    dumped.write_bytes(whole)
    read_description(folder)
    (folder / DESCRIPTION).unlink()
    with pytest.raises(Misconfigured, match="no whole backup"):
        read_description(folder)


async def test_only_an_empty_database_without_services_is_restored_into(
    settings: AdministrationSettings, database: Database, own_postgres: Postgres, tmp_path: Path
) -> None:
    await migrated(settings)
    folder = await backed_up(tmp_path / "backup", settings)
    with pytest.raises(Misconfigured, match="not empty"):
        await restored(folder, settings)
    await own_postgres.drop_database(database)
    await make_database(database)
    service = await database.connect(user="vw_storage", password=PASSWORD)
    try:
        with pytest.raises(Conflict, match="stop them first"):
            await restored(folder, settings)
    finally:
        await service.close()


async def test_streams_that_are_gone_begin_a_new_incarnation(
    settings: AdministrationSettings, database: Database, own_postgres: Postgres, tmp_path: Path
) -> None:
    await migrated(settings)
    folder = await backed_up(tmp_path / "backup", settings)
    await own_postgres.drop_database(database)
    await make_database(database)
    await delete_streams(settings, "frames.0", "vitals.1")
    assert await restored(folder, settings) == Deployment(lanes=2, incarnation=2)


async def test_streams_that_were_made_since_are_taken_as_they_are(
    settings: AdministrationSettings, database: Database, own_postgres: Postgres, tmp_path: Path
) -> None:
    await migrated(settings)
    folder = await backed_up(tmp_path / "backup", settings)
    for expected in (2, 3):
        await delete_streams(settings, "frames.0", "frames.1")
        assert (await migrated(settings)).incarnation == expected
    await publish(settings, incarnation=3)
    await own_postgres.drop_database(database)
    await make_database(database)
    # With the incarnation of the backup every reader would refuse what the streams carry.
    async with asyncio.timeout(150):
        assert await restored(folder, settings) == Deployment(lanes=2, incarnation=3)
