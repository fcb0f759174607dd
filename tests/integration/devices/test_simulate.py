"""``vitalwire simulate`` as a process against a real broker with credentials."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiomqtt
import numpy as np
import pytest

from devices.simulators.roster import demo_ward
from shared.codecs.packed import codec as packed
from shared.contracts.decoding import Decoded
from shared.contracts.names import parse_up_topic
from shared.contracts.quality import MessageFlag
from tests.harness.mosquitto import Mosquitto

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("replayed", [False, True])
async def test_every_device_speaks_once_a_second_and_stops_in_good_order(
    tmp_path: Path, replayed: bool
) -> None:
    recordings = tmp_path / "set"
    recordings.mkdir()
    np.savez(
        recordings / "one.npz",
        deltas=np.ones((1, 1250), np.int16), scale=np.array([1e-3]), fs=125.0,
        channels=["ECG"], units=["mV"],
    )  # fmt: skip
    devices = ["rec-set-one"] if replayed else [bed.device for bed in demo_ward(seed=1)]
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    secrets = {device: f"secret-of-{device}" for device in devices}
    for device, secret in secrets.items():
        (credentials / device).write_text(secret)
        (credentials / device).chmod(0o600)
    broker = Mosquitto({**secrets, "vw_gateway": "g"}).start()
    environment = {name: v for name, v in os.environ.items() if not name.startswith("VITALWIRE_")}
    environment |= {
        "VITALWIRE_MQTT_PORT": str(broker.port),
        "VITALWIRE_SIMULATE_CREDENTIALS": str(credentials),
        "VITALWIRE_SIMULATE_JOURNALS": str(tmp_path / "journals"),
        "VITALWIRE_SIMULATE_REPLAY_FILE": str(tmp_path / "replay.json"),
    }
    if replayed:
        environment["VITALWIRE_SIMULATE_RECORDINGS"] = str(recordings)
    try:
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, username="vw_gateway", password="g"
        ) as client:
            await client.subscribe("vw1/+/+/up/#", qos=1)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "devices.simulators", env=environment, cwd=ROOT,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            seen: dict[str, list[Decoded]] = {device: [] for device in devices}
            async with asyncio.timeout(90):
                async for message in client.messages:
                    topic = parse_up_topic(message.topic.value)
                    assert topic is not None
                    if topic.codec:
                        decoded = packed.decode(message.payload)
                        assert isinstance(decoded, Decoded)
                        seen[topic.device].append(decoded)
                    if all(len(each) >= 3 for each in seen.values()):
                        break
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                _, told = await process.communicate()
            assert process.returncode == 0, told.decode()[-2000:]
    finally:
        broker.discard()
    for messages in seen.values():
        assert [message.n for message in messages[:3]] == [0, 1, 2]
        assert all(message.flags & MessageFlag.SIMULATED for message in messages)
        starts = [message.t_us + message.frames[0].dt_us for message in messages]
        assert set(np.diff(starts[:3])) == {1_000_000}
    if replayed:
        told_start = json.loads((tmp_path / "replay.json").read_text())["started_us"]
        first = seen["rec-set-one"][0]
        assert first.t_us + first.frames[0].dt_us == told_start
        assert np.frombuffer(first.frames[0].data, "<i2").tolist() == list(range(1, 126))
    assert not any(secret in told.decode() for secret in secrets.values())
