"""The proxy passes bytes on, cuts, freezes and delays."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.harness.eventually import eventually
from tests.harness.tcp_proxy import TcpProxy

Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def proxy() -> AsyncIterator[TcpProxy]:
    """In front of a server that says everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while block := await reader.read(4096):
                writer.write(block)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with TcpProxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy
    server.close()
    await server.wait_closed()


async def connect(proxy: TcpProxy) -> Link:
    return await asyncio.open_connection(proxy.host, proxy.port)


async def say(link: Link, text: bytes) -> bytes:
    link[1].write(text)
    async with asyncio.timeout(60):
        return await link[0].readexactly(len(text))


async def test_passes_bytes_in_both_directions(proxy: TcpProxy) -> None:
    link = await connect(proxy)
    assert await say(link, b"x" * 100_000) == b"x" * 100_000
    assert proxy.passed == {"client": 100_000, "server": 100_000}
    link[1].close()
    await eventually(lambda: proxy.links == 0)


async def test_a_cut_resets_and_a_new_link_works(proxy: TcpProxy) -> None:
    link = await connect(proxy)
    await say(link, b"there")
    proxy.cut()
    link[1].write(b"gone?")
    with pytest.raises(ConnectionError):
        await link[0].read()
    link[1].close()
    again = await connect(proxy)
    assert await say(again, b"back") == b"back"
    again[1].close()


async def test_a_half_open_link_takes_and_gives_nothing(proxy: TcpProxy) -> None:
    link = await connect(proxy)
    await say(link, b"there")
    proxy.freeze(towards="client")
    link[1].write(b"lost?")
    await eventually(lambda: proxy.passed["server"] == 10)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await link[0].read(1)
    proxy.thaw()
    assert await link[0].readexactly(5) == b"lost?"
    link[1].close()


async def test_delays_each_block(proxy: TcpProxy) -> None:
    link = await connect(proxy)
    proxy.delay_s = 0.05
    begin = time.monotonic()
    await say(link, b"slow")
    assert time.monotonic() - begin >= 0.1
    link[1].close()


async def test_refuses_new_links(proxy: TcpProxy) -> None:
    proxy.refuse = True
    link = await connect(proxy)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await say(link, b"anybody?")
    link[1].close()
