"""Many devices in one process, as thin as can be; its own CPU is told beside what it loads.

``python -m tests.performance.generator`` reads a JSON object from standard input (port, secrets:
device id to secret, and the fields of `Task`), connects every device, prints ``connected``, and
then does what each line says and prints how it went:

- ``{"do": "send", "rate": ..., "seconds": ...}``: messages evenly over the devices and the time;
- ``{"do": "reconnect"}``: all devices drop their connection and come back at once;
- ``{"do": "backlog", "messages": ..., "age_s": ...}``: the first device sends old messages, one a
  second of its past, as fast as they are acknowledged, at most 200 in flight as the SDK does.

A message is one frame in the codec `packed`: a second of 250 samples (int16) of a simulated ECG,
551 bytes, or a single reading of a temperature. Its time is that of its sending.
"""

import asyncio
import json
import random
import resource
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from zlib import crc32

import mqtt5
import uvloop
from typing_extensions import override

from devices.simulators.physiology.happenings import Schedule
from devices.simulators.physiology.patient import Patient, profile_of, to_counts
from shared.codecs.packed.codec import CHECKSUM, FRAME, HEAD, MAGIC, VERSION
from shared.contracts.identity import DeviceId
from shared.contracts.names import UpKind, up_topic
from shared.contracts.streams import Stream

RATE_HZ = 250
SCALE_MV = 0.0025
ECG_SECONDS = 60  # of one patient, over and over; each device begins elsewhere
TICK_S = 0.01
IN_FLIGHT = 200
CONNECTING_AT_ONCE = 100
ANSWERED_WITHIN_S = 60.0
STATUS_PACKET_ID = 65_535


@dataclass(frozen=True, kw_only=True)
class Task:
    """What kind of devices these are.

    Parameters
    ----------
    readings : devices, from the last one on, that send single readings instead of an ECG
    statuses : each device says that it is online when it connects
    """

    port: int
    secrets: dict[str, str]
    seed: int = 1
    readings: int = 0
    statuses: bool = False
    keep_alive_s: int = 60
    ecg: list[bytes] = field(default_factory=list)


def ecg_seconds(seed: int) -> list[bytes]:
    """Seconds of samples of one simulated patient."""
    patient = Patient(seed=seed, profile=profile_of(seed), schedule=Schedule())
    lead = patient.lead("I")
    return [
        to_counts(lead.second(second, RATE_HZ), scale=SCALE_MV).tobytes()
        for second in range(ECG_SECONDS)
    ]


class Publisher(asyncio.Protocol):
    """One device. Its session is a new one each time it connects, as the SDK's."""

    def __init__(self, task: Task, index: int, device: str) -> None:
        self.topic = up_topic(DeviceId(device), UpKind.DATA, "packed")
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent_at: dict[int, float] = {}
        self.delays_s: list[float] = []
        self.transport: asyncio.Transport | None = None
        self.n = 0
        self.answered = asyncio.Event()
        self._task = task
        self._device = device
        self._boot = random.getrandbits(32)
        self._rest = b""
        self._second = index * 7
        reads = index >= len(task.secrets) - task.readings
        stream, samples, interval = (
            (Stream.TEMPERATURE, 1, 0) if reads else (Stream.ECG, RATE_HZ, 4_000_000)
        )
        self._reads = reads
        self._frame = FRAME.pack(stream, 0, 1, samples, interval, 0, 1, SCALE_MV, 0.0)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(
            mqtt5.ConnectPacket(
                self._device,
                username=self._device,
                password=self._task.secrets[self._device].encode(),
                clean_start=True,
                keep_alive=self._task.keep_alive_s,
            ).write()
        )

    @override
    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        try:
            while at < len(data):
                packet, used = mqtt5.read(memoryview(data)[at:])
                at += used
                if isinstance(packet, mqtt5.PubAckPacket):
                    sent_s = self.sent_at.pop(packet.packet_id)
                    self.delays_s.append(time.monotonic() - sent_s)
                    self.answered.set()
                elif isinstance(packet, mqtt5.ConnAckPacket):
                    self._note_connected(packet)
        except IndexError:
            pass
        self._rest = data[at:]

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.connected.done():
            self.connected.set_exception(ConnectionResetError(str(exc)))
        if not self.closed.done():
            self.closed.set_result(None)

    def _note_connected(self, packet: mqtt5.ConnAckPacket) -> None:
        if packet.reason_code is not mqtt5.ConnAckReasonCode.SUCCESS:
            self.connected.set_exception(ConnectionRefusedError(packet.reason_code.name))
            return
        if self._task.statuses:
            told = {"online": True, "boot": f"{self._boot:x}", "t": time.time_ns() // 1_000}
            self._write(up_topic(DeviceId(self._device), UpKind.STATUS), json.dumps(told).encode())
        self.connected.set_result(None)

    def renew(self) -> None:
        """Be ready for the next connection; the boot and its count go on."""
        self.connected = asyncio.get_running_loop().create_future()
        self.closed = asyncio.get_running_loop().create_future()
        self.sent_at.clear()
        self._rest = b""

    def publish(self, *, age_us: int = 0) -> None:
        """One message, of now or so much older."""
        ecg = self._task.ecg
        samples = (
            struct.pack("<h", 14_600 + self._second % 40)
            if self._reads
            else ecg[self._second % len(ecg)]
        )
        self._second += 1
        t_us = time.time_ns() // 1_000 - age_us
        body = HEAD.pack(MAGIC, VERSION, 0, self._boot, self.n, t_us, 1) + self._frame + samples
        self.n += 1
        self._write(self.topic, body + CHECKSUM.pack(crc32(body)))

    def ping(self) -> None:
        """Keep the connection."""
        if self.transport is not None and not self.closed.done():
            self.transport.write(b"\xc0\x00")

    def _write(self, topic: str, payload: bytes) -> None:
        assert self.transport is not None
        packet_id = self.n % 65_534 + 1 if topic is self.topic else STATUS_PACKET_ID
        self.sent_at[packet_id] = time.monotonic()
        self.transport.write(
            mqtt5.PublishPacket(
                topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id
            ).write()
        )


async def connect(task: Task, devices: Sequence[Publisher], *, at_once: int) -> float:
    """Connect all; gives how long it took until the last was let in."""
    loop = asyncio.get_running_loop()
    began_s = time.monotonic()
    turn = asyncio.Semaphore(at_once)

    async def one(device: Publisher) -> None:
        async with turn:
            for _ in range(20):
                try:
                    await loop.create_connection(lambda: device, "127.0.0.1", task.port)
                    await device.connected
                except OSError:
                    await asyncio.sleep(0.5 * random.random())
                    device.renew()
                else:
                    return
            raise ConnectionRefusedError(device.topic)

    async with asyncio.TaskGroup() as group:
        for device in devices:
            group.create_task(one(device))
    return time.monotonic() - began_s


async def reconnect(task: Task, devices: Sequence[Publisher]) -> dict[str, Any]:
    """Lose every connection and come back at once."""
    for device in devices:
        assert device.transport is not None
        device.transport.abort()
    for device in devices:
        await device.closed
        device.renew()
    return {"took_s": await connect(task, devices, at_once=len(devices))}


async def send(devices: Sequence[Publisher], rate: float, seconds: float) -> dict[str, Any]:
    """Publish evenly over the devices and the time; gives what was sent and how it was answered."""
    sent = turns = 0
    for device in devices:
        device.delays_s.clear()
    began_s = time.monotonic()
    began_cpu_s = _cpu_s()
    behind_s = 0.0
    while (elapsed_s := time.monotonic() - began_s) < seconds:
        due = int(min(elapsed_s, seconds) * rate)
        behind_s = max(behind_s, (due - turns) / rate)
        while turns < due:
            device = devices[turns % len(devices)]
            turns += 1
            if not device.closed.done():
                device.publish()
                sent += 1
        await asyncio.sleep(TICK_S)
    took_s = time.monotonic() - began_s
    cpu_s = _cpu_s() - began_cpu_s
    unanswered = await answered(devices)
    return {
        "sent": sent,
        "rate": sent / took_s,
        "cpu_s": cpu_s,
        "behind_ms": 1_000 * behind_s,
        "unanswered": unanswered,
        "cut_off": sum(device.closed.done() for device in devices),
        **_percentiles(devices),
    }


async def backlog(device: Publisher, messages: int, age_s: float) -> dict[str, Any]:
    """Send seconds of the past, oldest first; gives how long it took."""
    began_s = time.monotonic()
    device.delays_s.clear()
    for index in range(messages):
        while len(device.sent_at) >= IN_FLIGHT:
            device.answered.clear()
            await device.answered.wait()
        device.publish(age_us=round(1e6 * (age_s - index)))
    await answered([device])
    return {"sent": messages, "took_s": time.monotonic() - began_s, **_percentiles([device])}


async def answered(devices: Sequence[Publisher]) -> int:
    """Wait for the PUBACKs of all; gives how many are missing after a minute."""
    deadline = time.monotonic() + ANSWERED_WITHIN_S
    while (missing := sum(len(device.sent_at) for device in devices)) and (
        time.monotonic() < deadline
    ):
        await asyncio.sleep(TICK_S)
    return missing


async def stay(devices: Sequence[Publisher], every_s: float) -> None:
    """Ping from each device within its keep-alive."""
    while True:
        for start in range(0, len(devices), CONNECTING_AT_ONCE):
            some = devices[start : start + CONNECTING_AT_ONCE]
            for device in some:
                device.ping()
            await asyncio.sleep(every_s * len(some) / len(devices))


def _percentiles(devices: Sequence[Publisher]) -> dict[str, float]:
    delays = sorted(delay for device in devices for delay in device.delays_s) or [0.0]
    return {
        "puback_p50_ms": 1_000 * delays[len(delays) // 2],
        "puback_p99_ms": 1_000 * delays[len(delays) * 99 // 100],
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def run() -> None:
    """Connect, then do what each line says."""
    loop = asyncio.get_running_loop()
    told = json.loads(sys.stdin.readline())
    task = Task(**told, ecg=ecg_seconds(told.get("seed", 1)))
    random.seed(task.seed)
    devices = [Publisher(task, index, device) for index, device in enumerate(task.secrets)]
    await connect(task, devices, at_once=CONNECTING_AT_ONCE)
    staying = asyncio.create_task(stay(devices, task.keep_alive_s / 2))
    print("connected", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        match order.pop("do"):
            case "send":
                done = await send(devices, order["rate"], order["seconds"])
            case "reconnect":
                done = await reconnect(task, devices)
            case "backlog":
                done = await backlog(devices[0], order["messages"], order["age_s"])
            case other:
                raise ValueError(other)
        print(json.dumps(done), flush=True)
    staying.cancel()


if __name__ == "__main__":
    uvloop.run(run())
