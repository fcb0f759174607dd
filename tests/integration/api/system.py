"""The api between a private RabbitMQ and a private PostgreSQL, with a small hospital in it."""

import asyncio
import json
import math
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from shared.broker.connection import Broker
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.contracts.actions import Acknowledge
from shared.contracts.beats import BEAT, encode_beats
from shared.contracts.events import Event, encode_event
from shared.contracts.formats import BEATS_V1, EVENT_V1, FRAMES_V1, VITALS_V1, Format
from shared.contracts.frames import Frame, encode_frames
from shared.contracts.identity import DeviceId, PatientKey, lane_of, shard_of, shard_of_patient
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from shared.contracts.names import Exchange, Header, Queue
from shared.contracts.quality import Validity
from shared.contracts.streams import Stream
from shared.contracts.vitals import encode_vitals, vital_table
from tests.harness.deployment import INCARNATION, LANES
from tests.integration.api.live_schemas import check_header, check_told

PASSWORD = "a-password-of-this-test"
MINUTE_US = 60_000_000
T0_US = 1_795_262_400_000_000  # 2026-11-21T12:00:00Z
DAY_US = 86_400_000_000
ASK_AGAIN_S = 0.05  # the tail of a process that has just started is not there at once


@dataclass(slots=True)
class Hospital:
    """What the database holds: ids by the names that the tests use."""

    patients: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class LiveClient:
    """One live socket; messages that are not asked for are kept."""

    socket: ClientConnection
    texts: list[dict[str, Any]] = field(default_factory=list)
    binaries: list[bytes] = field(default_factory=list)
    asked: dict[Any, dict[str, Any]] = field(default_factory=dict)

    async def say(self, **message: Any) -> None:
        if message.get("op") == "subscribe":
            self.asked[message.get("id")] = message
        await self.socket.send(json.dumps(message))

    async def hear(self, kind: str, within_s: float = 60.0, **fields: Any) -> dict[str, Any]:
        """The next message of a kind with these fields, waiting for it.

        Who is told that something is not there yet asks again, as every client does.
        """
        async with asyncio.timeout(within_s):
            while True:
                if kind == "subscribed":
                    await self._ask_again()
                for index, message in enumerate(self.texts):
                    if message["kind"] == kind and fields.items() <= message.items():
                        return self.texts.pop(index)
                await self._receive()

    async def hear_samples(self, within_s: float = 60.0) -> list[tuple[dict[str, Any], list[int]]]:
        """The blocks of the next binary message."""
        async with asyncio.timeout(within_s):
            while not self.binaries:
                await self._receive()
        return blocks_in(self.binaries.pop(0))

    async def _ask_again(self) -> None:
        for error in [text for text in self.texts if text.get("code") == "unavailable"]:
            if error.get("id") in self.asked:
                self.texts.remove(error)
                await asyncio.sleep(ASK_AGAIN_S)
                await self.say(**self.asked[error["id"]])

    async def _receive(self) -> None:
        message = await self.socket.recv()
        if isinstance(message, bytes):
            self.binaries.append(message)
        else:
            self.texts.append(json.loads(message))
            check_told(self.texts[-1])


def blocks_in(message: bytes) -> list[tuple[dict[str, Any], list[int]]]:
    if message[0] == 1:
        (length,) = struct.unpack_from("<H", message, 1)
        samples = np.frombuffer(message[3 + length :], dtype="<i2")
        header = json.loads(message[3 : 3 + length])
        check_header(header)
        return [(header, samples.tolist())]
    (count,) = struct.unpack_from("<H", message, 1)
    place, found = 4, []
    for _ in range(count):
        (length,) = struct.unpack_from("<I", message, place)
        found += blocks_in(message[place + 4 : place + 4 + length])
        place += 4 + length + (-length % 4)
    return found


@dataclass(slots=True)
class System:
    """What a test does with the api and sees of it."""

    port: int
    http: httpx.AsyncClient
    database: asyncpg.Connection
    broker: Broker
    publisher: Publisher
    hospital: Hospital
    stop: asyncio.Event
    connect: Callable[..., Awaitable[asyncpg.Connection]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def token(self, username: str, password: str = PASSWORD) -> str:
        answer = await self.http.post(
            "/v1/token", data={"username": username, "password": password}
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def get(self, path: str, username: str, **parameters: Any) -> httpx.Response:
        return await self.http.get(path, params=parameters, headers=await self.bearer(username))

    async def bearer(self, username: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.token(username)}"}

    async def audit(self, **fields: Any) -> list[asyncpg.Record]:
        """Rows of the audit trail with these values, oldest first."""
        rows = await self.database.fetch("select * from audit.entry order by n")
        return [row for row in rows if all(row[name] == value for name, value in fields.items())]

    @asynccontextmanager
    async def live(
        self, username: str | None = None, *, token: str | None = None
    ) -> AsyncIterator[LiveClient]:
        """An open live socket, authenticated when a user is named or a token given."""
        async with connect(
            f"ws://127.0.0.1:{self.port}/v1/live", compression=None, proxy=None
        ) as socket:
            client = LiveClient(socket)
            if username is not None:
                token = await self.token(username)
            if token is not None:
                await client.say(op="auth", token=token)
                await client.hear("auth")
            yield client

    async def publish_vital(
        self,
        patient: str,
        device: str,
        *,
        value: float,
        t_us: int,
        measure: Measure = Measure.HEART_RATE,
        validity: Validity = Validity.VALID,
        revision: int = 0,
    ) -> None:
        patient_id = self.hospital.patients[patient]
        table = vital_table(
            [
                (
                    t_us,
                    t_us,
                    self.hospital.devices[device],
                    patient_id,
                    value,
                    0.9,
                    int(measure),
                    revision,
                    int(validity),
                    int(Method.ECG_BEAT_INTERVALS),
                    0,
                )
            ]
        )
        lane = lane_of(shard_of_patient(PatientKey(patient_id)), LANES)
        await self._publish(Exchange.VITALS, str(lane), VITALS_V1, encode_vitals(table))

    async def publish_frame(
        self, device: str, samples: Sequence[int], *, t0_us: int, hz: float = 250.0
    ) -> None:
        frame = Frame(
            device=self.hospital.devices[device],
            boot=1,
            n=t0_us // 1_000_000 % 4_000_000_000,
            part=0,
            stream=int(Stream.ECG),
            t0=t0_us,
            interval_ns=round(1e9 / hz),
            received=t0_us,
            flags=0,
            channels=1,
            format=1,
            place=1,
            scale=0.001,
            offset=0.0,
            samples=np.array(samples, dtype="<i2").tobytes(),
        )
        lane = lane_of(shard_of(DeviceId(device)), LANES)
        await self._publish(Exchange.FRAMES, str(lane), FRAMES_V1, encode_frames([frame]))

    async def publish_beat(self, device: str, *, t_us: int) -> None:
        beat = (t_us, self.hospital.devices[device], 800.0, 0.9, 0, 1, 3)
        lane = lane_of(shard_of(DeviceId(device)), LANES)
        body = encode_beats(np.array([beat], dtype=BEAT))
        await self._publish(Exchange.VITALS, str(lane), BEATS_V1, body)

    async def publish_event(self, event: Event) -> None:
        await self._publish(Exchange.EVENTS, Queue.EVENTS.value, EVENT_V1, encode_event(event))

    async def _publish(self, exchange: Exchange, key: str, kind: Format, body: bytes) -> None:
        await self.publisher.publish(
            Message(
                exchange=exchange,
                routing_key=key,
                format=kind,
                body=body,
                headers={Header.INCARNATION: INCARNATION, Header.BYTES: 0},
            )
        )

    async def store_vitals(
        self,
        patient: str,
        device: str,
        values: Sequence[float],
        *,
        t0_us: int,
        every_us: int = 5_000_000,
        measure: Measure = Measure.HEART_RATE,
    ) -> None:
        """Rows as storage writes them."""
        days = sorted({(t0_us + i * every_us) // DAY_US * DAY_US for i in range(len(values))})
        await self.database.execute("select signal.ensure_partitions('vital', $1)", days)
        await self.database.executemany(
            "insert into signal.vital values ($1, $2, $3, $2, array[$4]::smallint[], "
            "array[1]::smallint[], array[$5]::real[], array[0.9]::real[], "
            "array[$6]::smallint[], array[0], array[0]::smallint[])",
            [
                (
                    self.hospital.patients[patient],
                    t0_us + index * every_us,
                    self.hospital.devices[device],
                    int(measure),
                    value,
                    int(Validity.ABSENT if math.isnan(value) else Validity.VALID),
                )
                for index, value in enumerate(values)
            ],
        )

    async def store_frames(
        self, device: str, seconds: dict[int, list[int]], *, hz: float = 4.0, t0_us: int = T0_US
    ) -> None:
        """One frame a second as storage writes them, by the second after ``t0_us``."""
        hour = 3_600_000_000
        hours = sorted({(t0_us + second * 1_000_000) // hour * hour for second in seconds})
        await self.database.execute("select signal.ensure_partitions('frame', $1)", hours)
        await self.database.executemany(
            "insert into signal.frame "
            "values ($1, 1, $2, 0, 1, $3, $4, $3, 0, 1, 1, 1, 0.001, 0, $5)",
            [
                (
                    self.hospital.devices[device],
                    second,
                    t0_us + second * 1_000_000,
                    round(1e9 / hz),
                    np.array(samples, dtype="<i2").tobytes(),
                )
                for second, samples in seconds.items()
            ],
        )

    async def store_beats(self, device: str, times_us: Sequence[int]) -> None:
        days = sorted({t // DAY_US * DAY_US for t in times_us})
        await self.database.execute("select signal.ensure_partitions('beat', $1)", days)
        await self.database.executemany(
            "insert into signal.beat values ($1, $2, 1, 1, 0, 800, 0.9)",
            [(self.hospital.devices[device], t) for t in times_us],
        )

    async def store_event(
        self,
        event_id: str,
        t_us: int,
        kind: str,
        *,
        patient: str | None = None,
        device: str | None = None,
        offset: int = 0,
        data: dict[str, Any] | None = None,
    ) -> None:
        await self.database.execute(
            "insert into signal.event "
            "values ($1, $2, $3, $4, $5, 'low', 'gateway', $5, $6, $7, $8)",
            self.hospital.devices[device] if device else 0,
            event_id,
            self.hospital.patients[patient] if patient else 0,
            t_us,
            kind,
            json.dumps(data or {}),
            INCARNATION,
            offset,
        )

    async def store_alarm(
        self, alarm_id: str, patient: str, *, since_us: int, state: str = "active"
    ) -> None:
        """A row as the alarms service writes it."""
        ended = since_us if state == "ended" else None
        await self.database.execute(
            "insert into alarm.alarm values ($1, $2, 0, 'spo2_low', 'physiological', 'medium', "
            "$3, 1, $4, $4, $5, $6, null, $7)",
            self.hospital.patients[patient],
            alarm_id,
            state,
            since_us,
            ended,
            "cleared" if ended else None,
            json.dumps(self.alarm_data(alarm_id, patient, since_us=since_us, state=state)),
        )

    def alarm_data(
        self, alarm_id: str, patient: str, *, since_us: int, state: str = "active"
    ) -> dict[str, Any]:
        return {
            "id": alarm_id,
            "patient": self.hospital.patients[patient],
            "device": 0,
            "condition": "spo2_low",
            "measure": "spo2",
            "kind": "physiological",
            "priority": "medium",
            "state": state,
            "value": 86.0,
            "limit": 90.0,
            "relation": "<",
            "unit": "%",
            "method": "ppg_ratio_of_ratios",
            "derived": False,
            "since": since_us,
            "updated": since_us,
            "revision": 1,
            "acknowledged_by": None,
            "acknowledged_at": None,
            "paused_until": None,
            "unsure": False,
            "text_key": "spo2_low",
        }

    async def carry_out(self, action: Acknowledge, patient: str) -> None:
        """What the alarms service does with an acknowledgement."""
        await self.database.execute(
            "update alarm.alarm set state = 'acknowledged', data = data || $2 where id = $1",
            action.alarm,
            json.dumps(
                {
                    "state": "acknowledged",
                    "acknowledged_by": action.by_name,
                    "acknowledged_at": action.at,
                }
            ),
        )
        await self.database.execute(
            "insert into alarm.action values ($1, $2, '{}', $3, $3, 'done')",
            action.id,
            self.hospital.patients[patient],
            action.at,
        )

    async def end_membership(self, username: str) -> None:
        await self.database.execute(
            "update access.membership set ends = now() where account_id = $1",
            self.hospital.accounts[username],
        )


async def build_hospital(database: asyncpg.Connection, password_hash: str) -> Hospital:
    """Two wards with a team each; a patient in a bed of each, one at home, one whom nobody sees."""
    hospital = Hospital()
    team: dict[str, int] = {}
    bed: dict[str, int] = {}
    for ward in ("north", "south"):
        ward_id = await database.fetchval(
            "insert into registry.ward (key, name) values ($1, $2) returning id",
            ward,
            f"Ward {ward}",
        )
        for number in ("01", "02", "03"):
            bed[f"{ward}-{number}"] = await database.fetchval(
                "insert into registry.bed (ward_id, key, label) values ($1, $2, $3) returning id",
                ward_id,
                number,
                f"Bed {number}",
            )
        team[ward] = await database.fetchval(
            "insert into access.care_team (key, name, ward_id) values ($1, $1, $2) returning id",
            ward,
            ward_id,
        )
    team["home"] = await database.fetchval(
        "insert into access.care_team (key, name) values ('home', 'home') returning id"
    )
    for key, place in (
        ("p-north1", "north-01"),
        ("p-north2", "north-02"),
        ("p-south1", "south-01"),
        ("p-home01", None),
        ("p-nobody", None),
    ):
        hospital.patients[key] = await database.fetchval(
            "insert into registry.patient (key, initials, birth_date, sex) "
            "values ($1, $2, '1960-05-04', 'female') returning id",
            key,
            key[2:4].upper(),
        )
        if place is not None:
            await database.execute(
                "insert into registry.stay (patient_id, bed_id) values ($1, $2)",
                hospital.patients[key],
                bed[place],
            )
        device = f"ecg-{key[2:]}"
        hospital.devices[device] = await database.fetchval(
            "insert into registry.device (device, shard, model, simulated) "
            "values ($1, $2, 'ecg-patch', true) returning id",
            device,
            int(shard_of(DeviceId(device))),
        )
        await database.execute(
            "insert into registry.assignment (device_id, patient_id) values ($1, $2)",
            hospital.devices[device],
            hospital.patients[key],
        )
    await database.execute(
        "insert into access.care_team_patient (care_team_id, patient_id) values ($1, $2)",
        team["home"],
        hospital.patients["p-home01"],
    )
    for username, role, patient, member in (
        ("nina", "nurse", None, "north"),
        ("sven", "nurse", None, "south"),
        ("carla", "clinician", None, "north"),
        ("hanna", "nurse", None, "home"),
        ("vera", "viewer", None, None),
        ("adam", "admin", None, None),
        ("tom", "technician", None, None),
        ("paula", "patient", "p-north1", None),
        ("lost", "clinician", None, None),
    ):
        hospital.accounts[username] = await database.fetchval(
            "insert into access.account (username, display_name, role, patient_id) "
            "values ($1, $1, $2, $3) returning id",
            username,
            role,
            hospital.patients[patient] if patient else None,
        )
        await database.execute(
            "insert into access.password (account_id, password_hash) values ($1, $2)",
            hospital.accounts[username],
            password_hash,
        )
        if member is not None:
            await database.execute(
                "insert into access.membership (care_team_id, account_id) values ($1, $2)",
                team[member],
                hospital.accounts[username],
            )
    await database.execute(
        "insert into access.relation (account_id, patient_id, kind) values ($1, $2, 'relative')",
        hospital.accounts["vera"],
        hospital.patients["p-south1"],
    )
    return hospital
