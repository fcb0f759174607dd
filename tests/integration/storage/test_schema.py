"""The schema: its history, its snapshot, its statements, and who may do what."""

import hashlib

import asyncpg
import pytest

from shared.database.migrate import load_migrations, migrate
from shared.database.pool import Database as Pool
from shared.database.statements import Statement, parse_statements
from shared.errors import VitalwireError
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import ROLE_PASSWORD, ROLES, database_address
from tests.harness.postgres import Database, Postgres
from tests.harness.service_process import ROOT
from tests.integration.storage.make_snapshot import SNAPSHOT, dump

SERVICES = {role: role.removeprefix("vw_") for role in ROLES if role != "vw_admin"}
OWNERS = {
    "registry": "vw_api",
    "access": "vw_api",
    "gateway": "vw_gateway",
    "signal": "vw_storage",
    "dsp": "vw_dsp",
    "alarm": "vw_alarms",
}
SCHEMAS = (*OWNERS, "audit")


async def rows(database: Database, sql: str, *values: object) -> list[asyncpg.Record]:
    connection = await database.connect()
    try:
        return await connection.fetch(sql, *values)
    finally:
        await connection.close()


async def as_role(database: Database, role: str) -> asyncpg.Connection:
    return await database.connect(user=role, password=ROLE_PASSWORD)


async def test_migrating_twice_changes_nothing(migrated: Database) -> None:
    before = dump(migrated)
    address = database_address(migrated, user="vw_admin")
    async with Pool(address, instance="migrate", metrics=Metrics("test")) as pool:
        assert await migrate(pool, load_migrations()) == ()
    assert dump(migrated) == before


async def test_the_snapshot_is_current(unchanging: Database) -> None:
    assert dump(unchanging) == SNAPSHOT.read_text(), (
        "run: python -m tests.integration.storage.make_snapshot"
    )


async def test_a_missing_role_is_told_before_anything_is_made(postgres: Postgres) -> None:
    script = load_migrations()[0].sql.replace("'vw_alarms', 'vw_api'", "'vw_alarms', 'vw_nobody'")
    assert "vw_nobody" in script
    database = await postgres.create_database()
    try:
        connection = await database.connect()
        try:
            with pytest.raises(asyncpg.RaiseError, match=r"roles are missing.*: vw_nobody"):
                await connection.execute(script)
        finally:
            await connection.close()
        found = await rows(database, "select from pg_namespace where nspname = 'registry'")
        assert not found
    finally:
        await postgres.drop_database(database)


def statements() -> dict[str, list[tuple[str, Statement]]]:
    """Every named statement of every service with its file, by the role that runs it."""
    found: dict[str, list[tuple[str, Statement]]] = {}
    for path in sorted((ROOT / "services").rglob("queries.sql")):
        service = path.relative_to(ROOT / "services").parts[0]
        role = f"vw_{service}" if f"vw_{service}" in ROLES else "vw_admin"
        where = str(path.relative_to(ROOT))
        found.setdefault(role, []).extend(
            (where, one) for one in parse_statements(path.read_text(), where=where).values()
        )
    return found


@pytest.mark.parametrize("role", sorted(statements()))
async def test_each_statement_can_be_planned_by_its_role(unchanging: Database, role: str) -> None:
    connection = await as_role(unchanging, role)
    wrong = []
    try:
        for where, statement in statements()[role]:
            if statement.sql.lstrip().startswith("do $$"):
                continue  # PostgreSQL plans no block; the tests of who runs it run it
            try:
                prepared = await connection.prepare(statement.sql)
                await prepared.explain(*[None] * len(prepared.get_parameters()))
            except asyncpg.PostgresError as error:
                wrong.append(f"{where} {statement.name}: {error}")
    finally:
        await connection.close()
    assert not wrong


async def test_a_service_writes_its_own_schema_only(unchanging: Database) -> None:
    granted = await rows(
        unchanging,
        "select grantee, table_schema, table_name, privilege_type from"
        " information_schema.role_table_grants"
        " where table_schema = any($1) and grantee <> 'vw_admin'",
        SCHEMAS,
    )
    wrong = [
        tuple(row.values())
        for row in granted
        if row["privilege_type"] not in ("SELECT", "INSERT", "UPDATE", "DELETE")
        or (row["privilege_type"] != "SELECT" and OWNERS.get(row["table_schema"]) != row["grantee"])
    ]
    assert not wrong
    assert not [row for row in granted if row["grantee"] not in SERVICES], "PUBLIC has nothing"


@pytest.mark.parametrize("role", sorted(SERVICES))
async def test_a_service_makes_nothing_and_is_nobody_special(
    unchanging: Database, role: str
) -> None:
    able = await rows(
        unchanging,
        "select nspname from pg_namespace where has_schema_privilege($1, oid, 'create')"
        " and nspname not like 'pg_temp%'",
        role,
    )
    assert not able
    special = await rows(
        unchanging,
        "select from pg_roles where rolname = $1 and"
        " (rolsuper or rolcreatedb or rolcreaterole or rolbypassrls or rolreplication)",
        role,
    )
    assert not special
    functions = await rows(
        unchanging,
        "select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n"
        " on n.oid = p.pronamespace where n.nspname = any($2)"
        " and has_function_privilege($1, p.oid, 'execute')",
        role,
        SCHEMAS,
    )
    names = {row["name"].partition("(")[0] for row in functions}
    allowed = {"audit.append"}
    allowed |= STORAGE_MAY if role == "vw_storage" else set()
    allowed |= (
        {"audit.append_many", "audit.verify", "audit.link"}
        if role == "vw_api"
        else {"registry.leave_lane"}
    )
    allowed |= {"registry.join_unit"} if role == "vw_gateway" else set()
    allowed |= CODES_ARE_COUNTED if role in ("vw_storage", "vw_api") else set()
    assert {name for name in names if not name.startswith(OWN_SCHEMA[role])} <= allowed
    assert "audit.append" in names


# They compute and read nothing.
CODES_ARE_COUNTED = {
    "signal.is_code",
    "signal.codes_of",
    "signal.codes_together",
    "signal.most_of_codes",
}
STORAGE_MAY = {
    f"signal.{name}"
    for name in (
        "ensure_partitions", "partition_starts", "hold_hour", "empty_hour", "drop_partition",
        "fence_patient", "erase_device_time", "erase_patient_rows", "erase_patient_records",
        "erase_device_texts", "remove_old_commands", "erase_files", "remove_old_files",
    )
}  # fmt: skip
OWN_SCHEMA = {"vw_gateway": "gateway.", "vw_dsp": "dsp.", "vw_alarms": "alarm.",
              "vw_api": ("registry.", "access."), "vw_storage": "-"}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "column", "readers"),
    [
        ("access.password", "password_hash", {"vw_api"}),
        ("access.refresh_token", "token_hash", {"vw_api"}),
        ("registry.patient", "name", {"vw_api"}),
        ("registry.patient", "initials", {"vw_api"}),
        ("registry.device_credential", "password_hash", {"vw_api", "vw_gateway"}),
        ("registry.next_credential", "password_hash", {"vw_api", "vw_gateway"}),
        ("registry.claim_code", "code_hash", {"vw_api"}),
        ("audit.entry", "actor", {"vw_api"}),
        ("signal.frame", "samples", {"vw_api", "vw_dsp", "vw_storage"}),
    ],
)
async def test_what_is_personal_or_secret_is_read_by_few(
    unchanging: Database, table: str, column: str, readers: set[str]
) -> None:
    found = await rows(
        unchanging,
        "select role from unnest($1::text[]) as role"
        " where has_column_privilege(role, $2, $3, 'select')",
        sorted(SERVICES),
        table,
        column,
    )
    assert {row["role"] for row in found} == readers


async def attempt(database: Database, role: str, sql: str) -> None:
    connection = await as_role(database, role)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("role", "sql"),
    [
        ("vw_storage", "delete from signal.frame"),
        ("vw_storage", "update signal.frame set samples = ''"),
        ("vw_storage", "truncate signal.frame"),
        ("vw_storage", "drop table signal.frame"),
        ("vw_storage", "create table signal.own ()"),
        ("vw_storage", "create temporary table own ()"),
        ("vw_storage", "update registry.deployment set lanes = 64"),
        ("vw_api", "update registry.deployment set lanes = 64"),
        ("vw_api", "insert into audit.entry select * from audit.entry"),
        ("vw_api", "delete from audit.entry"),
        ("vw_api", "update audit.chain set last_n = 0"),
        ("vw_gateway", "select signal.ensure_partitions('frame', '{0}')"),
        ("vw_dsp", "insert into signal.beat values (1, 1, 1, 1, 1, 1, 1)"),
        ("vw_alarms", "select * from access.password"),
    ],
)
async def test_what_a_role_may_not_is_refused(unchanging: Database, role: str, sql: str) -> None:
    if "temporary" in sql:  # a right on the database, which a copy of a template does not have
        await rows(unchanging, f'revoke temporary on database "{unchanging.name}" from public')
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await attempt(unchanging, role, sql)


async def test_partitions_begin_where_they_should_and_belong_to_the_administrator(
    migrated: Database,
) -> None:
    connection = await as_role(migrated, "vw_storage")
    ensure = "select signal.ensure_partitions($1, $2)"
    hour = 3_600_000_000
    try:
        assert await connection.fetchval(ensure, "frame", [0, 500_000 * hour]) == 2
        assert await connection.fetchval(ensure, "frame", [0, hour]) == 1
        for parent, start in (("frame", 1), ("frame", -hour), ("vital", hour), ("event", 0)):
            with pytest.raises(asyncpg.InvalidParameterValueError):
                await connection.fetchval(ensure, parent, [start])
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await connection.fetchval(ensure, "frame", [2**62 // hour * hour])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select * from signal.frame_1970010100")
    finally:
        await connection.close()
    owners = await rows(
        migrated, "select distinct tableowner from pg_tables where schemaname = 'signal'"
    )
    assert [row["tableowner"] for row in owners] == ["vw_admin"]


async def test_one_device_has_one_patient_at_a_time(migrated: Database) -> None:
    connection = await as_role(migrated, "vw_api")
    try:
        await connection.execute(
            "insert into registry.device (device, shard, model) values ('dev-1', 0, 'test');"
            "insert into registry.patient (key, initials) values ('p-11111', 'A'), ('p-22222', 'B')"
        )
        assign = (
            "insert into registry.assignment (device_id, patient_id, starts, ends)"
            " select d.id, p.id, $2::text::timestamptz, $3::text::timestamptz"
            " from registry.device d, registry.patient p where p.key = $1"
        )
        await connection.execute(assign, "p-11111", "2026-01-01", "2026-01-02")
        await connection.execute(assign, "p-22222", "2026-01-02", None)
        with pytest.raises(asyncpg.ExclusionViolationError):
            await connection.execute(assign, "p-11111", "2026-03-01", None)
        with pytest.raises(asyncpg.ExclusionViolationError):
            await connection.execute(assign, "p-22222", "2026-01-01T12:00Z", "2026-01-01T13:00Z")
    finally:
        await connection.close()


APPEND = "select audit.append($1, 'read', 'patient/p-1', 'ok', detail => '{\"a\": 1}')"
FORGE = """
update audit.entry set actor = 'x', hash = audit.link(row(
    chain, n, at_us, 'x', action, patient_id, device_id, resource, outcome, reason, origin,
    request_id, detail, previous_hash, hash)::audit.entry)
where n = 2 and chain = 'vw_api'
"""


async def audited(migrated: Database) -> None:
    for role in ("vw_api", "vw_gateway"):
        connection = await as_role(migrated, role)
        try:
            assert [await connection.fetchval(APPEND, f"user-{n}") for n in range(3)] == [1, 2, 3]
        finally:
            await connection.close()


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select 1", []),
        ("update audit.entry set actor = 'x' where n = 2 and chain = 'vw_api'", ["2 changed"]),
        ("delete from audit.entry where n = 2 and chain = 'vw_api'",
         ["3 missing before", "3 previous changed"]),
        ("delete from audit.entry where n = 3 and chain = 'vw_api'", ["3 cut off"]),
        (FORGE, ["3 previous changed"]),
    ],
)  # fmt: skip
async def test_the_audit_trail_shows_what_was_tampered_with(
    migrated: Database, sql: str, told: list[str]
) -> None:
    await audited(migrated)
    owner = await as_role(migrated, "vw_admin")
    try:
        if "audit" in sql:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await owner.execute(sql)
            await owner.execute("alter table audit.entry disable trigger all")  # an intruder can
        await owner.execute(sql)
    finally:
        await owner.close()
    found = await rows(migrated, "select chain, n, what from audit.verify() order by n, what")
    assert [f"{row['n']} {row['what']}" for row in found] == told
    assert {row["chain"] for row in found} <= {"vw_api"}


async def test_each_link_of_the_audit_trail_is_the_hash_of_its_text(migrated: Database) -> None:
    await audited(migrated)
    found = await rows(
        migrated,
        "select previous_hash, hash, (to_jsonb(e) - 'hash' - 'previous_hash')::text as entry"
        " from audit.entry e where chain = 'vw_gateway' order by n",
    )
    before = hashlib.sha256(b"vw_gateway").digest()
    for row in found:
        assert row["previous_hash"] == before
        before = hashlib.sha256(before + row["entry"].encode()).digest()
        assert row["hash"] == before


async def test_a_changed_migration_is_noticed(migrated: Database) -> None:
    first, *rest = load_migrations()
    changed = type(first)(number=first.number, name=first.name, sql=first.sql + "\n-- more")
    address = database_address(migrated, user="vw_admin")
    async with Pool(address, instance="migrate", metrics=Metrics("test")) as pool:
        with pytest.raises(VitalwireError, match="was changed after it was applied"):
            await migrate(pool, [changed, *rest])


async def test_each_table_names_its_retention(unchanging: Database) -> None:
    """A table whose rows nobody removes grows for ever: its comment says when they go."""
    found = await rows(
        unchanging,
        "select c.oid::regclass::text as name, obj_description(c.oid) as says from pg_class c"
        " where relnamespace = any($1::regnamespace[]) and relkind in ('r', 'p')"
        " and not relispartition",
        list(SCHEMAS),
    )
    silent = {row["name"] for row in found if "Retention:" not in (row["says"] or "")}
    assert silent <= {"audit.chain", "access.password"}, "one row a role, one an account"


async def test_an_hour_of_frames_is_not_vacuumed_for_what_was_appended(migrated: Database) -> None:
    await rows(migrated, "select signal.ensure_partitions('frame', array[0]::bigint[])")
    await rows(migrated, "select signal.ensure_partitions('vital', array[0]::bigint[])")
    found = await rows(
        migrated,
        "select c.relname, c.reloptions from pg_inherits join pg_class c on c.oid = inhrelid"
        " where inhparent in ('signal.frame'::regclass, 'signal.vital'::regclass)",
    )
    options = {row["relname"]: row["reloptions"] for row in found}
    assert "autovacuum_vacuum_insert_threshold=-1" in options["frame_1970010100"]
    assert options["vital_19700101"] is None
