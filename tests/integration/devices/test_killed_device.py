"""A device whose process is killed at any moment: nothing is lost that ``publish`` returned for."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devices.sdk.journal import Journal
from devices.sdk.unsent import Key

SEED = 20_261_121
KILLS = 8
MANY = 25

CHILD = """
import asyncio, os, sys
from devices.sdk import Device, Frame, Stream

async def main():
    # A port that nobody listens on: all stays in the journal.
    async with Device(
        "killed-device", host="127.0.0.1", port=1, secret="", journal=sys.argv[1]
    ) as device:
        while True:
            frame = Frame(stream=Stream.ECG, samples=[1, 2, 3, device.boot % 7], rate_hz=250)
            key = await device.publish([frame])
            # Straight to the kernel, so that the parent knows what returned whenever we die.
            os.write(1, f"{key.boot} {key.n}\\n".encode())

asyncio.run(main())
"""


@pytest.mark.slow
async def test_nothing_is_lost_that_publish_returned_for(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    promised: list[Key] = []
    for kill in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert child.stdout is not None
        # Now after a message, now after many: how many come in a moment says how busy all is.
        n_lines = 1 if kill % 2 else MANY
        lines = [await asyncio.to_thread(child.stdout.readline) for _ in range(n_lines)]
        assert all(lines), "the device published nothing"
        await asyncio.sleep(chance.uniform(0.0, 0.25))
        os.kill(child.pid, signal.SIGKILL)
        rest = await asyncio.to_thread(child.stdout.read)
        child.wait()
        child.stdout.close()
        told = b"".join([*lines, rest]).decode().splitlines()
        promised += [Key(*map(int, line.split())) for line in told]
        with Journal(tmp_path) as journal:
            kept = set(journal)
            assert set(promised) <= kept
            # At most the message in hand when the process died was kept without a return.
            assert len(kept) <= len(promised) + KILLS
            assert all(journal.read(key).key == key for key in promised[-50:])
    assert len(promised) > 10 * KILLS
    assert len({key.boot for key in promised}) == KILLS
