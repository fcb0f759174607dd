"""Files in the database: whom they are of, and what is the same file."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.harness.postgres import Database

RECORDED = datetime(2026, 11, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def person(connection: asyncpg.Connection, key: str) -> int:
    return int(
        await connection.fetchval(
            "insert into registry.patient (key, initials) values ($1, 'AB') returning id", key
        )
    )


async def brought(connection: asyncpg.Connection, device: int, patient: int | None) -> uuid.UUID:
    found = uuid.uuid4()
    said = await connection.fetchval(
        "select registry.begin_import($1, $2, $3, 'a.edf', 'edf_plus', 4, '{}', 'nina')",
        found, device, patient,
    )  # fmt: skip
    assert said == "begun"
    return found


async def wear(connection: asyncpg.Connection, file: uuid.UUID) -> str:
    """Of 08:00 to 11:00."""
    start = int(RECORDED.timestamp()) * 1_000_000
    return str(
        await connection.fetchval(
            "select gateway.wear_while_recorded($1, $2, $3)",
            file, start, start + 3 * 3_600_000_000,
        )
    )  # fmt: skip


async def worn(connection: asyncpg.Connection) -> list[tuple[int, int, int]]:
    """Patient, and hours after eight."""
    rows = await connection.fetch("select * from registry.assignment order by starts")

    def hours(moment: Any) -> int:
        return int((moment - RECORDED) / HOUR)

    return [(row["patient_id"], hours(row["starts"]), hours(row["ends"])) for row in rows]


@pytest.fixture
async def connection(migrated: Database) -> Any:
    connection = await migrated.connect()
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def device(connection: asyncpg.Connection) -> int:
    return int(
        await connection.fetchval(
            "insert into registry.device (device, shard, model)"
            " values ('holter-1', 3, 'vw-monitor') returning id"
        )
    )


async def assign(
    connection: asyncpg.Connection, device: int, patient: int, first: int, end: int
) -> None:
    await connection.execute(
        "insert into registry.assignment (device_id, patient_id, starts, ends)"
        " values ($1, $2, $3, $4)",
        device, patient, RECORDED + first * HOUR, RECORDED + end * HOUR,
    )  # fmt: skip


async def test_where_nobody_wore_the_device_the_patient_did(
    connection: asyncpg.Connection, device: int
) -> None:
    mine, other = await person(connection, "p-mine1"), await person(connection, "p-other")
    assert await wear(connection, await brought(connection, device, None)) == ""
    assert await worn(connection) == []
    await assign(connection, device, mine, 1, 2)
    await assign(connection, device, other, 3, 5)
    file = await brought(connection, device, mine)
    assert await wear(connection, file) == ""
    expected = [(mine, 0, 1), (mine, 1, 2), (mine, 2, 3), (other, 3, 5)]
    assert await worn(connection) == expected
    assert await wear(connection, file) == "", "again, after a kill"
    assert await worn(connection) == expected


async def test_who_wore_it_is_not_replaced_and_the_erased_wear_nothing(
    connection: asyncpg.Connection, device: int
) -> None:
    mine, other = await person(connection, "p-mine1"), await person(connection, "p-other")
    await assign(connection, device, other, 2, 4)
    file = await brought(connection, device, mine)
    assert await wear(connection, file) == "another patient wore the device then"
    assert await worn(connection) == [(other, 2, 4)]
    await connection.execute("delete from registry.assignment")
    await connection.execute("update registry.patient set erased_at = now() where id = $1", mine)
    assert await wear(connection, file) == "the patient is erased"
    assert await worn(connection) == []


async def test_the_same_bytes_are_the_same_file_while_it_stands(
    connection: asyncpg.Connection, device: int
) -> None:
    digest = bytes(32)
    finish = "select registry.finish_import($1, $2)"
    first = await brought(connection, device, None)
    assert await connection.fetchval(finish, first, digest) == first
    again = await brought(connection, device, None)
    assert await connection.fetchval(finish, again, digest) == first
    assert await connection.fetchval("select count(*) from gateway.file") == 1
    patient = await person(connection, "p-mine1")
    of_patient = await brought(connection, device, patient)
    assert await connection.fetchval(finish, of_patient, digest) == of_patient
    await connection.execute(
        "update gateway.file set state = 'refused', finished_at = now() where id = $1", first
    )
    tried_again = await brought(connection, device, None)
    assert await connection.fetchval(finish, tried_again, digest) == tried_again
