"""A whole private system with simulators of the five device systems, seen by REST and live."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import argon2
import asyncpg
import httpx
from websockets.asyncio.client import connect

from deploy.local.layout import PROJECT
from deploy.local.processes import GATEWAY_USER
from deploy.local.servers.command import LOOPBACK, write_private
from devices.conformance.capture import Heard
from devices.simulators.systems import SYSTEMS, SimulatedDevice, simulated_devices
from shared.contracts.identity import DeviceId
from shared.contracts.names import device_root
from tests.chaos.system import System
from tests.harness.ended import ended
from tests.harness.eventually import eventually
from tests.integration.api.system import LiveClient

USER, TECHNICIAN, PASSWORD = "nina", "tom", "a-password-of-this-test"
SEED = 3


def devices_of(first: int) -> dict[str, SimulatedDevice]:
    """One patient of each system, by device id."""
    made = simulated_devices(tuple(SYSTEMS), count=1, seed=SEED, first=first)
    return {one.device: one for one in made}


async def admit(database: asyncpg.Connection) -> None:
    """An account that may see every patient, and command their devices."""
    hashed = argon2.PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    account = await database.fetchval(
        "insert into access.account (username, display_name, role) "
        "values ($1, $1, 'nurse') returning id",
        USER,
    )
    await database.execute(
        "insert into access.password (account_id, password_hash) values ($1, $2)", account, hashed
    )
    technician = await database.fetchval(
        "insert into access.account (username, display_name, role) "
        "values ($1, $1, 'technician') returning id",
        TECHNICIAN,
    )
    await database.execute(
        "insert into access.password (account_id, password_hash) values ($1, $2)",
        technician, hashed,
    )  # fmt: skip
    team = await database.fetchval(
        "insert into access.care_team (key, name) values ('team', 'Team') returning id"
    )
    await database.execute(
        "insert into access.membership (care_team_id, account_id) values ($1, $2)", team, account
    )
    await database.execute(
        "insert into access.care_team_patient (care_team_id, patient_id) "
        "select $1, id from registry.patient",
        team,
    )


@dataclass
class World:
    """What the tests do and see."""

    system: System
    database: asyncpg.Connection
    http: httpx.AsyncClient
    token: str
    patients: dict[str, str]
    """Key of the patient by device id."""
    simulators: list[asyncio.subprocess.Process] = field(default_factory=list)
    captures: dict[str, list[Heard]] = field(default_factory=dict)
    """What each device said, where it was listened to."""

    async def simulate(self, first: int, *, faults: str = "") -> None:
        """Start one patient of each system, from this number on."""
        folder = self.system.folder
        credentials = folder / "credentials"
        credentials.mkdir(exist_ok=True)
        for device, secret in self.system.secrets.items():
            write_private(credentials / device, secret)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("VITALWIRE")}
        environment |= {
            "VITALWIRE_MQTT_PORT": str(self.system.ports["mosquitto"]),
            "VITALWIRE_SIMULATE_CREDENTIALS": str(credentials),
            "VITALWIRE_SIMULATE_JOURNALS": str(folder / "journals"),
            "VITALWIRE_MONITOR_PORT": "0",
        }
        arguments = ["--system", "all", "--first", str(first), "--seed", str(SEED)]
        with (folder / f"simulate-{first}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "devices.simulators", *arguments, "--faults", faults,
                env=environment, cwd=PROJECT, stderr=log, stdin=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        self.simulators.append(process)

    async def end_simulator(self, index: int) -> None:
        """As if the power of its devices had failed."""
        process = self.simulators[index]
        if process.returncode is None:
            process.kill()
        await process.wait()

    async def get(self, path: str, **parameters: Any) -> Any:
        """The body of a REST answer."""
        answer = await self.http.get(path, params=parameters)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    async def take_map(self, content: dict[str, Any]) -> None:
        """Bring a map of places and take it into use."""
        login = {"username": TECHNICIAN, "password": PASSWORD}
        token = (await self.http.post("/v1/token", data=login)).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        kept = await self.http.post("/v1/maps", json=content, headers=bearer)
        assert kept.status_code == 201, kept.text
        used = await self.http.post(f"/v1/maps/{kept.json()['id']}/use", headers=bearer)
        assert used.status_code == 200, used.text

    async def started_us(self, device: str) -> int:
        """When second 0 of a simulated device began: the first time that it measured."""
        found = await eventually(
            lambda: self.database.fetchval(
                "select min(f.t0) from signal.frame f join registry.device d on d.id = f.device_id "
                "where (d.device = $1 or d.device like $1 || '--%') and f.interval_ns > 0",
                device,
            ),
            within_s=30,
        )
        assert isinstance(found, int)
        return found

    async def samples(
        self, device: str, stream: str, start_us: int, seconds: int, of: str = ""
    ) -> list[dict[str, Any]]:
        """Segments of stored samples over REST."""
        body = await self.get(
            f"/v1/patients/{self.patients[device]}/waveforms",
            stream=stream, device=of or device, points=5_000,
            **{"from": instant(start_us), "to": instant(start_us + seconds * 1_000_000)},
        )  # fmt: skip
        segments: list[dict[str, Any]] = body["segments"]
        return segments

    async def command(self, device: str, name: str, *, expires_s: int = 900, **args: Any) -> str:
        """Ask for something; gives the address of the command."""
        answer = await self.http.post(
            f"/v1/devices/{device}/commands",
            json={"name": name, "args": args, "expires_s": expires_s},
        )
        assert answer.status_code == 202, answer.text
        return str(answer.headers["location"])

    async def done(self, device: str, name: str, **args: Any) -> str:
        """Ask for something and wait until the device has done it; gives what it said."""
        location = await self.command(device, name, **args)
        body: dict[str, Any] = {}

        async def has_ended() -> bool:
            body.update(await self.get(location))
            return body["state"] not in {"queued", "waiting", "sent"}

        await eventually(has_ended, within_s=40)
        assert body["state"] == "done", body
        return str(body["detail"] or "")

    async def events(self, device: str) -> list[tuple[str, dict[str, Any]]]:
        """Kinds of the events of a device and its units, as REST tells the patient's."""
        body = await self.get(f"/v1/patients/{self.patients[device]}/events", limit=1_000)
        return [(item["kind"], item["data"]) for item in body["items"]]

    @asynccontextmanager
    async def live(self) -> AsyncIterator[LiveClient]:
        """A live socket, logged in."""
        url = f"ws://{LOOPBACK}:{self.system.ports['api']}/v1/live"
        async with connect(url, compression=None, proxy=None) as socket:
            client = LiveClient(socket)
            await client.say(op="auth", token=self.token)
            await client.hear("auth")
            yield client


@asynccontextmanager
async def captured(found: World, devices: Collection[str]) -> AsyncIterator[None]:
    """Listen to all that these devices say."""
    client = aiomqtt.Client(
        LOOPBACK, found.system.ports["mosquitto"], identifier="capture", username=GATEWAY_USER,
        password=found.system.layout.secret(f"mqtt_{GATEWAY_USER}"),
        protocol=aiomqtt.ProtocolVersion.V5, timeout=60,
    )  # fmt: skip
    found.captures |= {device: [] for device in devices}

    async def listen() -> None:
        async for message in client.messages:
            properties = vars(message.properties or object()).get("UserProperty", [])
            heard = Heard(
                topic=message.topic.value, hex=bytes(message.payload).hex(),
                at=time.time_ns() // 1_000, properties=properties,
            )  # fmt: skip
            found.captures[message.topic.value.split("/")[2]].append(heard)

    async with client:
        for device in devices:
            await client.subscribe(f"{device_root(DeviceId(device))}/up/#", qos=1)
        listening = asyncio.create_task(listen())
        try:
            yield
        finally:
            await ended(listening)


def instant(t_us: int) -> str:
    """A time as REST takes it."""
    return datetime.fromtimestamp(t_us // 1_000_000, UTC).strftime(
        f"%Y-%m-%dT%H:%M:%S.{t_us % 1_000_000:06d}Z"
    )


def microseconds(text: str) -> int:
    """A time as REST gives it."""
    moment = datetime.fromisoformat(text)
    return int(moment.replace(microsecond=0).timestamp()) * 1_000_000 + moment.microsecond


@asynccontextmanager
async def world(models: Mapping[str, str]) -> AsyncIterator[World]:
    """Everything that runs, with these devices registered; ends all of it."""
    settings = {"api": {"VITALWIRE_API_REQUEST_BURST": "10000"}}
    async with System(list(models), models=models, settings=settings) as system:
        database = await system.connect()
        try:
            await admit(database)
            rows = await database.fetch(
                "select d.device, p.key from registry.assignment a "
                "join registry.device d on d.id = a.device_id "
                "join registry.patient p on p.id = a.patient_id"
            )
            base = f"http://{LOOPBACK}:{system.ports['api']}"
            async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as http:
                body = {"username": USER, "password": PASSWORD}
                answer = await http.post("/v1/token", data=body)
                assert answer.status_code == 200, answer.text
                token = answer.json()["access_token"]
                http.headers["Authorization"] = f"Bearer {token}"
                found = World(system, database, http, token, {row[0]: row[1] for row in rows})
                try:
                    yield found
                finally:
                    for index in range(len(found.simulators)):
                        await found.end_simulator(index)
        finally:
            await database.close()


def log_of(found: World, first: int) -> str:
    """What a simulator said."""
    return Path(found.system.folder / f"simulate-{first}.log").read_text()[-3_000:]
