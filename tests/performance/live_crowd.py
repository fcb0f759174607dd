"""Many live sockets in one process, cheap enough to be beside what they measure.

``python -m tests.performance.live_crowd`` reads a JSON object (url, token, patients, niceness),
prints ``connected``, then answers each line: ``{"do": "open", "n": ..., "then": "looks"}`` opens
sockets and subscribes them, ``{"do": "seen"}`` tells what came since the last time,
``{"do": "close"}`` aborts those that were opened last. Once it is subscribed a socket ``looks`` at
each message, ``drains`` what comes without a look, or ``stops`` reading. How late a message is: the
first sample of its first block is as old as the device's message.

Who drains costs this machine as little as a reader on another machine would: bytes are counted and
forgotten, at the lower priority of ``niceness``. It answers no ping, so it is cut off after 40 s.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections import Counter
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop
from typing_extensions import override

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_AT_ONCE = 20
_SHORT, _MEDIUM = 126, 65_536
LOOKS, DRAINS, STOPS = "looks", "drains", "stops"


def framed(opcode: int, payload: bytes) -> bytes:
    """A masked frame of a client; the mask is zero, which leaves the payload as it is."""
    if len(payload) < _SHORT:
        head = bytes((0x80 | opcode, 0x80 | len(payload)))
    else:
        assert len(payload) < _MEDIUM
        head = bytes((0x80 | opcode, 0x80 | 126)) + len(payload).to_bytes(2, "big")
    return head + bytes(4) + payload


class Seen:
    """What all sockets of this process saw."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self.counts: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.drained = 0

    def told(self) -> dict[str, Any]:
        """Since the last time."""
        late, self.late_ms = sorted(self.late_ms), []
        counts, self.counts = self.counts, Counter()
        drained, self.drained = self.drained, 0
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            **{name: counts[name] for name in ("messages", "bytes", "blocks", "vitals", "gaps")},
            "drained": drained,
            "closed": dict(self.closed),
            "cpu_s": used.ru_utime + used.ru_stime,
            **{
                f"p{share}_ms": late[min(len(late) * share // 100, len(late) - 1)]
                for share in (50, 95, 99)
                if late
            },
        }


class Drain(asyncio.BufferedProtocol):
    """A live socket that nobody looks at."""

    _room = memoryview(bytearray(256 << 10))  # one for all: what comes is not kept

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        return self._room

    @override
    def buffer_updated(self, nbytes: int) -> None:
        self._seen.drained += nbytes

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.closed["lost"] += 1


class Socket(asyncio.Protocol):
    """One live socket."""

    def __init__(self, seen: Seen, hello: list[bytes], host: str, *, then: str) -> None:
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None
        self._seen = seen
        self._hello = hello
        self._host = host
        self._then = then
        self._rest = b""
        self._open = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(
            f"GET /v1/live HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {_KEY}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.closed["lost"] += 1
        if not self.subscribed.done():
            self.subscribed.set_exception(ConnectionError("closed before it was subscribed"))

    @override
    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        at = 0
        if not self._open:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return
            at, self._open = end + 4, True
            assert self.transport is not None
            for message in self._hello:
                self.transport.write(framed(_TEXT, message))
        while len(data) - at >= 2:
            length, head = data[at + 1] & 0x7F, 2
            if length == 126:
                length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif length == 127:
                length, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if len(data) - at < head + length:
                break
            self._take(data[at] & 0x0F, data, at + head, length)
            at += head + length
        self._rest = data[at:]

    def _take(self, opcode: int, data: bytes, at: int, length: int) -> None:
        counts = self._seen.counts
        counts["messages"] += 1
        counts["bytes"] += length
        if opcode == _BINARY:
            if data[at] == 2:
                counts["blocks"] += int.from_bytes(data[at + 1 : at + 3], "little")
                at += 8
            else:
                counts["blocks"] += 1
            size = int.from_bytes(data[at + 1 : at + 3], "little")
            t0_us = json.loads(data[at + 3 : at + 3 + size])["t0"]
            self._seen.late_ms.append((time.time_ns() // 1_000 - t0_us) / 1_000)
        elif opcode == _TEXT:
            head = data[at : at + 40]
            if b'"vitals"' in head:
                counts["vitals"] += 1
            elif b'"gap"' in head:
                counts["gaps"] += 1
            elif b'"subscribed"' in head and not self.subscribed.done():
                self.subscribed.set_result(None)
                assert self.transport is not None
                if self._then != LOOKS:
                    self.transport.pause_reading()
                if self._then == DRAINS:
                    self.transport.set_protocol(Drain(self._seen))
                    self.transport.resume_reading()
        elif opcode == _PING:
            assert self.transport is not None
            self.transport.write(framed(_PONG, data[at : at + length]))
        elif opcode == _CLOSE:
            self._seen.closed[str(int.from_bytes(data[at : at + 2], "big"))] += 1


async def opened(task: dict[str, Any], seen: Seen, n: int, *, then: str) -> list[Socket]:
    """So many sockets that have subscribed."""
    address = urlsplit(task["url"])
    what = ["vitals", "waveforms", "events", "alarms"]
    ask = {"op": "subscribe", "id": "w", "patients": task["patients"], "what": what}
    hello = [
        json.dumps({"op": "auth", "token": task["token"]}).encode(),
        json.dumps(ask).encode(),
    ]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one() -> Socket:
        async with gate:
            _, protocol = await asyncio.get_running_loop().create_connection(
                lambda: Socket(seen, hello, address.netloc, then=then),
                address.hostname,
                address.port,
            )
            await protocol.subscribed
            return protocol

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one()) for _ in range(n)]
    return [made.result() for made in tasks]


async def run() -> None:
    """Do what each line says."""
    loop = asyncio.get_running_loop()
    task = json.loads(sys.stdin.readline())
    os.nice(task["niceness"])
    seen, groups = Seen(), list[list[Socket]]()
    print("connected", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        answer: dict[str, Any] = {"pid": os.getpid()}
        match order["do"]:
            case "open":
                groups.append(await opened(task, seen, order["n"], then=order["then"]))
            case "close":
                for socket in groups.pop():
                    assert socket.transport is not None
                    socket.transport.abort()
            case _:
                answer = seen.told()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(run())
