"""What a page and the api say to each other on the ward, kept once and played again.

Use: ``python -m tests.browser.recorded_feed FILE [--patients 60] [--seconds 120]``, with
``--connection FILE`` of a system that runs.
Starts a system of its own unless it is given one, opens the ward in a browser through a proxy and
keeps every answer and, with its time, every piece of the live socket. Played again
(``ward_load --feed FILE``) the machine does nothing but draw: what a frame costs is told apart
from what sixty beds cost beside it. The page itself is not kept: the one of web/dist is served.
"""

import argparse
import asyncio
import base64
import hashlib
import mimetypes
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.browser.running_system import PROJECT, RunningSystem, SystemProcess
from tests.browser.screen import WALL, Screen, opened_browser

PAGE = PROJECT / "web" / "dist"
BLOCK = 64 * 1024
MOST_HEAD = 64 * 1024
UPGRADE = b"upgrade: websocket"
KEY, ACCEPT = b"sec-websocket-key:", b"sec-websocket-accept:"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
# A page that plays slower than it was recorded asks later, and may ask for two things at once: its
# first word is waited for, the others only for a while.
BEGUN_WITHIN_S = 60.0
ASKED_WITHIN_S = 1.0
MASK_BYTES = 4  # between head and body of what a client sends, RFC 6455, 5.2
LENGTHS = {126: 2, 127: 8}  # bytes of a length that does not fit the head


class Exchange(msgspec.Struct):
    """One request and all of its answer, as bytes of HTTP/1.1."""

    request: bytes
    answer: bytes = b""


class Piece(msgspec.Struct):
    """What the server sent at once: when, and after how many messages of the page."""

    after_s: float
    asked: int
    data: bytes


class Feed(msgspec.Struct):
    """All that was said; one live socket, since a page has one."""

    exchanges: list[Exchange] = []
    handshake: bytes = b""
    pieces: list[Piece] = []

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self.pieces[-1].after_s if self.pieces else 0.0


class Recorder:
    """A proxy before the api that fills a feed."""

    def __init__(self, system: RunningSystem) -> None:
        self.feed = Feed()
        self._system = system

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, until either side ends it."""
        up, down = await asyncio.open_connection(self._system.host, self._system.port, limit=BLOCK)
        talk = _Talk(self.feed)
        try:
            async with asyncio.TaskGroup() as both:
                asking = both.create_task(_pass_on(reader, down, talk.asked))
                answering = both.create_task(_pass_on(up, writer, talk.answered))
                await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
                asking.cancel()
                answering.cancel()
        finally:
            down.transport.abort()
            writer.transport.abort()


class _Talk:
    """One connection: requests and answers in turns, or a socket after its handshake."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._exchange: Exchange | None = None
        self._is_socket = False
        self._messages = _Messages()
        self._began_s = 0.0

    def asked(self, data: bytes) -> None:
        if self._is_socket:
            self._messages.hear(data)
        elif self._exchange is None or self._exchange.answer:
            self._exchange = Exchange(request=data)
            self._feed.exchanges.append(self._exchange)
        else:
            self._exchange.request += data

    def answered(self, data: bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._is_socket:
            self._feed.pieces.append(
                Piece(after_s=now_s - self._began_s, asked=self._messages.count, data=data)
            )
            return
        assert self._exchange is not None, "an answer to nothing"
        self._exchange.answer += data
        if UPGRADE in self._exchange.request.lower() and b"\r\n\r\n" in self._exchange.answer:
            self._feed.exchanges.remove(self._exchange)
            head, _, rest = self._exchange.answer.partition(b"\r\n\r\n")
            self._feed.handshake, self._feed.pieces = head, []
            self._is_socket, self._began_s = True, now_s
            if rest:
                self._feed.pieces.append(Piece(after_s=0.0, asked=0, data=rest))


class Player:
    """Answers a page as the feed has it, and serves the page."""

    def __init__(self, feed: Feed, page: Path = PAGE) -> None:
        self._page = page
        self._feed = feed
        self._answers: dict[bytes, bytes] = {}
        for exchange in feed.exchanges:
            target = _target(exchange.request)
            for name in (target.partition(b"?")[0], target):  # times in a query are others today
                self._answers[name] = exchange.answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until the page ends it."""
        try:
            while request := await _request(reader):
                if UPGRADE in request.lower():
                    await self._play(request, reader, writer)
                    return
                target = _target(request)
                path = target.partition(b"?")[0]
                answer = self._answers.get(target) or self._answers.get(path)
                writer.write(answer if b" /v1/" in target and answer else self._file(path))
                await writer.drain()
        except ConnectionError:
            pass  # the page is gone
        finally:
            writer.transport.abort()

    async def _play(
        self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        key = next(
            line[len(KEY) :].strip()
            for line in request.split(b"\r\n")
            if line.lower().startswith(KEY)
        )
        accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
        head = [
            ACCEPT + b" " + accept if line.lower().startswith(ACCEPT) else line
            for line in self._feed.handshake.split(b"\r\n")
        ]
        writer.write(b"\r\n".join(head) + b"\r\n\r\n")
        messages = _Messages()
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as beside:
            hearing = beside.create_task(_pass_on(reader, None, messages.hear))
            begin_s = loop.time()
            for piece in self._feed.pieces:
                begin_s += await messages.wait_for(piece.asked)
                await asyncio.sleep(max(0.0, begin_s + piece.after_s - loop.time()))
                if hearing.done():
                    return
                writer.write(piece.data)
                await writer.drain()
            await hearing

    def _file(self, path: bytes) -> bytes:
        name = path.partition(b" ")[2].decode().lstrip("/")
        found = self._page / name
        if name.startswith("v1/"):
            status, kind, body = (
                b"404 Not Found",
                "application/problem+json",
                b'{"code":"not_found"}',
            )
        else:
            found = found if found.is_file() else self._page / "index.html"
            kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
            status, body = b"200 OK", found.read_bytes()
        return b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (
            *(status, kind.encode(), len(body), body),
        )


class _Messages:
    """How often the page spoke on its socket: its frames, however TCP has cut them."""

    def __init__(self) -> None:
        self.count = 0
        self._rest = b""
        self._changed = asyncio.Event()

    def hear(self, data: bytes) -> None:
        self._rest += data
        while (length := self._frame_length()) is not None and len(self._rest) >= length:
            self._rest = self._rest[length:]
            self.count += 1
            self._changed.set()

    def _frame_length(self) -> int | None:
        """Bytes of the frame that begins here; nothing while its head is not whole."""
        if len(self._rest) < 2:
            return None
        short = self._rest[1] & 0x7F
        more = LENGTHS.get(short, 0)
        if len(self._rest) < 2 + more:
            return None
        body = int.from_bytes(self._rest[2 : 2 + more]) if more else short
        return 2 + more + MASK_BYTES + body

    async def wait_for(self, count: int) -> float:
        """Until the page spoke so often; gives the seconds that it took."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with asyncio.timeout(ASKED_WITHIN_S if self.count else BEGUN_WITHIN_S):
                while self.count < count:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self.count = count
        return loop.time() - began_s


@asynccontextmanager
async def played(path: Path, page: Path = PAGE) -> AsyncIterator[tuple[RunningSystem, float]]:
    """A kept feed as a system that one can log in to, and for how many seconds it lives."""
    feed = msgspec.msgpack.decode(path.read_bytes(), type=Feed)
    async with await asyncio.start_server(Player(feed, page).serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        passwords = {"nurse": "any"}
        yield (
            RunningSystem(host="127.0.0.1", port=port, passwords=passwords, processes={}),
            feed.seconds,
        )


async def record(system: RunningSystem, path: Path, *, patients: int, seconds: float) -> None:
    """Keep what the ward with all its beds on one screen hears for so long."""
    recorder = Recorder(system)
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0, limit=BLOCK)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, opened_browser() as browser:
        screen = await Screen.open(browser, system, address=address, size=WALL)
        await screen.log_in()
        await sixty_beds(screen, patients)
        await screen.see_ward()  # a machine that does not keep up has a silent ward
        await asyncio.sleep(seconds)
        await screen.see_ward()
        await screen.close()
    path.write_bytes(msgspec.msgpack.encode(recorder.feed))
    print(f"{path}: {recorder.feed.seconds:.0f} s, {path.stat().st_size / 1e6:.1f} MB")


async def sixty_beds(screen: Screen, patients: int) -> None:
    """The ward with sixty tiles on a page, once that many of the patients are there."""
    await screen.page.get_by_role("group", name="Beds shown").get_by_text("60").click()
    await screen.page.wait_for_function(
        "(n) => document.querySelectorAll('article[data-density=s]').length >= n",
        arg=min(patients, 60),
    )


async def _pass_on(
    source: asyncio.StreamReader,
    sink: asyncio.StreamWriter | None,
    heard: Callable[[bytes], None],
) -> None:
    while data := await source.read(BLOCK):
        heard(data)
        if sink is not None:
            sink.write(data)
            await sink.drain()


async def _request(reader: asyncio.StreamReader) -> bytes:
    """Head and body of the next request; nothing when there is none."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return head + await reader.readexactly(int(value))
    return head


def _target(request: bytes) -> bytes:
    """``GET /v1/wards?x=1``."""
    return b" ".join(request.split(b" ", 2)[:2])


def main() -> int:
    """Keep a feed of a system that runs, or of one of its own."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("file", type=Path)
    asked.add_argument("--patients", type=int, default=60)
    asked.add_argument("--seconds", type=float, default=120.0)
    asked.add_argument("--connection", type=Path)
    given = asked.parse_args()
    length = {"patients": given.patients, "seconds": given.seconds}
    if given.connection is not None:
        asyncio.run(record(RunningSystem.of(given.connection), given.file, **length))
        return 0
    with tempfile.TemporaryDirectory(prefix="vitalwire-feed-") as folder:
        Path(folder).chmod(0o711)  # the database's user must pass
        process = SystemProcess(Path(folder) / "system", patients=given.patients)
        try:
            asyncio.run(record(process.wait_until_ready(), given.file, **length))
        finally:
            process.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
