"""People with devices, all that is stored of them, and where a text of theirs is found."""

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
from shared.database.statements import load_statements
from tests.harness.deployment import ROLE_PASSWORD
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
    ] + [
        frame(
            900 + first, device=device, samples=f"{text}now. ".encode()[: (len(text) + 5) // 2 * 2]
        )
    ]


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


async def write_to(connection: asyncpg.Connection, device: int, text: str) -> None:
    """Commands of then, of now and of nobody's time; a configuration; what the device said."""
    for name, at_us, seconds in (
        ("of_then", START + MINUTE, 60),
        ("of_now", time.time_ns() // 1_000 - SECOND, 86_000),
        ("not_taken", time.time_ns() // 1_000 - SECOND, 86_000),
    ):
        await connection.execute(
            "insert into registry.command (id, device_id, name, args, requested_by, requested_at,"
            " expires_at) select md5($1 || $2::int)::uuid, $2, $1,"
            " jsonb_build_object('text', $3::text), 'nina', at, at + make_interval(secs => $5)"
            " from to_timestamp($4::bigint / 1000000.0) as at",
            name, device, text, at_us, seconds,
        )  # fmt: skip
    await connection.execute(
        "insert into gateway.command (id, device_id, name, args, requested_by, expires_at, sends,"
        " outcome, detail, finished_at, taken_at) select id, device_id, name, args, requested_by,"
        " expires_at, 1, done, case when done is not null then $2 end,"
        " case when done is not null then now() end, requested_at from (select *,"
        " case when name = 'of_then' then 'done' end as done from registry.command"
        " where device_id = $1 and name <> 'not_taken') as c",
        device, text,
    )  # fmt: skip
    await connection.execute(
        "insert into registry.device_configuration values"
        " ($1, 3, jsonb_build_object('display_text', $2::text, 'ecg_hz', 250), 'tom')",
        device, text,
    )  # fmt: skip
    await connection.execute(
        "insert into gateway.presence (device_id, online, changed_at, seen_at, reported) values"
        " ($1, true, now(), now(), jsonb_build_object('configuration', $2::text))",
        device, text,
    )  # fmt: skip
    await connection.execute(
        "insert into gateway.rest values ($1, 'smsg', 1, 1, convert_to($2, 'UTF8'), $3)",
        device, text, START + SECOND,
    )  # fmt: skip
    # One file that is stored and one that is not whole, of a time in which it was worn.
    await connection.execute(
        "with brought as (insert into gateway.file (id, device_id, name, format, total, state,"
        " starts_us, ends_us, made_at, changed_at, finished_at)"
        " select gen_random_uuid(), $1, $2::text || state, 'csv', 100, state, $3::bigint,"
        " $3 + 1000, to_timestamp($3 / 1e6), to_timestamp($3 / 1e6),"
        " case when state = 'stored' then now() end"
        " from unnest(array['stored', 'receiving']) as state returning id)"
        " insert into gateway.file_part select id, 0, octet_length(convert_to($2, 'UTF8')), 1,"
        " convert_to($2, 'UTF8') from brought",
        device, text, START + SECOND,
    )  # fmt: skip


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


async def alarms_save(system: System, patient: int, text: str) -> None:
    """What alarms writes that has not heard of an erasure yet, by its own statements."""
    statements = load_statements("services.alarms.adapters")
    data = json.dumps({"note": text})
    connection = await system.database.connect(user="vw_alarms", password=ROLE_PASSWORD)
    try:
        for name, values in (
            ("save_alarm", (patient, text, 0, "spo2_low", "physiological", "high", "active", 1, 1,
                            1, None, None, None, data)),
            ("save_memories", ([patient], [data], [None])),
            ("save_limit", (patient, text, 1.0, 2.0, None, None, True, 0.0, text)),
            ("keep_action", (text, patient, data, 1)),
        ):  # fmt: skip
            await connection.execute(statements[name].sql, *values)
    finally:
        await connection.close()


async def count(connection: asyncpg.Connection, sql: str, *values: Any) -> int:
    number: int = await connection.fetchval(sql, *values)
    return number
