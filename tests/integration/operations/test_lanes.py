"""The number of lanes changes under load: nothing is lost, nothing comes twice, all goes on."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import pytest

from deploy.local import processes
from deploy.local.layout import PROJECT
from tests.chaos.ledger import LedgerFile, compare, read_frames
from tests.chaos.system import Sender, System

DEVICES = [f"lane-{number:03d}" for number in range(24)]
INTERVAL_S = 0.2


class Command:
    """One `vitalwire lanes`, with what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []

    @classmethod
    async def start(cls, system: System, *words: str, user: str = "vw_admin") -> "Command":
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.command_line",
                "lanes",
                *words,
                cwd=PROJECT,
                env=processes.common_environment(system.layout, system.ports, user),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        )

    async def until(self, text: str) -> None:
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode():
            print(line.rstrip(), flush=True)
            self.said.append(line)
            if text in line:
                return
        raise AssertionError(f"it never said {text!r}: {''.join(self.said)}")

    async def end(self) -> int:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            print(line.decode().rstrip(), flush=True)
            self.said.append(line.decode())
        return await self.process.wait()


@contextlib.asynccontextmanager
async def supervised(system: System) -> AsyncIterator[None]:
    """Start services again that end, as every supervisor does."""

    async def run() -> None:
        while True:
            for name in system.services:
                if not system.processes[name].running:
                    print(f"{name} starts again", flush=True)
                    system.processes[name].start()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def lanes_now(system: System) -> int:
    connection = await system.connect()
    try:
        return int(await connection.fetchval("select lanes from registry.deployment"))
    finally:
        await connection.close()


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_lanes_change_under_load() -> None:
    async with (
        System(DEVICES) as system,
        supervised(system),
        Sender(
            system, messages=120, interval_s=INTERVAL_S, resend_after_s=8.0, drain_within_s=60.0
        ) as sender,
    ):
        await sender.until_connected()
        more = await Command.start(system, "4")
        assert await more.end() == 0
        assert await lanes_now(system) == 4
        fewer = await Command.start(system, "1")
        assert await fewer.end() == 0
        assert await lanes_now(system) == 1
        await sender.until_sent(within_s=60)
        assert await sender.until_done(within_s=90) == 0
        connection = await system.connect()
        try:
            stored = await read_frames(connection)
        finally:
            await connection.close()
        findings = compare(LedgerFile(sender.ledger_path).read_on(), stored)
        assert findings.is_clean, findings
