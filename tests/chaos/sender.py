"""Devices that publish numbered messages and keep a ledger; this process is never killed.

``python -m tests.chaos.sender`` reads a JSON object from standard input: host, port, secrets
(device id to secret), messages (of each device), interval_s, journals, ledger, resend_after_s,
drain_within_s, and perhaps until (a file: when it is there, a device sends no more than `least`)
and native (so many patients of each system are among the secrets; see `native_sender`). It prints
``connected`` when every device is, begins with the second after the next, prints ``sent`` when
all is published, then waits until all is stored, and ends with 0, or with 3 when messages are
unstored after `drain_within_s`.

A message is `interval_s` of a simulated ECG that begins on a whole second.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import structlog

from devices.sdk import (
    Device,
    Disconnected,
    Durability,
    Frame,
    Place,
    Refused,
    SetAside,
    Stored,
    Stream,
)
from devices.sdk.happened import Happened
from devices.simulators.physiology.happenings import Schedule
from devices.simulators.physiology.patient import Patient, profile_of, to_counts
from tests.chaos.ledger import Content, digest_of
from tests.chaos.native_sender import NativeSpeaker, native_devices

RATE_HZ = 250
SCALE_MV = 0.0025
SECOND_US = 1_000_000
NOT_STORED = 3

log = structlog.get_logger()
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to send."""

    host: str
    port: int
    secrets: dict[str, str]
    messages: int
    interval_s: float
    journals: str
    ledger: str
    resend_after_s: float
    drain_within_s: float
    until: str = ""
    least: int = 0
    native: int = 0


def seed_of(device: str) -> int:
    """Seed of the patient at a device: from its name, so that every run has the same."""
    return int.from_bytes(device.encode()[-4:], "big")


class EcgSource:
    """The ECG of one device, cut into messages."""

    def __init__(self, device: str, interval_s: float) -> None:
        seed = seed_of(device)
        self._patient = Patient(seed=seed, profile=profile_of(seed), schedule=Schedule())
        self._lead = self._patient.lead("I")
        self._per_message = round(RATE_HZ * interval_s)
        self._rest = np.zeros(0, np.int16)
        self._second = 0

    def next(self) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """Samples of the next message."""
        while len(self._rest) < self._per_message:
            counts = to_counts(self._lead.second(self._second, RATE_HZ), scale=SCALE_MV)
            self._rest = np.concatenate([self._rest, counts])
            self._patient.forget(float(self._second))
            self._second += 1
        taken, self._rest = self._rest[: self._per_message], self._rest[self._per_message :]
        return taken


def frame_of(samples: np.ndarray[tuple[int], np.dtype[np.int16]], start_us: int) -> Frame:
    """The frame that carries these samples."""
    return Frame(
        stream=Stream.ECG,
        samples=samples,
        rate_hz=RATE_HZ,
        scale=SCALE_MV,
        place=Place.CHEST,
        start_us=start_us,
    )


def digest(frame: Frame) -> str:
    """Digest of a message with this one frame."""
    wire = frame.to_wire(0)
    content = Content(
        wire.stream,
        wire.dt_us,
        wire.interval_ns,
        wire.channels,
        wire.format,
        wire.place,
        wire.scale,
        wire.offset,
        wire.data,
    )
    return digest_of([content])


async def publish_all(task: Task) -> int:
    """Send everything; gives the exit status."""
    ledger = Path(task.ledger).open("ab", buffering=0)  # noqa: SIM115 - one write is one line
    devices: list[Device] = []
    try:
        async with asyncio.TaskGroup() as group:
            start: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            stored = asyncio.Event()
            sent = [asyncio.Event() for _ in task.secrets]
            native = native_devices(task.native) if task.native else {}
            for index, name in enumerate(task.secrets):
                speaker: _Speaker | NativeSpeaker = _Speaker(task, index, name, ledger)
                if name in native:
                    speaker = NativeSpeaker(
                        made=native[name], secret=task.secrets[name],
                        host=task.host, port=task.port, journals=task.journals,
                        resend_after_s=task.resend_after_s,
                        seconds=int(task.messages * task.interval_s), ledger=ledger,
                    )  # fmt: skip
                group.create_task(speaker.run(devices, start, sent[index], stored))
            while not (len(devices) == len(sent) and all(d.is_connected for d in devices)):
                await asyncio.sleep(0.05)
            os.write(1, b"connected\n")
            start.set_result((int(time.time()) + 2) * SECOND_US)
            for each in sent:
                await each.wait()
            os.write(1, b"sent\n")
            deadline = time.monotonic() + task.drain_within_s
            while (left := sum(d.unstored for d in devices)) and time.monotonic() < deadline:
                log.info("draining", unstored=left, connected=sum(d.is_connected for d in devices))
                await asyncio.sleep(1.0)
            stored.set()
    finally:
        ledger.close()
    if left:
        log.warning("unstored", messages=left)
    return NOT_STORED if left else 0


@dataclass(frozen=True)
class _Speaker:
    """One device: publishes its messages in time and writes what it hears."""

    task: Task
    index: int
    name: str
    ledger: BinaryIO

    async def run(
        self,
        devices: list[Device],
        start: asyncio.Future[int],
        sent: asyncio.Event,
        stored: asyncio.Event,
    ) -> None:
        """Connect, wait for the start, publish, and stay until all is stored."""
        task = self.task
        source = EcgSource(self.name, task.interval_s)
        step_us = round(task.interval_s * SECOND_US)
        phase_us = self.index * step_us // len(task.secrets)
        async with Device(
            self.name,
            host=task.host,
            port=task.port,
            secret=task.secrets[self.name],
            journal=Path(task.journals) / self.name,
            simulated=True,
            resend_after_s=task.resend_after_s,
            durability=Durability.PROCESS,
            on_happened=self._heard,
        ) as device:
            devices.append(device)
            began_us = await asyncio.shield(start)
            for number in range(task.messages):
                start_us = began_us + number * step_us
                wait_s = (start_us + step_us + phase_us) / SECOND_US - time.time()
                await asyncio.sleep(max(0.0, wait_s))
                if task.until and number >= task.least and Path(task.until).exists():
                    break
                frame = frame_of(source.next(), start_us)
                key = await device.publish([frame])
                line = f"S {self.name} {key.boot} {key.n} {digest(frame)}\n"
                self.ledger.write(line.encode())
            sent.set()
            await stored.wait()

    def _heard(self, happened: Happened) -> None:
        match happened:
            case Stored(keys):
                lines = "".join(f"T {self.name} {key.boot} {key.n}\n" for key in keys)
                self.ledger.write(lines.encode())
            case Refused(key, reason):
                self.ledger.write(f"R {self.name} {key.boot} {key.n} {reason}\n".encode())
            case SetAside(key, reason):
                log.warning("set_aside", device=self.name, n=key.n, reason=reason)
            case Disconnected(reason):
                log.info("disconnected", device=self.name, reason=reason)
            case _:
                pass


def main() -> int:
    """Run what standard input says."""
    return asyncio.run(publish_all(Task(**json.load(sys.stdin))))


if __name__ == "__main__":
    sys.exit(main())
