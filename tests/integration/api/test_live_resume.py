"""Nothing is missed and nothing told twice, however often the link, the api or RabbitMQ ends."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from shared.broker.streams import StreamEdge, StreamReader
from shared.contracts.events import decode_event
from shared.contracts.names import Queue
from tests.harness.deployment import INCARNATION
from tests.harness.ended import ended
from tests.harness.eventually import eventually
from tests.harness.rabbitmq import VirtualHost
from tests.harness.tcp_proxy import TcpProxy
from tests.integration.api.conftest import StartApi
from tests.integration.api.system import LiveClient, System
from tests.integration.api.test_live import lead_off, now_us

OWN_STREAMS = True
EVENTS = 80
REPEATED_EVERY = 17  # a publisher that does not know whether an event arrived sends it again


async def store_as_storage_does(api: System, rng: random.Random) -> None:
    """Rows and position in one transaction, in pieces, somewhat behind the stream."""
    connection = await api.connect()
    stop = asyncio.Event()
    try:
        async with StreamReader(
            api.broker, Queue.EVENTS.value, start=StreamEdge.FIRST, batch_most=7
        ) as reader:
            async for batch in reader.batches(until=stop):
                await asyncio.sleep(rng.uniform(0, 0.06))
                async with connection.transaction():
                    for message in batch.messages:
                        event = decode_event(message.body)
                        await connection.execute(
                            "insert into signal.event values ($1, $2, $3, $4, $5, 'low', "
                            "'gateway', $5, $6, $7, $8) on conflict do nothing",
                            event.device or 0,
                            event.id,
                            event.patient or 0,
                            event.t,
                            event.kind.value,
                            msgspec.json.encode(event.data).decode(),
                            INCARNATION,
                            message.offset,
                        )
                    await connection.execute(
                        "insert into signal.stream_position (incarnation, stream, last_offset) "
                        "values ($1, 'events', $2) on conflict (incarnation, stream) "
                        "do update set last_offset = excluded.last_offset",
                        INCARNATION,
                        batch.last_offset,
                    )
    finally:
        await connection.close()


async def publish_events(api: System, numbers: range, rng: random.Random) -> None:
    for number in numbers:
        await api.publish_event(lead_off(api, number))
        await api.publish_event(lead_off(api, 10_000 + number, patient="p-south1"))
        if number % REPEATED_EVERY == 0:
            await api.publish_event(lead_off(api, number))
        await asyncio.sleep(rng.choice((0, 0, 0, 0.02)))


class Listener:
    """A client that keeps to the rule: the newest cursor of a subscription is where it goes on."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.links = 0
        self.cursor: str | None = None
        self._token: str | None = None

    async def listen(self, api: System, n_messages: int, *, last: int | None = None) -> None:
        """Over one link, which is cut without a word after so many messages, or the last event."""
        self.links += 1
        self._token = self._token or await api.token("nina")
        try:
            async with api.live(token=self._token) as client:
                since = {} if self.cursor is None else {"since": self.cursor}
                await client.say(op="subscribe", id="e", ward="north", what=["events"], **since)
                for _ in range(n_messages):
                    await self._hear_one(client)
                    if last in self.heard:
                        break
                client.socket.transport.abort()
        except (ConnectionClosed, OSError):
            pass

    async def _hear_one(self, client: LiveClient) -> None:
        await client._receive()
        message = client.texts.pop()
        match message["kind"]:
            case "event":
                self.heard.append(message["item"]["data"]["number"])
                self.cursor = message["cursor"]
            case "subscribed" | "state" if message["cursor"] is not None:
                self.cursor = message["cursor"]
            case "error":
                assert message["code"] == "unavailable", message
                raise OSError
            case _:
                pass


@asynccontextmanager
async def in_background(*work: object) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(one) for one in work]  # type: ignore[call-overload] # coroutines
    try:
        yield
    finally:
        await ended(*tasks)


async def listen_to_the_end(listener: Listener, api: System, rng: random.Random, last: int) -> None:
    async with asyncio.timeout(120):
        while last not in listener.heard:
            await listener.listen(api, rng.randrange(1, 40), last=last)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("ring", [3, 5_000])
async def test_over_cuts_and_restarts_every_event_is_told_once_and_in_order(
    start_api: StartApi, virtual_host: VirtualHost, ring: int
) -> None:
    rng = random.Random(ring)
    listener = Listener()
    half = EVENTS // 2
    changed = {
        "live_ring_events_most": ring,
        "live_queue_messages_most": 16,
        "live_flush_s": 0.01,
    }
    async with TcpProxy(virtual_host.port) as proxy:
        async with (
            start_api(amqp_port=proxy.port, **changed) as api,
            in_background(store_as_storage_does(api, rng)),
        ):
            while listener.cursor is None:  # notes where the feed is before anything happens
                await listener.listen(api, 1)
            async with in_background(publish_events(api, range(half), rng)):
                await listener.listen(api, 5)
                proxy.cut()
                await listen_to_the_end(listener, api, rng, half - 1)
            await api.publish_event(lead_off(api, half))  # while nobody listens
        async with (
            start_api(**changed) as api,
            in_background(
                store_as_storage_does(api, rng), publish_events(api, range(half + 1, EVENTS), rng)
            ),
        ):
            await listen_to_the_end(listener, api, rng, EVENTS - 1)
    assert listener.heard == list(range(EVENTS))
    assert listener.links > 4


async def test_who_comes_back_with_a_cursor_misses_nothing_and_hears_nothing_twice(
    api: System,
) -> None:
    async with api.live("nina") as nina:
        await nina.say(op="subscribe", id="e", ward="north", what=["events"])
        await nina.hear("subscribed")
        await api.publish_event(lead_off(api, 0))
        cursor = (await nina.hear("event"))["cursor"]
    for number in range(1, 6):
        await api.publish_event(lead_off(api, number))
        await api.publish_event(lead_off(api, 100 + number, patient="p-south1"))

    async with api.live("nina") as nina:
        await nina.say(op="subscribe", id="e", ward="north", what=["events"], since=cursor)
        await nina.hear("subscribed")
        heard = [(await nina.hear("event"))["item"]["data"]["number"] for _ in range(5)]
        await api.publish_event(lead_off(api, 6))
        last = await nina.hear("event")
        assert heard == [1, 2, 3, 4, 5]
        assert last["item"]["data"]["number"] == 6
        assert not [text for text in nina.texts if text["kind"] == "event"]


async def test_a_new_process_replays_from_the_database_what_its_memory_lacks(
    start_api: StartApi,
) -> None:
    async with start_api() as api:
        for number in range(3):
            await api.publish_event(lead_off(api, number))
    async with start_api(live_ring_events_most=1) as api:
        # Storage has written the first two of them; the third is in the stream alone.
        for number in range(2):
            await api.store_event(
                f"event-{number}",
                now_us(),
                "lead_off",
                patient="p-north1",
                device="ecg-north1",
                offset=number,
                data={"number": number},
            )
        await api.database.execute(
            "insert into signal.stream_position (incarnation, stream, last_offset) "
            "values (1, 'events', 1)"
        )
        async with api.live("nina") as nina:

            async def replayed() -> list[int]:
                await nina.say(op="subscribe", id="e", ward="north", what=["events"], since="1.0")
                await nina.hear("subscribed")
                await nina.hear("state")
                heard = [t["item"]["data"]["number"] for t in nina.texts if t["kind"] == "event"]
                nina.texts.clear()
                assert heard == [1, 2]
                return heard

            await eventually(replayed)


async def test_a_long_absence_is_told_in_pages_that_the_client_can_take(
    start_api: StartApi,
) -> None:
    async with start_api() as api:
        for number in range(300):
            await api.store_event(
                f"event-{number}",
                number,
                "lead_off",
                patient="p-north1",
                device="ecg-north1",
                offset=number,
                data={"number": number},
            )
        await api.database.execute(
            "insert into signal.stream_position (incarnation, stream, last_offset) "
            "values (1, 'events', 299)"
        )
    async with (
        start_api(live_queue_messages_most=20, live_replay_events_most=299) as api,
        api.live("nina") as nina,
    ):
        await nina.say(op="subscribe", id="e", ward="north", what=["events"], since="1.0")
        assert (await nina.hear("subscribed"))["cursor"] == "1.0"
        heard = [(await nina.hear("event"))["item"]["data"]["number"] for _ in range(299)]
        assert heard == list(range(1, 300))
        state = await nina.hear("state")
        while state["cursor"] is None:
            state = await nina.hear("state")
        assert state["cursor"] == "1.299"

        await api.store_event(
            "event-300", 300, "lead_off", patient="p-north1", device="ecg-north1", offset=1
        )
        await nina.say(op="subscribe", id="e", ward="north", what=["events"], since="1.0")
        error = await nina.hear("error", id="e")
        assert error["code"] == "invalid"
        assert error["detail"].startswith("replay_too_long")
