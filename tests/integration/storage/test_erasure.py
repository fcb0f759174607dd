"""Canaries: what retention and erasure remove is in no table any more, and nothing else is gone."""

import hashlib
import json
import time
from typing import Any

import asyncpg
import numpy as np

from services.storage.core.frame_rows import contents_of
from shared.contracts.beats import BEAT, encode_beats
from shared.contracts.events import Event, EventKind, Severity, encode_event
from shared.contracts.formats import BEATS_V1, VITALS_V1
from shared.contracts.frames import Frame, FrameBatch
from shared.contracts.names import Exchange
from shared.contracts.sample_block import decode_block, join_frames
from shared.contracts.vitals import encode_vitals, vital_table
from tests.harness.eventually import eventually
from tests.integration.storage.frames import NOW_US, frame
from tests.integration.storage.system import System

HOUR, MINUTE, SECOND, DAY = 3_600_000_000, 60_000_000, 1_000_000, 86_400_000_000
CANARY = "Serinus-canaria"
CANARY_VALUE = 4_711.25
# In the middle of a minute, and so early that all four hours are cold whatever the clock says.
START = NOW_US // HOUR * HOUR - 6 * HOUR + 90 * SECOND + 500_000
QUICK = {
    "STORAGE_HOT_HOURS": "1",
    "STORAGE_COMPACTION_EVERY_S": "0.1",
    "STORAGE_ROLLUP_EVERY_S": "0.1",
    "STORAGE_ERASURE_EVERY_S": "0.1",
    "STORAGE_ERASURE_WAIT_S": "0.5",
}


async def person(connection: asyncpg.Connection, name: str, devices: list[str]) -> list[int]:
    """A patient who has worn devices since `START`: ids of the patient and of the devices."""
    patient = await connection.fetchval(
        "insert into registry.patient (key, initials, name, profile)"
        " values ('p-' || substr(md5($1), 1, 6), substr($1, 1, 12), $1,"
        " jsonb_build_object('note', $1)) returning id",
        name,
    )
    ids = [patient]
    for device in devices:
        ids.append(
            await connection.fetchval(
                "insert into registry.device (device, shard, model) values ($1, 0, 'any')"
                " returning id",
                device,
            )
        )
        await connection.execute(
            "insert into registry.assignment (device_id, patient_id, starts)"
            " values ($1, $2, to_timestamp($3::bigint / 1000000.0))",
            ids[-1], patient, START,
        )  # fmt: skip
    return ids


def worn(device: int, text: str, first: int = 0) -> list[Frame]:
    """Frames of four hours and of now, each with the text in its samples."""
    return [
        frame(
            n,
            device=device,
            t0=START - 20 * SECOND + n * 97 * SECOND,
            samples=f"{text}{n:5}".encode() + b"."[: len(text) % 2 == 0],
        )
        for n in range(first, first + 150)
    ] + [frame(900 + first, device=device, samples=f"{text}now. ".encode()[: (len(text) + 5) // 2 * 2])]


async def send_everything(system: System, patient: int, device: int, text: str) -> None:
    frames = worn(device, text)
    await system.send(frames[:100])
    await system.send(frames[100:], late=True)
    values = vital_table(
        (START + s * SECOND, NOW_US, device, patient, CANARY_VALUE + patient, 1.0, 1, 0, 0, 1, 0)
        for s in range(0, 3_600, 5)
    )
    await system.publish(Exchange.VITALS, "0", encode_vitals(values), VITALS_V1)
    beats = np.array([(START + 7, device, CANARY_VALUE + patient, 0.9, 0, 1, 1)], dtype=BEAT)
    await system.publish(Exchange.VITALS, "0", encode_beats(beats), BEATS_V1)
    for of_patient in (patient, None):
        await system.send_event(
            encode_event(
                Event(
                    id=f"event-{device}-{of_patient}",
                    t=START + SECOND,
                    kind=EventKind.IDENTITY_CONFLICT,
                    severity=Severity.MEDIUM,
                    source="test",
                    text_key="any",
                    device=device,
                    patient=of_patient,
                    data={"note": text},
                )
            )
        )


async def found_in(connection: asyncpg.Connection, *needles: str) -> list[str]:
    """Tables in which a row's text, bytes as hex, holds one of the needles."""
    tables = await connection.fetch(
        "select format('%I.%I', n.nspname, c.relname) as name from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p', 'm') and not c.relispartition"
        " and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
    )
    hexed = [needle.encode().hex() for needle in needles]
    found = []
    for row in tables:
        count = await connection.fetchval(
            f"select count(*) from {row['name']} as r where r::text like any($1)",  # noqa: S608
            [f"%{one}%" for one in (*needles, *hexed)],
        )
        found += [row["name"]] if count else []
    return sorted(found)


async def samples(connection: asyncpg.Connection, device: int) -> list[int]:
    """Numbers of the messages of a device whose frames are in blocks."""
    rows = await connection.fetch("select content from signal.block where device_id = $1", device)
    batches = []
    for row in rows:
        read = decode_block(row["content"])
        assert isinstance(read, FrameBatch)
        batches.append(read)
    joined = join_frames(batches)
    return [] if joined is None else [key.n for key in contents_of(joined)]


async def count(connection: asyncpg.Connection, sql: str, *values: Any) -> int:
    number: int = await connection.fetchval(sql, *values)
    return number


async def test_an_erased_patient_is_in_no_table_any_more(system: System) -> None:
    connection = await system.database.connect()
    patient, first, second = await person(connection, CANARY, ["canary-1", "canary-2"])
    other, third = await person(connection, "Passer-domesticus", ["sparrow-1"])
    system.start(**QUICK)
    for who, device, text in (
        (patient, first, CANARY), (patient, second, CANARY), (other, third, "Passer-domestic"),
    ):  # fmt: skip
        await send_everything(system, who, device, text)
    await connection.execute(
        "insert into access.account (username, display_name, role, patient_id)"
        " values ('canary', $1, 'patient', $2)", CANARY, patient,
    )  # fmt: skip
    await connection.execute(
        "insert into access.password (account_id, password_hash)"
        " select id, '$argon2id$' || $1 from access.account", CANARY,
    )  # fmt: skip
    await connection.execute(
        "insert into alarm.alarm (patient_id, id, condition, kind, priority, state, revision,"
        " since_us, updated_us, data) values ($1, 'a', 'spo2_low', 'physiological', 'high',"
        " 'active', 1, 1, 1, jsonb_build_object('note', $2::text))", patient, CANARY,
    )  # fmt: skip

    async def all_there() -> bool:
        cold = await count(connection, "select coalesce(sum(n_frames), 0) from signal.block")
        hours = await count(connection, "select count(*) from signal.vital_hour")
        events = await count(connection, "select count(*) from signal.event")
        assert (cold, hours, events) == (3 * 150, 6, 6)
        return True

    await eventually(all_there, within_s=30, every_s=0.2)
    assert {"access.account", "alarm.alarm", "registry.patient", "signal.event",
            "signal.frame"} <= set(await found_in(connection, CANARY))  # fmt: skip
    kept = await samples(connection, third)
    n_before = await count(
        connection, "select count(*) from signal.frame where device_id = $1", third
    )
    await connection.execute(
        "insert into registry.erasure_request (patient_id, reason, requested_by)"
        " values ($1, 'asked by the person', 'admin')", patient,
    )  # fmt: skip

    async def done() -> bool:
        return (
            await count(connection, "select count(*) from signal.erasure where state = 'done'") == 1
        )

    await eventually(done, within_s=30, every_s=0.2)
    assert await found_in(connection, CANARY, str(CANARY_VALUE + patient)) == []
    before = {n for n in range(150) if START - 20 * SECOND + n * 97 * SECOND < START}
    for device in (first, second):
        assert set(await samples(connection, device)) == before  # sent before the assignment
        for table in ("frame", "beat"):
            sql = f"select count(*) from signal.{table} where device_id = $1"  # noqa: S608
            assert await count(connection, sql, device) == 0
    for table in ("vital", "vital_minute", "vital_hour", "vital_dirty", "event"):
        sql = f"select count(*) from signal.{table} where patient_id = $1"  # noqa: S608
        assert await count(connection, sql, patient) == 0
        if table != "vital_dirty":
            assert await count(connection, sql, other) > 0
    assert await samples(connection, third) == kept
    assert n_before == await count(
        connection, "select count(*) from signal.frame where device_id = $1", third
    )
    assert await count(connection, "select count(*) from signal.beat") == 1

    row = (await connection.fetch("select * from signal.erasure"))[0]
    assert hashlib.sha256(row["certificate"].encode()).hexdigest() == row["certificate_sha256"]
    said = json.loads(row["certificate"])
    assert said["removed_rows"]["signal.vital"] == 2 * 720
    assert said["removed_rows"]["access.account"] == 1
    assert said["removed_rows"]["signal.block"] > 0
    assert said["removed_rows"]["signal.beat"] == 2
    audit = await connection.fetch("select * from audit.entry where action = 'erase'")
    assert [entry["patient_id"] for entry in audit] == [patient]
    assert await connection.fetch("select * from audit.verify()") == []

    # What comes again, or comes late, is settled and not stored.
    await send_everything(system, patient, first, CANARY)
    more = [one for one in worn(first, CANARY, first=2_000) if one.t0 < NOW_US][:100]
    await system.send([one._replace(t0=START + MINUTE) for one in more], late=True)
    marker = frame(77_777, device=third)
    await system.send([marker], late=True)

    async def marker_is_there() -> bool:
        sql = "select count(*) from signal.frame where n = 77777"
        return await count(connection, sql) == 1

    await eventually(marker_is_there, within_s=20)
    assert await found_in(connection, CANARY, str(CANARY_VALUE + patient)) == []
    assert set(await samples(connection, first)) == before
    await connection.close()


async def test_what_has_outlived_its_time_is_gone(system: System) -> None:
    connection = await system.database.connect()
    patient, own, common = await person(connection, "Parus-major", ["tit-1", "tit-2"])
    _, stranger = await person(connection, "Turdus-merula", ["blackbird-1"])
    now_us = time.time_ns() // 1_000  # of this test: the days are counted from today
    days = {device: [frame(n, device=device, t0=now_us - n * DAY) for n in range(8)]
            for device in (own, common, stranger)}  # fmt: skip
    await connection.execute(
        "update registry.assignment set starts = now() - interval '30 days' where device_id = $1",
        own,
    )
    filling = system.start(STORAGE_HOT_HOURS="2", STORAGE_COMPACTION_EVERY_S="0.1")
    for frames in days.values():
        await system.send(frames)
    values = vital_table(
        (now_us - n * DAY, now_us, common, 99, 70.0, 1.0, 1, 0, 0, 1, 0) for n in range(7, -1, -1)
    )
    await system.publish(Exchange.VITALS, "0", encode_vitals(values), VITALS_V1)

    async def compacted() -> bool:
        return await count(connection, "select coalesce(sum(n_frames), 0) from signal.block") == 21

    await eventually(compacted, within_s=30, every_s=0.2)
    assert filling.stop() == 0
    await connection.execute(
        "insert into registry.patient_retention values ($1, 2, 'admin')", patient
    )
    system.start(
        **QUICK,
        STORAGE_KEEP_BLOCKS_DAYS="5",
        STORAGE_KEEP_VITALS_DAYS="3",
        STORAGE_RETENTION_EVERY_S="0.2",
    )

    async def gone() -> bool:
        found = {device: set(await samples(connection, device)) for device in days}
        assert found == {own: {1}, common: {1, 2, 3, 4, 5}, stranger: {1, 2, 3, 4, 5}}
        left = await count(connection, "select count(*) from signal.vital")
        assert left in (4, 5)  # days whose end is not three days ago
        return True

    await eventually(gone, within_s=30, every_s=0.2)
    for frames in days.values():
        await system.send(frames, late=True)  # a repeat of what is removed adds nothing
    await system.send([frame(500, device=own)])

    async def answered() -> bool:
        return await count(connection, "select count(*) from signal.frame where n = 500") == 1

    await eventually(answered, within_s=20)
    assert await gone()
    await connection.close()
