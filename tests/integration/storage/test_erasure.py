"""Canaries: what retention and erasure remove is in no table any more, and nothing else is gone."""

import hashlib
import json
import time

from shared.contracts.formats import VITALS_V1
from shared.contracts.names import Exchange
from shared.contracts.vitals import encode_vitals, vital_table
from tests.harness.eventually import eventually
from tests.integration.storage.frames import NOW_US, frame
from tests.integration.storage.people import (
    CANARY,
    CANARY_VALUE,
    DAY,
    MINUTE,
    QUICK,
    SECOND,
    START,
    alarms_save,
    count,
    found_in,
    person,
    samples,
    send_everything,
    worn,
    write_to,
)
from tests.integration.storage.system import System


async def test_an_erased_patient_is_in_no_table_any_more(system: System) -> None:
    connection = await system.database.connect()
    patient, first, second = await person(connection, CANARY, ["canary-1", "canary-2"])
    other, third = await person(connection, "Passer-domesticus", ["sparrow-1"])
    system.start(**QUICK)
    for who, device, text in (
        (patient, first, CANARY), (patient, second, CANARY), (other, third, "Passer-domestic"),
    ):  # fmt: skip
        await send_everything(system, who, device, text)
        await write_to(connection, device, text)
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
    assert {"access.account", "alarm.alarm", "registry.patient", "signal.event", "signal.frame",
            "registry.command", "gateway.command", "registry.device_configuration",
            "gateway.presence", "gateway.rest", "gateway.file", "gateway.file_part"
            } <= set(await found_in(connection, CANARY))  # fmt: skip
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
    assert said["removed_rows"]["registry.command"] == 2 * 3
    assert await connection.fetch("select * from audit.verify()") == []
    # What may still run has a row that has ended, so that it never does; its text is gone.
    left = await connection.fetch(
        "select c.name, g.outcome from registry.command c join gateway.command g using (id)"
        " where c.device_id = $1 order by 1", first,
    )  # fmt: skip
    assert [tuple(row.values()) for row in left] == [
        ("not_taken", "expired"),
        ("of_now", "unknown"),
        ("of_then", "done"),
    ]
    (configuration,) = await connection.fetch(
        "select version, configuration from registry.device_configuration where device_id = $1",
        first,
    )
    assert tuple(configuration.values()) == (4, '{"ecg_hz": 250}')
    assert len(await found_in(connection, "Passer-domestic")) >= 8

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
    for who, text in ((patient, CANARY), (other, "Passer-domestic")):
        await alarms_save(system, who, text)
    assert await found_in(connection, CANARY, str(CANARY_VALUE + patient)) == []
    for table in ("alarm", "watch", "limit_in_force", "action"):
        sql = f"select patient_id from alarm.{table}"  # noqa: S608
        assert [row["patient_id"] for row in await connection.fetch(sql)] == [other]
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
    for device, age, state in (
        (common, 3.9, "stored"), (common, 4.1, "stored"), (common, 6.9, "receiving"),
        (common, 7.1, "receiving"),
    ):  # fmt: skip
        await connection.execute(
            "insert into gateway.file (id, device_id, name, format, total, state, changed_at,"
            " finished_at) values (gen_random_uuid(), $1, $3::text || $2::float8, 'csv', 100, $3,"
            " now() - $2 * interval '1 day',"
            " case when $3 = 'stored' then now() - $2 * interval '1 day' end)",
            device, age, state,
        )  # fmt: skip
    for device, age in ((common, 3.9), (common, 4.1), (own, 2.5), (own, 1.5)):
        await connection.execute(
            "with asked as (insert into registry.command (id, device_id, name, requested_by,"
            " requested_at, expires_at) values (gen_random_uuid(), $1, 'start', 'nina',"
            " now() - $2 * interval '1 day', now() - $2 * interval '1 day' + interval '1 minute')"
            " returning *) insert into gateway.command (id, device_id, name, requested_by,"
            " expires_at, outcome, taken_at) select id, device_id, name, requested_by, expires_at,"
            " 'done', requested_at from asked",
            device, age,
        )  # fmt: skip
    system.start(
        **QUICK,
        STORAGE_KEEP_BLOCKS_DAYS="5",
        STORAGE_KEEP_VITALS_DAYS="3",
        STORAGE_KEEP_COMMANDS_DAYS="4",
        STORAGE_RETENTION_EVERY_S="0.2",
    )

    async def gone() -> bool:
        found = {device: set(await samples(connection, device)) for device in days}
        # Blocks go by the day: one is kept until its last moment is five days ago.
        five_days_ago = time.time_ns() // 1_000 - 5 * DAY
        young = {n for n in range(1, 8) if ((now_us - n * DAY) // DAY + 1) * DAY > five_days_ago}
        assert young >= {1, 2, 3, 4}
        assert found == {own: {1}, common: young, stranger: young}
        left = await count(connection, "select count(*) from signal.vital")
        assert left in (4, 5)  # days whose end is not three days ago
        for table in ("registry.command", "gateway.command"):
            sql = f"select device_id from {table} order by 1"  # noqa: S608
            rows = await connection.fetch(sql)
            assert [row["device_id"] for row in rows] == sorted([own, common])
        files = await connection.fetch("select name from gateway.file order by 1")
        assert [row["name"] for row in files] == ["receiving6.9", "stored3.9"]
        return True

    await eventually(gone, within_s=30, every_s=0.2)
    for frames in days.values():
        await system.send(frames, late=True)  # a repeat of what is removed adds nothing
    await system.send([frame(500, device=own)])

    async def answered() -> bool:
        return await count(connection, "select count(*) from signal.frame where n = 500") == 1

    await eventually(answered, within_s=20)
    await eventually(gone)
    await connection.close()
