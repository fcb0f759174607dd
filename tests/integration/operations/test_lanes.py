"""The number of lanes changes under load: nothing is lost, nothing comes twice, all goes on."""

import asyncio
import contextlib
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import argon2
import httpx
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from deploy.local import processes
from deploy.local.layout import PROJECT, VIRTUAL_HOST
from deploy.local.servers.command import LOOPBACK
from devices.sdk import Command, CommandAnswer, Device
from services.administration import lanes
from services.administration.settings import AdministrationSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.contracts import commands
from shared.contracts.formats import COMMAND_V1
from shared.contracts.identity import DeviceId, lane_of, shard_of
from shared.contracts.instants import from_text
from shared.contracts.names import Exchange, routing_key
from shared.errors import Conflict, Denied
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.chaos.ledger import LedgerFile, compare, read_frames
from tests.chaos.system import Sender, System
from tests.harness.deployment import ROLE_PASSWORD
from tests.harness.ended import ended
from tests.harness.eventually import eventually
from tests.harness.postgres import Database
from tests.harness.rabbitmq import VirtualHost

SENDING = [f"lane-{number:03d}" for number in range(16)]
# Away until the end; in lane 0 of 2, 1 of 4, 0 of 1.
AWAY = next(
    name
    for name in (DeviceId(f"away-{number}") for number in range(100))
    if 64 <= shard_of(name) < 128
)
INTERVAL_S = 0.2
WATCHED = "p-00000"
PASSWORD = "private-to-this-test-run"


class LanesCommand:
    """One `vitalwire lanes`, with what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []

    @classmethod
    async def start(cls, system: System, number: int) -> "LanesCommand":
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.command_line",
                "lanes",
                str(number),
                cwd=PROJECT,
                env=processes.administrator_environment(system.layout, system.ports),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        )

    async def until(self, text: str) -> None:
        while text not in (line := await self._line()):
            assert line, f"it never said {text!r}: {''.join(self.said)}"

    async def end(self) -> int:
        while await self._line():
            pass
        return await self.process.wait()

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def _line(self) -> str:
        assert self.process.stdout is not None
        line = (await self.process.stdout.readline()).decode()
        print(line.rstrip(), flush=True)
        self.said.append(line)
        return line


@contextlib.asynccontextmanager
async def supervised(system: System) -> AsyncIterator[list[str]]:
    """Start services again that end, as every supervisor does; gives their names."""
    restarted: list[str] = []

    async def run() -> None:
        while True:
            for name in system.services:
                if not system.processes[name].running:
                    restarted.append(name)
                    system.processes[name].start()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(run())
    try:
        yield restarted
    finally:
        await ended(task)


@contextlib.asynccontextmanager
async def watching(system: System) -> AsyncIterator[list[int]]:
    """A page that watches a patient, and connects again when it is cut; gives times of values."""
    connection = await system.connect()
    try:
        account = await connection.fetchval(
            "insert into access.account (username, display_name, role) "
            "values ('nina', 'Nina', 'nurse') returning id"
        )
        hashes = argon2.PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1)
        await connection.execute(
            "insert into access.password (account_id, password_hash) values ($1, $2)",
            account,
            hashes.hash(PASSWORD),
        )
        await connection.execute(
            "insert into access.relation (account_id, patient_id, kind) "
            "select $1, id, 'responsible' from registry.patient where key = $2",
            account,
            WATCHED,
        )
    finally:
        await connection.close()
    address = f"{LOOPBACK}:{system.ports['api']}"
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=60) as client:
        answer = await client.post("/v1/token", data={"username": "nina", "password": PASSWORD})
        token = answer.raise_for_status().json()["access_token"]
    times: list[int] = []

    async def watch() -> None:
        while True:
            with contextlib.suppress(OSError, WebSocketException):
                async with connect(f"ws://{address}/v1/live") as socket:
                    await socket.send(json.dumps({"op": "auth", "token": token}))
                    asked = {"op": "subscribe", "id": "a", "patients": [WATCHED]}
                    await socket.send(json.dumps({**asked, "what": ["vitals"]}))
                    async for told in socket:
                        times.extend(_times(json.loads(told)))
            await asyncio.sleep(0.1)

    task = asyncio.create_task(watch())
    try:
        yield times
    finally:
        await ended(task)


def _times(told: dict[str, Any]) -> list[int]:
    items = told["items"] if told["kind"] == "vitals" else []
    return [from_text(item["t"]) for item in items if item["value"] is not None]


async def ask_away(system: System, publisher: Publisher, *, n_lanes: int) -> str:
    """A command to the device that is away, handed over as the api does."""
    connection = await system.connect()
    try:
        device = await connection.fetchval("select id from registry.device where device = $1", AWAY)
    finally:
        await connection.close()
    command = commands.Command(
        id=str(uuid.uuid4()),
        device=device,
        name="blink",
        expires=time.time_ns() // 1_000 + 900_000_000,
        requested_by=1,
    )
    await publisher.publish(
        Message(
            exchange=Exchange.COMMANDS,
            routing_key=routing_key(lane_of(shard_of(AWAY), n_lanes)),
            format=COMMAND_V1,
            body=commands.encode_command(command),
            message_id=command.id,
        )
    )
    return command.id


@contextlib.asynccontextmanager
async def handing_over(system: System) -> AsyncIterator[Publisher]:
    address = BrokerAddress(
        host=LOOPBACK,
        port=system.ports["rabbitmq"],
        vhost=VIRTUAL_HOST,
        user="vw_api",
        password=SecretStr(system.layout.secret("amqp_vw_api")),
    )
    async with (
        Broker(address, instance="test", metrics=Metrics("test")) as broker,
        Publisher(broker, clock=SystemClock()) as publisher,
    ):
        yield publisher


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_lanes_change_under_load_whoever_is_killed() -> None:
    async with contextlib.AsyncExitStack() as stack:
        system = await stack.enter_async_context(System([*SENDING, AWAY]))
        restarted = await stack.enter_async_context(supervised(system))
        seen = await stack.enter_async_context(watching(system))
        publisher = await stack.enter_async_context(handing_over(system))
        enough = system.folder / "enough"
        sender = await stack.enter_async_context(
            Sender(
                system,
                secrets={name: system.secrets[name] for name in SENDING},
                messages=2_000,
                until=str(enough),
                interval_s=INTERVAL_S,
                resend_after_s=8.0,
                drain_within_s=240.0,
            )
        )
        await sender.until_connected()
        asked = [await ask_away(system, publisher, n_lanes=2)]

        # The command dies right after the switch, and a gateway with it: another one ends it.
        more = await LanesCommand.start(system, 4)
        await more.until("gateways stop")
        asked.append(await ask_away(system, publisher, n_lanes=2))
        await more.until("switched to 4 lanes")
        await more.kill()
        system.kill("gateway")
        again = await LanesCommand.start(system, 4)
        assert await again.end() == 0
        assert "finishing an earlier change to 4 lanes" in "".join(again.said)
        assert "there are 4 lanes: nothing to change" in "".join(again.said)

        # It dies before the switch, and storage with it: nothing has changed, another begins anew.
        fewer = await LanesCommand.start(system, 1)
        await fewer.until("dsp computes")
        system.kill("storage")  # first: without it the command does not get as far as the switch
        await fewer.kill()
        asked.append(await ask_away(system, publisher, n_lanes=4))
        anew = await LanesCommand.start(system, 1)
        await anew.until("gateways stop")
        system.kill("gateway")  # perhaps before it has left its lanes: the next one does
        await anew.until("switched to 1 lanes")
        switched_us = time.time_ns() // 1_000
        assert await anew.end() == 0
        assert "an earlier change to 1 lanes is given up" in "".join(anew.said)

        await eventually(lambda: max(seen, default=0) > switched_us, within_s=60)
        enough.touch()
        await check_commands(system, asked)
        await sender.until_sent(within_s=240)
        assert await sender.until_done(within_s=300) == 0
        await check_stored(system, sender)
        # All were started over the new lanes twice; of the api only what reads the streams was.
        assert set(restarted) == {"gateway", "dsp", "storage", "alarms"}
        assert min(restarted.count(name) for name in set(restarted)) >= 2


async def check_commands(system: System, asked: list[str]) -> None:
    """The device that was away comes, and carries each command out, once."""
    ran: list[str] = []

    async def obey(command: Command) -> CommandAnswer:
        ran.append(command.id)
        return None

    async with Device(
        AWAY,
        host=LOOPBACK,
        port=system.ports["mosquitto"],
        secret=system.secrets[AWAY],
        journal=system.folder / "journal-away",
        on_command=obey,
    ):
        connection = await system.connect()
        try:

            async def all_done() -> bool:
                done = "select count(*) from gateway.command where outcome = 'done'"
                return bool(await connection.fetchval(done) == len(asked))

            await eventually(all_done, within_s=40)
        finally:
            await connection.close()
    assert sorted(ran) == sorted(asked)


async def check_stored(system: System, sender: Sender) -> None:
    """What was sent is there, once and equal; nothing is left of what the changes needed."""
    connection = await system.connect()
    try:
        stored = await read_frames(connection)
        phases = await connection.fetch("select phase from registry.lane_change order by id")
        deployment = await connection.fetchrow("select lanes, incarnation from registry.deployment")
        assert deployment is not None
        conflicts = await connection.fetchval("select count(*) from signal.conflict")
        lost = await connection.fetchval(
            "select count(*) from signal.event where kind = 'stream_truncated'"
        )
    finally:
        await connection.close()
    read = LedgerFile(sender.ledger_path).read_on()
    findings = compare(read, stored)
    assert findings.is_clean, findings
    assert len(read.sent) > 500
    assert (conflicts, lost) == (0, 0)
    assert [row["phase"] for row in phases] == ["done", "given_up", "done"]
    assert tuple(deployment) == (1, 4)


@pytest.fixture
def settings(
    migrated: Database, virtual_host: VirtualHost, tmp_path: Path
) -> AdministrationSettings:
    """The administrator's, of a migrated database without any service."""
    database, amqp = tmp_path / "database", tmp_path / "amqp"
    for file, secret in ((database, ROLE_PASSWORD), (amqp, virtual_host.password)):
        file.touch(0o600)
        file.write_text(secret)
    return AdministrationSettings(
        amqp_port=virtual_host.port,
        amqp_vhost=virtual_host.name,
        amqp_user=virtual_host.user,
        amqp_password_file=amqp,
        database_port=migrated.port,
        database_name=migrated.name,
        database_user="vw_admin",
        database_password_file=database,
    )


@pytest.mark.parametrize("number", ["3", "0", "128", "-2"])
def test_what_is_no_number_of_lanes_is_refused(
    number: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vitalwire lanes", "--", number])
    assert lanes.main() == 2
    assert "a power of two from 1 to 64" in capsys.readouterr().err


async def test_nothing_changes_where_nothing_may(
    settings: AdministrationSettings, migrated: Database
) -> None:
    told: list[str] = []
    await lanes.run(settings, 2, wait_s=1, tell=told.append)
    assert told == ["there are 2 lanes: nothing to change"]
    await lanes.run(settings, None, wait_s=1, tell=told.append)
    assert told[1:] == ["there are 2 lanes (incarnation 1)"]
    with pytest.raises(Conflict, match="gateway works on 0 of 2 lanes"):
        await lanes.run(settings, 4, wait_s=1, tell=told.append)
    user = settings.model_copy(update={"database_user": "vw_api"})
    with pytest.raises(Denied, match="vw_api may not change the lanes"):
        await lanes.run(user, 4, wait_s=1, tell=told.append)
    connection = await migrated.connect()
    try:
        assert await connection.fetchval("select lanes from registry.deployment") == 2
        assert await connection.fetchval("select count(*) from registry.lane_change") == 0
    finally:
        await connection.close()
