"""A proxy between a client and a server that cuts, delays, freezes and throttles."""

import asyncio
from typing import Self

BLOCK = 16 * 1024


class _Link:
    """One client's connection and its way to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server

    def abort(self) -> None:
        """Reset both sides at once."""
        for writer in (self.client, self.server):
            writer.transport.abort()


class TcpProxy:
    """Listens on a free loopback port and passes bytes on to a server.

    Use as an async context manager. What a test may do to it:

    - `cut()` resets all links; new ones work;
    - `refuse` set: new connections are closed at once;
    - `freeze()` / `thaw()`: links stay open and nothing passes, in both directions or towards one
      side only (a half-open link: the peer is gone and nobody says so);
    - `delay_s`: each block is held back that long;
    - `bytes_per_s`: no more than that in each direction.
    """

    def __init__(self, port: int, *, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self._open_to = {"client": asyncio.Event(), "server": asyncio.Event()}
        self.thaw()
        self.refuse = False
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        self.passed = {"client": 0, "server": 0}
        self.accepted = 0

    @property
    def host(self) -> str:
        """Where it listens."""
        return "127.0.0.1"

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "the proxy is not started"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def links(self) -> int:
        """How many connections are open."""
        return len(self._links)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, 0, limit=BLOCK)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.refuse = True
        self.thaw()
        self.cut()
        while self._links:
            await asyncio.sleep(0.005)

    def cut(self) -> None:
        """Reset every link; both ends see a connection reset."""
        for link in list(self._links):
            link.abort()

    def freeze(self, *, towards: str | None = None) -> None:
        """Let nothing pass, or nothing towards `client` or `server`."""
        for side, gate in self._open_to.items():
            if towards in (None, side):
                gate.clear()

    def thaw(self) -> None:
        """Let everything pass again; what was held back arrives."""
        for gate in self._open_to.values():
            gate.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refuse:
            writer.transport.abort()
            return
        try:
            to_reader, to_writer = await asyncio.open_connection(*self._target, limit=BLOCK)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, to_writer)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, to_writer, "server", link))
                both.create_task(self._pass_on(to_reader, writer, "client", link))
        finally:
            link.abort()
            self._links.discard(link)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, side: str, link: _Link
    ) -> None:
        """Move blocks until one side ends; a reset of one side resets the other."""
        try:
            while block := await source.read(BLOCK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.bytes_per_s:
                    await asyncio.sleep(len(block) / self.bytes_per_s)
                await self._open_to[side].wait()
                sink.write(block)
                await sink.drain()
                self.passed[side] += len(block)
            if sink.can_write_eof():
                sink.write_eof()
        except OSError:
            link.abort()
