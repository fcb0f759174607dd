"""Clients that read nothing, say too much or say nonsense: bounded, cut off, and nobody else's."""

import asyncio
import contextlib
import math
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import psutil
import pytest
import uvicorn
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from services.api.http.protocols import LiveProtocol
from tests.harness.eventually import eventually
from tests.integration.api.conftest import StartApi
from tests.integration.api.system import LiveClient, System
from tests.integration.api.test_live import closed_with, heard_while, lead_off, now_us

OWN_STREAMS = True
SMALL_WINDOW = 4_096


@contextlib.asynccontextmanager
async def narrow_client(api: System, username: str) -> AsyncIterator[LiveClient]:
    """A client whose kernel takes little for it, so that reading nothing is felt soon."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", api.port))
    async with connect(
        f"ws://127.0.0.1:{api.port}/v1/live", compression=None, sock=link, proxy=None
    ) as found:
        client = LiveClient(found)
        await client.say(op="auth", token=await api.token(username))
        await client.hear("auth")
        yield client


def server_side(api: System, client: LiveClient) -> list[Any]:
    """What the operating system knows of the server's end of a client's link."""
    port = client.socket.local_address[1]
    return [
        link
        for link in psutil.Process().net_connections("tcp")
        if link.raddr[1:] == (port,) and link.laddr[1:] == (api.port,)
    ]


@pytest.mark.slow
async def test_a_socket_that_never_reads_is_cut_off_and_leaves_nothing_behind(
    start_api: StartApi,
) -> None:
    async with (
        start_api(live_send_s=0.5, live_flush_s=0.01, api_linger_s=0.5) as api,
        narrow_client(api, "nina") as rude,
        api.live("carla") as good,
    ):
        for client in (rude, good):
            await client.say(op="subscribe", id="e", ward="north", what=["events"])
            await client.hear("subscribed")
        rude.socket.transport.pause_reading()
        assert server_side(api, rude)
        cut = asyncio.ensure_future(eventually(lambda: not server_side(api, rude), within_s=30))
        number = 0
        while not cut.done():
            event = lead_off(api, number)
            data = {"filler": "x" * 50_000, "n": number}
            await api.publish_event(msgspec.structs.replace(event, data=data))
            assert (await good.hear("event"))["item"]["data"]["n"] == number
            number += 1
        await cut
        await good.say(op="ping")
        await good.hear("pong")


async def test_who_does_not_read_is_cut_off_and_nobody_else_is(start_api: StartApi) -> None:
    async with (
        start_api(live_queue_messages_most=20, live_send_s=1.0, live_flush_s=0.01) as api,
        api.live("nina") as slow,
        api.live("carla") as quick,
    ):
        for client in (slow, quick):
            await client.say(op="subscribe", id="e", ward="north", what=["events"])
            await client.hear("subscribed")
        slow.socket.transport.pause_reading()
        for wave in range(15):
            numbers = range(10 * wave, 10 * wave + 10)
            for number in numbers:
                data = {"filler": "x" * 100_000, "n": number}
                event = msgspec.structs.replace(lead_off(api, number), data=data)
                await api.publish_event(event)
            heard = [await quick.hear("event") for _ in numbers]
            assert [event["item"]["data"]["n"] for event in heard] == list(numbers)
        slow.socket.transport.resume_reading()
        assert await closed_with(slow) == 4008
        await quick.say(op="ping")
        await quick.hear("pong")


async def test_a_slow_client_misses_samples_and_is_told_which(start_api: StartApi) -> None:
    async with (
        start_api(live_flush_s=0.01, live_queue_waveform_bytes_most=100_000) as api,
        narrow_client(api, "nina") as slow,
        api.live("carla") as quick,
    ):
        for client in (slow, quick):
            await client.say(op="subscribe", id="w", ward="north", what=["waveforms"])
            await client.hear("subscribed")
        start_us, sent = now_us(), 0

        async def send_second() -> None:
            nonlocal sent
            samples = [sent] * 20_000
            await api.publish_frame(
                "ecg-north1", samples, t0_us=start_us + sent * 1_000_000, hz=20_000.0
            )
            sent += 1

        await heard_while(send_second, slow.hear_samples)
        slow.socket.transport.pause_reading()
        first_missed = sent
        for _ in range(40):  # 1.6 MB: more than kernel, transport and queue hold together
            await send_second()
            newest = -1
            while newest < sent - 1:  # the server has it: who reads is told at the same time
                for _, samples in await quick.hear_samples():
                    newest = samples[-1]
        assert sent == first_missed + 40
        slow.socket.transport.resume_reading()
        gap = await slow.hear("gap", id="w")
        assert gap["stream"] == "ecg"
        assert gap["from"] < gap["to"]
        assert not [text for text in slow.texts if text["kind"] == "error"]
        last = -1
        async with asyncio.timeout(60):
            while last < sent - 1:
                for _, samples in await slow.hear_samples():
                    last = samples[-1]


async def test_messages_of_one_flush_travel_together(start_api: StartApi) -> None:
    async with start_api(live_flush_s=0.1) as api, api.live("nina") as nina:
        await nina.say(op="subscribe", id="a", ward="north", what=["vitals", "waveforms"])
        await nina.hear("subscribed")
        began = time.monotonic()
        early = 0

        async def publish_early() -> None:
            nonlocal early
            early += 1
            await api.publish_vital("p-north1", "ecg-north1", value=early - 1_000, t_us=now_us())

        # The tail may not stand at the stream yet: it begins with what comes then.
        await heard_while(publish_early, lambda: nina.hear("vitals"))
        start_us = now_us()
        for second in range(60):
            await api.publish_frame(
                "ecg-north1", [second] * 25, t0_us=start_us + second * 100_000, hz=250.0
            )
            await api.publish_vital("p-north1", "ecg-north1", value=second, t_us=now_us())
        last = -math.inf
        n_vitals = 0
        while last < 59:
            message = await nina.hear("vitals")
            n_vitals += 1
            (item,) = message["items"]
            assert item["value"] > last
            last = item["value"]
        flushes = (time.monotonic() - began) / 0.1 + 2
        assert n_vitals <= flushes
        assert len(nina.binaries) <= flushes


async def test_who_says_too_much_is_read_more_slowly_and_nobody_else(
    start_api: StartApi,
) -> None:
    async with (
        start_api(live_messages_burst=5, live_messages_per_s=10) as api,
        api.live("nina") as loud,
        api.live("carla") as good,
    ):
        took_s: list[float] = []
        while min(took_s, default=2.0) >= 2.0 and len(took_s) < 5:  # a busy machine may be late
            began = time.monotonic()
            for _ in range(30):
                await loud.say(op="ping")
            await good.say(op="ping")
            await good.hear("pong")
            took_s.append(time.monotonic() - began)
            for _ in range(30):
                await loud.hear("pong")
            assert time.monotonic() - began > 2.0
        assert min(took_s) < 2.0, took_s


async def test_too_long_a_message_closes_the_socket_in_one_piece_or_in_many(
    start_api: StartApi,
) -> None:
    async with start_api(live_message_bytes_most=1_024) as api:
        for pieces in (["x" * 2_000], ["x" * 100] * 30):
            async with api.live("nina") as nina:
                with contextlib.suppress(ConnectionClosed):  # cut off while it still speaks
                    await nina.socket.send(pieces)
                assert await closed_with(nina) == 1009


async def test_pings_whose_answers_are_not_read_fill_no_memory() -> None:
    async def hold(scope: Any, receive: Any, send: Any) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass

    config = uvicorn.Config(hold, port=0, ws=LiveProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server._serve())
    try:
        await eventually(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with connect(
            f"ws://127.0.0.1:{port}/", compression=None, proxy=None, ping_interval=None
        ) as rude:
            rude.transport.pause_reading()
            (protocol,) = server.server_state.connections
            ping = Frame(Opcode.PING, b"x" * 125).serialize(mask=True)
            for _ in range(100):  # 12 MB of answers
                rude.transport.write(ping * 1_000)
                while rude.transport.get_write_buffer_size() > 0:
                    await asyncio.sleep(0)
            # What is let in before the writer is full, and the answers to what came at once.
            assert protocol.transport.get_write_buffer_size() < 400_000
            rude.transport.abort()
    finally:
        server.should_exit = True
        await serving
