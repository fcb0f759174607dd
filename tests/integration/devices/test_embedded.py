"""The C sender: compiled with warnings as errors, and run against a real broker and a rude one."""

import asyncio
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from shared.contracts.identity import DeviceId
from shared.contracts.names import DownKind
from shared.contracts.quality import MessageFlag
from tests.harness.eventually import eventually
from tests.harness.mosquitto import Mosquitto
from tests.integration.devices.embedded import EMBEDDED, compile_c, library, running
from tests.integration.devices.listener import listener

DEVICE = DeviceId("c-sender-1")


def ranges_of(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """As the gateway tells them: inclusive, ascending, not adjacent."""
    ranges: list[tuple[int, int]] = []
    for n in sorted(numbers):
        if ranges and ranges[-1][1] == n - 1:
            ranges[-1] = (ranges[-1][0], n)
        else:
            ranges.append((n, n))
    return ranges


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedded")
    # A minute is too long to wait for the messages that the broker took before anybody listened.
    sources = [*library(), EMBEDDED / "example" / "main.c"]
    return compile_c(sources, folder / "sender", "VW_RESEND_AFTER_MS=1500u")


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("s\n")
    return path


@pytest.fixture
def closed_broker() -> Iterator[Mosquitto]:
    broker = Mosquitto({DEVICE: "s", "vw_gateway": "g"})
    try:
        yield broker.start()
    finally:
        broker.discard()


def test_its_parts_hold(tmp_path: Path) -> None:
    program = compile_c([*library(), EMBEDDED / "check.c"], tmp_path / "check")
    done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=180)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_small_compiler_takes_it_without_sanitizers(tmp_path: Path) -> None:
    """As on a microcontroller: smallest size, a smaller input, other bounds."""
    sources = [*library(), EMBEDDED / "example" / "main.c"]
    bounds = ("VW_INPUT_BYTES=256", "VW_IN_FLIGHT=2", "VW_COMMANDS=2")
    compile_c(sources, tmp_path / "small", *bounds, sanitized=False)


async def test_what_it_sends_is_stored_once_though_the_broker_is_killed(
    sender: Path, closed_broker: Mosquitto, secret_file: Path
) -> None:
    broker, n_messages = closed_broker, 120
    began_us = time.time_ns() // 1_000
    stored: dict[int, bytes] = {}
    async with running(sender, broker.port, DEVICE, secret_file, n_messages, 10) as device:
        async with listener(broker, DEVICE, "vw_gateway", "g") as server:
            await eventually(lambda: len({one.n for one in server.messages}) >= 20, within_s=20)
            first = server.messages[:]
            # Of what came, a part is stored and told; the rest dies with the broker.
            for message in first[:10]:
                stored[message.n] = message.frames[0].data
            untold = {message.n for message in first} - stored.keys()  # some may be there twice
            await server.store(device.boot, *ranges_of(stored))
        broker.kill()
        await broker.restart()
        async with listener(broker, DEVICE, "vw_gateway", "g") as server:
            repeats: Counter[int] = Counter()
            while len(stored) < n_messages:
                await eventually(lambda: bool(server.messages), within_s=20)
                for message in server.messages:
                    assert message.boot == device.boot
                    data = message.frames[0].data
                    assert stored.setdefault(message.n, data) == data, "the same n, the same bytes"
                    repeats[message.n] += 1
                server.messages.clear()
                await server.store(device.boot, *ranges_of(stored))
            assert await device.until_ended(within_s=90) == 0, device.said
            await eventually(lambda: not server.statuses[-1]["online"])
    assert sorted(stored) == list(range(n_messages))
    assert untold <= repeats.keys(), "not stored: it came again"
    for n, data in stored.items():
        counts = np.frombuffer(data, "<i2")
        assert (len(counts), counts[0], counts.max()) == (250, n, 200)
    assert device.said[-1].startswith(f"stored {n_messages} refused 0 resent ")
    assert first[0].flags == MessageFlag.SIMULATED
    (frame,) = first[0].frames
    assert (frame.stream, frame.place, frame.interval_ns, frame.dt_us) == (
        1,
        1,
        4_000_000,
        -996_000,
    )
    assert began_us <= first[0].t_us <= time.time_ns() // 1_000


async def test_it_obeys_once_and_never_late(
    sender: Path, mosquitto: Mosquitto, secret_file: Path
) -> None:
    async with (
        listener(mosquitto, DEVICE) as server,
        running(sender, mosquitto.port, DEVICE, secret_file, 10**6, 200) as device,
    ):
        await eventually(lambda: bool(server.messages), within_s=20)
        assert server.statuses[-1]["online"]
        assert server.statuses[-1]["boot"] == device.boot
        assert server.statuses[-1]["firmware"] == "example 1"
        now_us = time.time_ns() // 1_000
        await server.tell(DownKind.TIME, {"t_utc_us": now_us})
        stop = {"command": "c-1", "name": "stop", "args": {"why": "x"}, "expires": now_us + 10**8}
        await server.tell(DownKind.COMMAND, stop)
        await server.tell(DownKind.COMMAND, stop)
        await server.tell(DownKind.COMMAND, {"command": "c-9", "ask": True})
        late = {"command": "c-2", "name": "start", "args": {}, "expires": now_us - 1}
        await server.tell(DownKind.COMMAND, late)
        await server.tell(DownKind.COMMAND, {**stop, "command": "c-3", "name": "dance"})
        expected = {"c-1": "done", "c-9": "unseen", "c-2": "expired", "c-3": "refused"}
        await eventually(
            lambda: {each["command"]: each["outcome"] for each in server.results} == expected
        )
        obeyed = ['command stop {"why":"x"}', 'command dance {"why":"x"}']
        await eventually(  # what it says and what it answers come on different ways
            lambda: [line for line in device.said if line.startswith("command")] == obeyed
        )
        n_sent = len({message.n for message in server.messages})
        await server.tell(DownKind.ERROR, {"boot": device.boot, "n": 0, "reason": "bad_time"})
        await eventually(lambda: "refused 0 bad_time" in device.said)
        assert len({message.n for message in server.messages}) <= n_sent + 1, "it has stopped"


async def test_a_broker_that_denies_it_is_asked_again(sender: Path, secret_file: Path) -> None:
    served: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(10)
        for byte in b"\x20\x03\x00\x87\x00":  # not authorised, in pieces
            writer.write(bytes([byte]))
            await writer.drain()
        served.append(1)
        writer.close()

    broker = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = broker.sockets[0].getsockname()[1]
    async with running(sender, port, DEVICE, secret_file, 10**6, 20) as device:
        await eventually(lambda: len(served) >= 2 and "denied 135" in device.said, within_s=20)
    broker.close()
    await broker.wait_closed()
