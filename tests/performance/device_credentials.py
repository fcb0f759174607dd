"""How long a change of device credentials holds up mosquitto: password file against dynamic security.

    python -m tests.performance.device_credentials [--credentials 100 1000 10000] [--connected 500]

A probe sends a message through the broker to a device every two milliseconds. While it runs, one
device is added and one is revoked, several times; told are the longest wait of the probe around
the step, and the CPU time of mosquitto's only thread in it, which other work on the machine does
not change. Figures and decision: docs/decisions/0003-device-credentials-in-mosquitto.md.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import secrets
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deploy.local.servers import mosquitto
from deploy.local.servers.command import write_private
from tests.harness.mosquitto import Mosquitto

DYNAMIC_SECURITY = Path("/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so")
PROBE_EVERY_S = 0.002
STEP_S = 0.6  # what is measured around a step
ADMINISTRATOR = "administrator"
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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        head = _string("MQTT") + bytes([4, 0b1100_0010]) + (600).to_bytes(2, "big")
        body = head + _string(f"c-{self._user}") + _string(self._user) + _string(self._secret)
        transport.write(_packet(0x10, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost_at = time.perf_counter()

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

    name = "password file"

    def __init__(self, secret_of: dict[str, str]) -> None:
        self._hashes = {name: mosquitto.password_hash(secret) for name, secret in secret_of.items()}
        self.server = Mosquitto({})
        self._write()

    def _write(self) -> None:
        text = "".join(f"{name}:{hashed}\n" for name, hashed in self._hashes.items())
        write_private(self.server.files.passwords, text)

    async def begin(self) -> None:
        """Nothing to prepare."""

    async def add(self, device: str, secret: str) -> None:
        self._hashes[device] = mosquitto.password_hash(secret)
        self._write()
        self.server.reload()

    async def revoke(self, device: str) -> None:
        del self._hashes[device]
        self._write()
        self.server.reload()


class DynamicSecurity:
    """The plugin of mosquitto: commands on a topic; it keeps its own file."""

    name = "dynamic security"

    def __init__(self, secret_of: dict[str, str]) -> None:
        self._secret_of = secret_of
        self.server = Mosquitto(
            {},
            settings=[
                "acl_file",
                "password_file",
                f"plugin {DYNAMIC_SECURITY}",
            ],
        )
        store = self.server.folder / "dynamic-security.json"
        write_private(store, json.dumps(self._document()))
        with self.server.files.config.open("a") as config:
            config.write(f"plugin_opt_config_file {store}\n")

    def _document(self) -> dict[str, object]:
        kinds = ("publishClientSend", "publishClientReceive", "subscribePattern")
        administrator = [
            {"acltype": kind, "topic": "#", "priority": 0, "allow": True} for kind in kinds
        ]
        roles: list[dict[str, object]] = [
            {"rolename": ADMINISTRATOR, "acls": [
                *administrator,
                *({"acltype": kind, "topic": "$CONTROL/#", "priority": 0, "allow": True}
                  for kind in kinds),
            ]}
        ]  # fmt: skip
        clients = [self._client(ADMINISTRATOR, "a", ADMINISTRATOR)]
        for name, secret in self._secret_of.items():
            acls = _gateway_acls() if name == GATEWAY else _own_acls(name)
            roles.append({"rolename": name, "acls": acls})
            clients.append(self._client(name, secret, name))
        access = {kind: False for kind in (*kinds, "unsubscribe")}
        return {"defaultACLAccess": access, "clients": clients, "groups": [], "roles": roles}

    def _client(self, name: str, secret: str, role: str) -> dict[str, object]:
        salt = os.urandom(12)
        hashed = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, 101)
        return {
            "username": name,
            "password": base64.b64encode(hashed).decode(),
            "salt": base64.b64encode(salt).decode(),
            "iterations": 101,
            "roles": [{"rolename": role, "priority": 0}],
        }

    async def begin(self) -> None:
        self._control = await connect(self.server.port, ADMINISTRATOR, "a")
        self._control.subscribe("$CONTROL/dynamic-security/v1/response")
        await asyncio.sleep(0.2)

    async def _command(self, *commands: dict[str, object]) -> None:
        text = json.dumps({"commands": commands}).encode()
        self._control.publish("$CONTROL/dynamic-security/v1", text)
        async with asyncio.timeout(10):
            _, answer = await self._control.payloads.get()
        assert b'"error"' not in answer, answer[:300]

    async def add(self, device: str, secret: str) -> None:
        await self._command(
            {"command": "createRole", "rolename": device, "acls": _own_acls(device)},
            {"command": "createClient", "username": device, "password": secret,
             "roles": [{"rolename": device}]},
        )  # fmt: skip

    async def revoke(self, device: str) -> None:
        await self._command({"command": "disableClient", "username": device})


def _own_acls(device: str) -> list[dict[str, object]]:
    return [
        {"acltype": kind, "topic": f"{topic_of(device)}/#", "priority": 0, "allow": True}
        for kind in ("publishClientSend", "publishClientReceive", "subscribePattern")
    ]


def _gateway_acls() -> list[dict[str, object]]:
    topic = "vw1/+/+/down/#"
    return [{"acltype": "publishClientSend", "topic": topic, "priority": 0, "allow": True}]


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
    scheme: PasswordFile | DynamicSecurity, devices: list[str], secret_of: dict[str, str],
    connected: int, repeats: int,
) -> tuple[Figures, float]:  # fmt: skip
    """The figures of one scheme, and the longest wait of an idle broker."""
    server = scheme.server.start()
    figures = Figures()
    try:
        await scheme.begin()
        crowd = [await connect(server.port, name, secret_of[name]) for name in devices[:connected]]
        sender = await connect(server.port, GATEWAY, secret_of[GATEWAY])
        listener = await connect(server.port, PROBE, secret_of[PROBE])
        topic = f"{topic_of(PROBE)}/down/probe"
        listener.subscribe(topic)
        probe = Probe(sender, listener, topic)
        process = psutil.Process(server.pid)
        async with asyncio.TaskGroup() as group:
            probing = group.create_task(probe.run())
            await asyncio.sleep(STEP_S)
            since = time.perf_counter()
            await asyncio.sleep(STEP_S * repeats)
            idle_ms = probe.longest_ms(since)
            idle_cpu = _cpu_of(process, await _during(STEP_S, process))
            for number in range(repeats):
                for step in ("add", "revoke"):
                    victim = crowd[number]
                    since, before = time.perf_counter(), process.cpu_times()
                    if step == "add":
                        await scheme.add(f"late-{number}", secrets.token_urlsafe(32))
                    else:
                        await scheme.revoke(devices[number])
                    await asyncio.sleep(STEP_S)
                    figures.probe_ms.append(probe.longest_ms(since))
                    figures.cpu_ms.append(max(0.0, _cpu_of(process, before) - idle_cpu))
                    if step == "revoke":
                        assert victim.lost_at is not None, "a revoked device stays connected"
                        figures.cut_ms.append((victim.lost_at - since) * 1e3)
            probing.cancel()
        assert sum(client.lost_at is None for client in crowd) == connected - repeats
    finally:
        server.discard()
    return figures, idle_ms


async def _during(seconds: float, process: psutil.Process) -> object:
    before = process.cpu_times()
    await asyncio.sleep(seconds)
    return before


def _cpu_of(process: psutil.Process, before: object) -> float:
    now = process.cpu_times()
    used = now.user + now.system - before.user - before.system  # type: ignore[attr-defined]
    return float(used) * 1e3


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credentials", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--connected", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    print(f"{'scheme':<18}{'devices':>8}{'connected':>10}{'idle ms':>9}"
          f"{'step ms: median':>17}{'worst':>8}{'CPU ms':>8}{'cut off ms':>12}")  # fmt: skip
    for number in given.credentials:
        devices = [f"device-{n:06d}" for n in range(number)]
        secret_of = {name: secrets.token_urlsafe(32) for name in [PROBE, GATEWAY, *devices]}
        connected = min(given.connected, number // 2)
        for make in (PasswordFile, DynamicSecurity):
            scheme = make(secret_of)
            figures, idle_ms = await measure(
                scheme, devices, secret_of, connected, given.repeats
            )
            print(
                f"{scheme.name:<18}{number:>8}{connected:>10}{idle_ms:>9.1f}"
                f"{statistics.median(figures.probe_ms):>17.1f}{max(figures.probe_ms):>8.1f}"
                f"{statistics.median(figures.cpu_ms):>8.0f}{max(figures.cut_ms):>12.1f}",
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(main())
