"""The drill: write, back up, write more, lose the database, restore; the ledger is exact."""

import asyncio
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from deploy.local.database import create_roles_and_database
from deploy.local.layout import DATABASE, PROJECT, ROLES
from deploy.local.processes import administrator_environment
from deploy.local.servers import postgres
from deploy.local.servers.command import LOOPBACK
from tests.chaos.ledger import LedgerFile, compare, read_frames, read_identities
from tests.chaos.system import Sender, System
from tests.harness.eventually import eventually

N_DEVICES = 8
LEAST, MOST = 110, 5_000  # messages of a device, which sends until the database is restored
INTERVAL_S = 0.2
RESEND_AFTER_S = 10.0


async def administer(system: System, *words: str) -> None:
    """Run a tool of the administrator as a process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.command_line", *words),
        cwd=PROJECT,
        env=administrator_environment(system.layout, system.ports),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    async with asyncio.timeout(300):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def lose_the_database(system: System) -> None:
    """Services end, everything that PostgreSQL had is gone."""
    for name in system.services:
        system.kill(name)
    connection = await asyncpg.connect(
        host=LOOPBACK,
        port=system.ports["postgres"],
        user=postgres.SUPERUSER,
        password=system.layout.secret("database_superuser"),
        database="postgres",
        timeout=60,
    )
    try:
        await connection.execute(f"drop database {DATABASE} with (force)")
    finally:
        await connection.close()
    await create_roles_and_database(
        host=LOOPBACK,
        port=system.ports["postgres"],
        superuser_password=system.layout.secret("database_superuser"),
        passwords={role: system.layout.secret(f"database_{role}") for role in ROLES},
    )


@pytest.mark.slow
@pytest.mark.timeout(280)
async def test_what_was_told_stored_is_there_again_exactly_once(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    async with System([f"drill-{number}" for number in range(N_DEVICES)]) as system:
        enough = system.folder / "enough"
        async with Sender(
            system,
            messages=MOST,
            least=LEAST,
            until=str(enough),
            interval_s=INTERVAL_S,
            resend_after_s=RESEND_AFTER_S,
            drain_within_s=300.0,
        ) as sender:
            ledger = LedgerFile(sender.ledger_path)
            await sender.until_connected()
            await eventually(lambda: len(ledger.read_on().told) > 8, within_s=60)
            await administer(system, "backup", str(backup))  # while everything runs
            told_then = len(ledger.read_on().told)
            await eventually(lambda: len(ledger.read_on().told) > told_then + 40, within_s=60)

            await lose_the_database(system)
            await administer(system, "restore", str(backup))
            connection = await system.connect()
            try:
                missing = set(ledger.read_on().told) - await read_identities(connection)
            finally:
                await connection.close()
            assert missing, "the backup had everything: nothing was proved"
            enough.touch()
            for name in system.services:
                await system.bring_back(name)
            await sender.until_sent(within_s=400)
            assert await sender.until_done(within_s=400) == 0, "messages were left unstored"

        async def replayed() -> bool:
            connection = await system.connect()
            try:
                return ledger.read_on().told <= await read_identities(connection)
            finally:
                await connection.close()

        # Devices are done when theirs is stored; the replay of what they trimmed may still run.
        await eventually(replayed, within_s=60, every_s=0.5)
        connection = await system.connect()
        try:
            findings = compare(ledger.read_on(), await read_frames(connection))
            conflicts = await connection.fetchval("select count(*) from signal.conflict")
        finally:
            await connection.close()
        assert findings.is_clean, str(findings)
        assert conflicts == 0
