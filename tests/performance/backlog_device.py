"""A device of the SDK that was offline for long, in a process of its own.

``python -m tests.performance.backlog_device`` reads a JSON object (port, device, secret, messages,
age_s), fills the journal of the device with so many seconds of its past, prints ``connected``, and
then for each line with ``seconds`` has the network for so long and prints how many were stored.
"""

import asyncio
import json
import sys
import tempfile
import time
from typing import Any

import numpy as np
import uvloop

from devices.sdk import Device, Durability, Frame
from shared.contracts.streams import Stream
from tests.performance.generator import RATE_HZ, SCALE_MV, ecg_seconds

JOURNAL_BYTES = 256 << 20


class Past:
    """The clock of a device whose messages are of the past, and whose own time is right."""

    def __init__(self) -> None:
        self.behind_us = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000 - self.behind_us


async def fill(device: Device, past: Past, task: dict[str, Any]) -> None:
    """Take seconds of an ECG, each a second after the one before."""
    ecg = [np.frombuffer(second, "<i2") for second in ecg_seconds(1)]
    began_us = time.time_ns() // 1_000
    for index in range(task["messages"]):
        due_us = began_us - round(1e6 * (task["age_s"] - index))
        past.behind_us = time.time_ns() // 1_000 - due_us
        samples = ecg[index % len(ecg)]
        await device.publish(
            [Frame(stream=Stream.ECG, samples=samples, rate_hz=RATE_HZ, scale=SCALE_MV)]
        )
    past.behind_us = 0


async def upload(device: Device, seconds: float) -> dict[str, Any]:
    """Have the network for so long, or until all is stored."""
    unstored, began_s = device.unstored, time.monotonic()
    device.resume()
    try:
        async with asyncio.timeout(seconds):
            await device.until_stored()
    except TimeoutError:
        pass
    device.interrupt()
    return {"stored": unstored - device.unstored, "took_s": time.monotonic() - began_s}


async def run() -> None:
    """Fill, then do what each line says."""
    loop = asyncio.get_running_loop()
    task = json.loads(sys.stdin.readline())
    past = Past()
    with tempfile.TemporaryDirectory(prefix="vw-backlog-") as folder:
        async with Device(
            task["device"],
            host="127.0.0.1",
            port=task["port"],
            secret=task["secret"],
            journal=folder,
            journal_bytes=JOURNAL_BYTES,
            durability=Durability.PROCESS,
            clock=past,
        ) as device:
            device.interrupt()
            await fill(device, past, task)
            print("connected", flush=True)
            while line := await loop.run_in_executor(None, sys.stdin.readline):
                done = await upload(device, json.loads(line)["seconds"])
                print(json.dumps(done), flush=True)


if __name__ == "__main__":
    uvloop.run(run())
