"""A page that watches patients live, in a process of its own: how late each sample reaches it.

``python -m tests.performance.watching`` reads a JSON object from standard input (url, username,
password, patients, what), subscribes, prints ``subscribed``, and then for each line prints how many
blocks of samples and values came since the last one, and how late they were. A block's first
sample is as old as its message: the generator gives it the time of its sending.
"""

import asyncio
import json
import resource
import sys
import time
from typing import Any

import httpx
import uvloop
from websockets.asyncio.client import ClientConnection, connect


class Watcher:
    """Counts what the socket brings."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self.values = 0

    def take(self, message: str | bytes) -> None:
        """One message of the socket."""
        now_us = time.time_ns() // 1_000
        if isinstance(message, bytes):
            self._take_blocks(memoryview(message), now_us)
        else:
            told = json.loads(message)
            if told.get("kind") == "vitals":
                self.values += len(told["items"])

    def told(self) -> dict[str, Any]:
        """What came since the last time."""
        late_ms, self.late_ms = sorted(self.late_ms), []
        values, self.values = self.values, 0
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "blocks": len(late_ms),
            "values": values,
            "cpu_s": used.ru_utime + used.ru_stime,
            **{
                f"p{share}_ms": late_ms[min(len(late_ms) * share // 100, len(late_ms) - 1)]
                for share in (50, 95, 99)
                if late_ms
            },
        }

    def _take_blocks(self, message: memoryview, now_us: int) -> None:
        if message[0] == 1:
            length = int.from_bytes(message[1:3], "little")
            header = json.loads(bytes(message[3 : 3 + length]))
            self.late_ms.append((now_us - header["t0"]) / 1_000)
            return
        count, at = int.from_bytes(message[1:3], "little"), 4
        for _ in range(count):
            length = int.from_bytes(message[at : at + 4], "little")
            self._take_blocks(message[at + 4 : at + 4 + length], now_us)
            at += 4 + length + -length % 4


async def log_in(task: dict[str, Any]) -> tuple[str, float]:
    """A token, and how long it holds, in seconds."""
    async with httpx.AsyncClient(base_url=task["url"], trust_env=False) as http:
        form = {"username": task["username"], "password": task["password"]}
        answer = (await http.post("/v1/token", data=form)).raise_for_status().json()
    return answer["access_token"], float(answer["expires_in"])


async def stay(task: dict[str, Any], socket: ClientConnection, holds_s: float) -> None:
    """Renew the log-in at half of its time."""
    while True:
        await asyncio.sleep(holds_s / 2)
        token, holds_s = await log_in(task)
        await socket.send(json.dumps({"op": "auth", "token": token}))


async def subscribed(task: dict[str, Any]) -> tuple[ClientConnection, float]:
    """A socket that is authenticated and has subscribed, and how long that holds."""
    url = task["url"].replace("http", "ws", 1) + "/v1/live"
    token, holds_s = await log_in(task)  # first: an open socket does not wait long for it
    socket = await connect(url, compression=None, proxy=None, max_size=2**24)
    await socket.send(json.dumps({"op": "auth", "token": token}))
    ask = {"op": "subscribe", "id": "w", "patients": task["patients"], "what": task["what"]}
    await socket.send(json.dumps(ask))
    async with asyncio.timeout(20):
        async for message in socket:
            if isinstance(message, str):
                told = json.loads(message)
                if told["kind"] == "error":
                    raise RuntimeError(message)
                if told["kind"] == "subscribed":
                    return socket, holds_s
    raise RuntimeError("the socket was closed")


async def run() -> None:
    """Watch until the standard input ends."""
    loop = asyncio.get_running_loop()
    task = json.loads(sys.stdin.readline())
    socket, holds_s = await subscribed(task)
    watcher = Watcher()

    async def listen() -> None:
        async for message in socket:
            watcher.take(message)

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen())
        staying = tasks.create_task(stay(task, socket, holds_s))
        print("subscribed", flush=True)
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps({**watcher.told(), "open": not listening.done()}), flush=True)
        listening.cancel()
        staying.cancel()


if __name__ == "__main__":
    uvloop.run(run())
