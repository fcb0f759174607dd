"""`vitalwire audit` finds what was written past the only way in."""

from pathlib import Path

from services.administration.audit import BrokenLink, broken_links, write_textfile
from services.administration.migrate import Migration
from services.administration.settings import AdministrationSettings
from shared.database.pool import Database as Pool
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.postgres import PASSWORD, Database

APPEND = "select audit.append('nurse', 'read', 'vitals', 'done', reason => $1)"
APPEND_MANY = """
    select audit.append_many(
        actors => array['nurse', 'nurse', 'api'], actions => array['watch', 'watch', 'read'],
        resources => array['/v1/live', '/v1/live', 'vitals'],
        outcomes => array['granted', 'granted', 'refused'],
        patient_ids => array[7, 8, null]::integer[], device_ids => array[null, null, 3]::integer[],
        reasons => array[null, null, 'no relation']::text[], origins => array['a', 'b', 'c'],
        request_ids => array['r', 'r', 's'], details => array[null, '{"n": 1}', '{}']::jsonb[])
"""
WRITTEN = """
    select n, actor, action, patient_id, device_id, resource, outcome, reason, origin, request_id,
        detail::text
    from audit.entry order by n
"""
# Triggers refuse even the superuser; whoever gets past them leaves a chain that does not fit.
PAST_THE_TRIGGERS = "set session_replication_role = replica"
RENAME = "update audit.entry set actor = $1 where n = 2"


async def find(settings: AdministrationSettings) -> list[BrokenLink]:
    return await broken_links(settings, metrics=Metrics("admin"))


async def test_what_was_done_past_the_only_way_in_is_found(
    settings: AdministrationSettings, database: Database
) -> None:
    migration = Migration(settings, clock=SystemClock(), metrics=Metrics("admin"))
    async with Pool.of(settings, instance="test", metrics=Metrics("test")) as pool:
        await migration.of_database(pool)
    api = await database.connect(user="vw_api", password=PASSWORD)
    try:
        for number in range(4):
            await api.execute(APPEND, str(number))
    finally:
        await api.close()
    assert await find(settings) == []

    superuser = await database.connect()
    try:
        await superuser.execute(PAST_THE_TRIGGERS)
        await superuser.execute(RENAME, "somebody else")
        assert await find(settings) == [BrokenLink(chain="vw_api", n=2, what="changed")]
        await superuser.execute(RENAME, "nurse")
        assert await find(settings) == []
        await superuser.execute("delete from audit.entry where n = 4")
        assert await find(settings) == [BrokenLink(chain="vw_api", n=4, what="cut off")]
        await superuser.execute("delete from audit.entry where n = 2")
        assert "missing before" in {link.what for link in await find(settings)}
    finally:
        await superuser.close()


async def test_many_entries_at_once_are_links_of_the_same_chain(
    settings: AdministrationSettings, database: Database
) -> None:
    migration = Migration(settings, clock=SystemClock(), metrics=Metrics("admin"))
    async with Pool.of(settings, instance="test", metrics=Metrics("test")) as pool:
        await migration.of_database(pool)
    api = await database.connect(user="vw_api", password=PASSWORD)
    try:
        await api.execute(APPEND, "before")
        assert await api.fetchval(APPEND_MANY) == 4
        await api.execute(APPEND, "after")
        assert await api.fetchval(APPEND_MANY) == 8
        rows = [tuple(row) for row in await api.fetch(WRITTEN)]
    finally:
        await api.close()
    assert await find(settings) == []
    assert [row[0] for row in rows] == list(range(1, 9))
    assert rows[1:4] == [
        (2, "nurse", "watch", 7, None, "/v1/live", "granted", None, "a", "r", "{}"),
        (3, "nurse", "watch", 8, None, "/v1/live", "granted", None, "b", "r", '{"n": 1}'),
        (4, "api", "read", None, 3, "vitals", "refused", "no relation", "c", "s", "{}"),
    ]


def test_the_result_is_left_for_prometheus(tmp_path: Path) -> None:
    path = tmp_path / "audit.prom"
    write_textfile(path, broken=2, now_s=1_795_262_400.0)
    text = path.read_text()
    assert "\nvitalwire_audit_broken_links 2.0\n" in text
    assert "\nvitalwire_audit_checked_timestamp_seconds 1.7952624e+09\n" in text
    assert [each.name for each in tmp_path.iterdir()] == ["audit.prom"]
