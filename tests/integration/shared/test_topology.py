"""The declared topology, and each user's rights on names alone."""

import asyncio

import pytest
from pydantic import SecretStr

from deploy.local.servers import rabbitmq as server
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.streams import StreamEdge, StreamReader
from shared.broker.topology import Retention, declare, permissions
from shared.contracts.formats import EVENT_V1, FRAMES_V1
from shared.contracts.names import Exchange
from shared.errors import Denied, Misconfigured
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import SMALL, broker_address
from tests.harness.rabbitmq import RabbitMq, VirtualHost


async def test_declaring_again_creates_nothing_and_more_lanes_create_theirs(
    virtual_host: VirtualHost,
) -> None:
    async with Broker(broker_address(virtual_host), instance="t", metrics=Metrics("t")) as broker:
        created = await declare(broker.publishing, lanes=1, retention=SMALL)
        assert {entry.name for entry in created} == {"frames.0", "late.0", "vitals.0", "events"}
        assert await declare(broker.publishing, lanes=1, retention=SMALL) == ()
        created = await declare(broker.publishing, lanes=2, retention=SMALL)
        assert {entry.name for entry in created} == {"frames.1", "late.1", "vitals.1"}


async def test_another_retention_is_a_misconfiguration(virtual_host: VirtualHost) -> None:
    async with Broker(broker_address(virtual_host), instance="t", metrics=Metrics("t")) as broker:
        await declare(broker.publishing, lanes=1, retention=SMALL)
        with pytest.raises(Misconfigured, match=r"frames\.0"):
            await declare(broker.publishing, lanes=1, retention=Retention())


def as_user(virtual_host: VirtualHost, rabbitmq: RabbitMq, user: str) -> BrokerAddress:
    rights = permissions()[user]
    rabbitmq.create_user(user, "a-password-of-this-test")
    rabbitmq.allow(
        server.Permission(
            user=user,
            virtual_host=virtual_host.name,
            configure=rights.configure,
            write=rights.write,
            read=rights.read,
        )
    )
    return BrokerAddress(
        host=virtual_host.host,
        port=virtual_host.port,
        vhost=virtual_host.name,
        user=user,
        password=SecretStr("a-password-of-this-test"),
    )


async def test_a_service_may_only_what_its_formats_need(
    broker: Broker, virtual_host: VirtualHost, rabbitmq: RabbitMq
) -> None:
    address = as_user(virtual_host, rabbitmq, "vw_alarms")
    stop = asyncio.Event()
    async with (
        Broker(address, instance="alarms", metrics=Metrics("alarms")) as mine,
        Publisher(mine, clock=SystemClock()) as publisher,
    ):
        event = Message(exchange=Exchange.EVENTS, routing_key="events", format=EVENT_V1, body=b"{}")
        frame = Message(exchange=Exchange.FRAMES, routing_key="0", format=FRAMES_V1, body=b"forged")
        allowed = await publisher.send(event)
        forged = await publisher.send(frame)
        also_allowed = await publisher.send(event)
        with pytest.raises(Denied):
            await forged
        await allowed
        await also_allowed
        async with StreamReader(mine, "events", start=StreamEdge.FIRST) as reader:
            async for batch in reader.batches(until=stop):
                assert batch.messages[0].body == b"{}"
                stop.set()
        stop = asyncio.Event()
        async with StreamReader(mine, "frames.0", start=StreamEdge.FIRST) as reader:
            with pytest.raises(Denied):
                await anext(reader.batches(until=stop))


async def test_a_wrong_password_is_a_misconfiguration(virtual_host: VirtualHost) -> None:
    address = BrokerAddress(
        host=virtual_host.host,
        port=virtual_host.port,
        vhost=virtual_host.name,
        user=virtual_host.user,
        password=SecretStr("wrong"),
    )
    async with Broker(address, instance="t", metrics=Metrics("t")) as broker:
        with pytest.raises(Misconfigured):
            await broker.publishing.channel()
