"""A device reaches its own topics only: proved by what does not arrive."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from functools import partial

import aiomqtt
import pytest

from deploy.local.servers.command import LOOPBACK
from shared.contracts.identity import DeviceId
from shared.contracts.names import DownKind, UpKind, device_root, down_topic, up_topic
from tests.harness.ended import ended
from tests.harness.eventually import eventually
from tests.harness.mosquitto import GATEWAY, Mosquitto

A, B = DeviceId("device-a"), DeviceId("device-b")
SECRETS = {GATEWAY: "gateway-secret", A: "secret-of-a", B: "secret-of-b"}


@pytest.fixture
def broker() -> Iterator[Mosquitto]:
    """A mosquitto with the access rules that `make run` uses."""
    server = Mosquitto(users=SECRETS)
    try:
        yield server.start()
    finally:
        server.discard()


def session(broker: Mosquitto, user: str, secret: str | None = None) -> aiomqtt.Client:
    return aiomqtt.Client(
        LOOPBACK,
        broker.port,
        username=user,
        password=secret if secret is not None else SECRETS[user],
        identifier=f"test-{user}",
        protocol=aiomqtt.ProtocolVersion.V5,
        timeout=60,
    )


class Heard:
    """What one client received, collected in the background."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self.topics.append(str(message.topic))


@pytest.fixture
async def gateway(broker: Mosquitto) -> AsyncIterator[tuple[aiomqtt.Client, Heard]]:
    """A client with the gateway's rights that hears everything devices send."""
    heard = Heard()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(session(broker, GATEWAY))
        await client.subscribe("vw1/+/+/up/#", qos=1)
        listening = asyncio.create_task(heard.listen(client))
        try:
            yield client, heard
        finally:
            await ended(listening)


async def publish_and_swallow_the_cut(client: aiomqtt.Client, topic: str) -> None:
    """Publish where it is not allowed: mosquitto 2.0 drops the connection or ignores it."""
    try:
        await client.publish(topic, b"forged", qos=1)
    except aiomqtt.MqttError:
        return


FORGED = [
    up_topic(B, UpKind.DATA, "json"),
    up_topic(B, UpKind.STATUS),
    down_topic(B, DownKind.STORED),
    down_topic(A, DownKind.STORED),
    "vw1/00/+/up/status".replace("+", B),
    "somewhere/else",
]


@pytest.mark.parametrize("topic", FORGED)
async def test_a_device_cannot_publish_as_another(
    broker: Mosquitto, gateway: tuple[aiomqtt.Client, Heard], topic: str
) -> None:
    _, heard = gateway
    b_heard = Heard()
    async with session(broker, B) as b:
        await b.subscribe(f"{device_root(B)}/down/#", qos=1)
        listening = asyncio.create_task(b_heard.listen(b))
        try:
            try:
                async with session(broker, A) as a:
                    await publish_and_swallow_the_cut(a, topic)
            except aiomqtt.MqttError:
                pass  # the broker cut the connection, which is its answer
            async with session(broker, A) as a:  # its own topic still works, and comes after
                await a.publish(up_topic(A, UpKind.DATA, "json"), b"good", qos=1)
            await eventually(lambda: up_topic(A, UpKind.DATA, "json") in heard.topics)
            assert topic not in heard.topics
            assert not b_heard.topics
        finally:
            await ended(listening)


@pytest.mark.parametrize(
    "wanted", [f"{device_root(B)}/down/#", f"{device_root(B)}/up/#", "vw1/#", "#", "$SYS/#"]
)
async def test_a_device_hears_nothing_of_another(
    broker: Mosquitto, gateway: tuple[aiomqtt.Client, Heard], wanted: str
) -> None:
    client, _ = gateway
    heard = Heard()
    async with session(broker, A) as a:
        with suppress(aiomqtt.MqttError):  # refused outright, or granted and never served
            await a.subscribe(wanted, qos=1)
        await a.subscribe(f"{device_root(A)}/down/#", qos=1)
        listening = asyncio.create_task(heard.listen(a))
        try:
            async with session(broker, B) as b:
                await b.publish(up_topic(B, UpKind.DATA, "json"), b"private", qos=1)
            await client.publish(down_topic(B, DownKind.STORED), b"for b", qos=1)
            await client.publish(down_topic(A, DownKind.STORED), b"for a", qos=1)
            await eventually(lambda: down_topic(A, DownKind.STORED) in heard.topics)
            assert set(heard.topics) == {down_topic(A, DownKind.STORED)}
        finally:
            await ended(listening)


@pytest.mark.parametrize(
    ("user", "secret"),
    [(A, "secret-of-b"), (A, ""), ("device-c", "secret-of-a"), (GATEWAY, "secret-of-a")],
)
async def test_a_wrong_secret_is_refused(broker: Mosquitto, user: str, secret: str) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with session(broker, user, secret):
            pytest.fail("let in with a wrong secret")


async def is_let_in(broker: Mosquitto) -> bool:
    try:
        async with session(broker, A):
            return True
    except aiomqtt.MqttError:
        return False  # mosquitto reads the file after the signal


async def seconds_until_cut_off(broker: Mosquitto, heard: Heard) -> float:
    """Revoke a device that is connected, and tell how long it still was."""
    clock = asyncio.get_running_loop().time
    cut = asyncio.Event()
    heard.topics.clear()

    async def stay() -> None:
        try:
            async with session(broker, A) as a:
                await a.publish(up_topic(A, UpKind.STATUS), b"here", qos=1)
                async for _ in a.messages:
                    pass
        except aiomqtt.MqttError:
            cut.set()

    staying = asyncio.create_task(stay())
    try:
        await eventually(lambda: up_topic(A, UpKind.STATUS) in heard.topics)
        began_s = clock()
        broker.write_users({GATEWAY: SECRETS[GATEWAY], B: SECRETS[B]})
        async with asyncio.timeout(60):
            await cut.wait()
        return clock() - began_s
    finally:
        await ended(staying)


async def test_a_revoked_device_is_cut_off_within_a_second(
    broker: Mosquitto, gateway: tuple[aiomqtt.Client, Heard]
) -> None:
    _, heard = gateway
    took_s = [await seconds_until_cut_off(broker, heard)]
    while took_s[-1] >= 1.0 and len(took_s) < 5:  # a busy machine may be late once or twice
        broker.write_users(SECRETS)
        await eventually(partial(is_let_in, broker))
        took_s.append(await seconds_until_cut_off(broker, heard))
    assert took_s[-1] < 1.0, took_s
    with pytest.raises(aiomqtt.MqttError):
        async with session(broker, A):
            pytest.fail("let in after it was revoked")
    async with session(broker, B) as b:
        await b.publish(up_topic(B, UpKind.STATUS), b"still here", qos=1)
    await eventually(lambda: up_topic(B, UpKind.STATUS) in heard.topics)
