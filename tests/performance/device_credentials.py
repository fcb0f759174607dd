"""How long a change of device credentials holds up mosquitto: password file, ACL patterns, SIGHUP.

    python -m tests.performance.device_credentials --credentials 100 1000 10000 --connected 50 500

A probe sends a message through the broker to a device every two milliseconds. While it runs, one
device is added and one is revoked, several times; told are the longest wait of the probe around
the step, and the CPU time of mosquitto's only thread in it, which other work on the machine does
not change. Figures and decision: docs/decisions/0003-device-credentials-in-mosquitto.md.
"""

import argparse
import asyncio
import secrets
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from deploy.local.servers import mosquitto
from deploy.local.servers.command import write_private
from tests.harness.mosquitto import Mosquitto

PROBE_EVERY_S = 0.002
STEP_S = 0.6  # what is measured around a step
PROBE = "probe-1"
GATEWAY = "vw_gateway"


def _string(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _packet(kind: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, digit = divmod(rest, 128) if rest >= 128 else (0, rest)
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([kind]) + length + body


class Client(asyncio.Protocol):
    """As little MQTT 3.1.1 as a probe needs: connect, subscribe, publish at QoS 0."""

    def __init__(self, user: str, secret: str) -> None:
        self._user, self._secret = user, secret
        self._buffer = b""
        self.connected = asyncio.Event()
        self.lost_at: float | None = None
        self.payloads: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        head = _string("MQTT") + bytes([4, 0b1100_0010]) + (600).to_bytes(2, "big")
        body = head + _string(f"c-{self._user}") + _string(self._user) + _string(self._secret)
        transport.write(_packet(0x10, body))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.lost_at = time.perf_counter()

    @override
    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._buffer += data
        while len(self._buffer) >= 2:
            length, at, shift = 0, 1, 0
            while True:
                if at >= len(self._buffer):
                    return
                digit = self._buffer[at]
                length |= (digit & 0x7F) << shift
                at, shift = at + 1, shift + 7
                if digit < 0x80:
                    break
            if len(self._buffer) < at + length:
                return
            kind, body = self._buffer[0] & 0xF0, self._buffer[at : at + length]
            self._buffer = self._buffer[at + length :]
            if kind == 0x20:
                assert body[1] == 0, f"{self._user} was refused: {body[1]}"
                self.connected.set()
            elif kind == 0x30:
                topic = int.from_bytes(body[:2], "big")
                self.payloads.put_nowait((now, body[2 + topic :]))

    def subscribe(self, topic: str) -> None:
        self.transport.write(_packet(0x82, b"\x00\x01" + _string(topic) + b"\x00"))

    def publish(self, topic: str, payload: bytes) -> None:
        self.transport.write(_packet(0x30, _string(topic) + payload))


async def connect(port: int, user: str, secret: str) -> Client:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(user, secret), "127.0.0.1", port)
    async with asyncio.timeout(60):
        await client.connected.wait()
    return client


def topic_of(device: str) -> str:
    return f"vw1/00/{device}"


@dataclass(slots=True)
class Figures:
    """One scheme at one number of credentials."""

    probe_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    cut_ms: list[float] = field(default_factory=list)


class PasswordFile:
    """`$6$` lines, `%u` patterns, SIGHUP: what the gateway does."""

    def __init__(self, secret_of: dict[str, str]) -> None:
        self._hashes = {name: mosquitto.password_hash(secret) for name, secret in secret_of.items()}
        self.server = Mosquitto({})
        self._write()

    def _write(self) -> None:
        text = "".join(f"{name}:{hashed}\n" for name, hashed in self._hashes.items())
        write_private(self.server.files.passwords, text)

    def add(self, device: str, secret: str) -> None:
        self._hashes[device] = mosquitto.password_hash(secret)
        self._write()
        self.server.reload()

    def revoke(self, device: str) -> None:
        del self._hashes[device]
        self._write()
        self.server.reload()


class Probe:
    """Sends as the gateway to a device through the broker, and keeps the time of each message."""

    def __init__(self, sender: Client, listener: Client, topic: str) -> None:
        self._sender, self._listener, self._topic = sender, listener, topic
        self.waits_s: list[tuple[float, float]] = []

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._sender.publish(self._topic, str(time.perf_counter()).encode())
            await asyncio.sleep(PROBE_EVERY_S)
            while not self._listener.payloads.empty():
                arrived, sent = self._listener.payloads.get_nowait()
                self.waits_s.append((float(sent), arrived - float(sent)))

    def longest_ms(self, since: float) -> float:
        return max(wait for sent, wait in self.waits_s if sent >= since) * 1e3


async def measure(
    scheme: PasswordFile, devices: list[str], secret_of: dict[str, str],
    connected: int, repeats: int,
) -> tuple[Figures, float]:  # fmt: skip
    """The figures of one scheme, and the longest wait of an idle broker."""
    server = scheme.server.start()
    figures = Figures()
    try:
        crowd = [await connect(server.port, name, secret_of[name]) for name in devices[:connected]]
        sender = await connect(server.port, GATEWAY, secret_of[GATEWAY])
        listener = await connect(server.port, PROBE, secret_of[PROBE])
        topic = f"{topic_of(PROBE)}/down/probe"
        listener.subscribe(topic)
        probe = Probe(sender, listener, topic)
        async with asyncio.TaskGroup() as group:
            probing = group.create_task(probe.run())
            await asyncio.sleep(STEP_S)
            since = time.perf_counter()
            await asyncio.sleep(STEP_S * repeats)
            idle_ms = probe.longest_ms(since)
            before = _cpu_ms(server.pid)
            await asyncio.sleep(STEP_S)
            idle_cpu_ms = _cpu_ms(server.pid) - before
            for number in range(repeats):
                for step in ("add", "revoke"):
                    victim = crowd[number]
                    since, before = time.perf_counter(), _cpu_ms(server.pid)
                    if step == "add":
                        scheme.add(f"late-{number}", secrets.token_urlsafe(32))
                    else:
                        scheme.revoke(devices[number])
                    await asyncio.sleep(STEP_S)
                    figures.probe_ms.append(probe.longest_ms(since))
                    figures.cpu_ms.append(_cpu_ms(server.pid) - before - idle_cpu_ms)
                    if step == "revoke":
                        assert victim.lost_at is not None, "a revoked device stays connected"
                        figures.cut_ms.append((victim.lost_at - since) * 1e3)
            probing.cancel()
        assert sum(client.lost_at is None for client in crowd) == connected - repeats
    finally:
        server.discard()
    return figures, idle_ms


def _cpu_ms(pid: int) -> float:
    """CPU time of a process with one thread so far, to the nanosecond (unlike its ticks)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credentials", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--connected", type=int, nargs="+", default=[50, 500, 2_000])
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    print(f"{'credentials':>11}{'connected':>10}{'probe idle: worst':>19}"
          f"{'step: median':>14}{'worst':>8}{'CPU':>8}{'cut off':>9}   (ms)")  # fmt: skip
    for number in given.credentials:
        devices = [f"device-{n:06d}" for n in range(number)]
        secret_of = {name: secrets.token_urlsafe(32) for name in [PROBE, GATEWAY, *devices]}
        for connected in given.connected:
            if connected > number:
                continue
            figures, idle_ms = await measure(
                PasswordFile(secret_of), devices, secret_of, connected, given.repeats
            )
            print(
                f"{number:>11}{connected:>10}{idle_ms:>19.1f}"
                f"{statistics.median(figures.probe_ms):>14.1f}{max(figures.probe_ms):>8.1f}"
                f"{statistics.median(figures.cpu_ms):>8.1f}{max(figures.cut_ms):>9.1f}",
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(main())
