"""The private servers start, take clients, die on demand and come back with what they had.

That RabbitMQ comes back so is seen where its clients are: `tests/integration/shared`.
"""

import contextlib

import aio_pika
import aiomqtt
import asyncpg
import pytest

from tests.harness.mosquitto import Mosquitto
from tests.harness.postgres import Database, Postgres
from tests.harness.rabbitmq import RabbitMq, VirtualHost


async def test_each_test_has_a_database_of_its_own(
    postgres: Postgres, empty_database: Database
) -> None:
    other = await postgres.create_database()
    connection = await empty_database.connect()
    await connection.execute("create table mine (a int)")
    await connection.close()
    connection = await other.connect()
    with pytest.raises(asyncpg.UndefinedTableError):
        await connection.fetch("select * from mine")
    await connection.close()
    await postgres.drop_database(other)


async def test_a_killed_postgres_keeps_what_was_committed() -> None:
    server = Postgres().start()
    try:
        database = await server.create_database()
        connection = await database.connect()
        await connection.execute("create table kept (a int); insert into kept values (7)")
        server.kill()
        assert not server.running
        await server.restart()
        again = await database.connect()
        assert await again.fetchval("select a from kept") == 7
        await again.close()
        connection.terminate()
    finally:
        server.discard()


async def test_virtual_hosts_do_not_see_each_other(
    rabbitmq: RabbitMq, virtual_host: VirtualHost
) -> None:
    rabbitmq.create_user("narrow", "secret")
    with pytest.raises(aio_pika.exceptions.AMQPError):
        await aio_pika.connect(
            host=virtual_host.host,
            port=virtual_host.port,
            virtualhost=virtual_host.name,
            login="narrow",
            password="secret",
        )


async def test_a_device_reaches_its_own_topics_only() -> None:
    secrets = {"vw_gateway": "g", "watch-1": "s", "watch-2": "t"}
    server = Mosquitto(secrets).start()

    def client(user: str, secret: str) -> aiomqtt.Client:
        return aiomqtt.Client(  # a client id of its own each time
            "127.0.0.1",
            server.port,
            username=user,
            password=secret,
            protocol=aiomqtt.ProtocolVersion.V5,
        )

    try:
        async with client("vw_gateway", "g") as gateway, client("watch-1", "s") as watch:
            await gateway.subscribe("vw1/0a/+/up/#", qos=1)
            await watch.subscribe("vw1/0a/watch-1/down/#", qos=1)
            await watch.subscribe("vw1/0a/watch-2/down/#", qos=1)  # granted, and never served
            await gateway.publish("vw1/0a/watch-2/down/stored", b"foreign", qos=1)
            await gateway.publish("vw1/0a/watch-1/down/stored", b"own", qos=1)
            async with client("watch-1", "s") as forger:  # denied, and then cut off
                with contextlib.suppress(aiomqtt.MqttError):
                    await forger.publish("vw1/0a/watch-2/up/d/json", b"forged", qos=1, timeout=1)
            await watch.publish("vw1/0a/watch-1/up/d/json", b"own", qos=1)
            for reader in (watch, gateway):
                async for message in reader.messages:
                    assert message.payload == b"own"
                    break
        with pytest.raises(aiomqtt.MqttError):
            async with client("watch-1", "wrong"):
                pass
    finally:
        server.discard()


async def test_a_killed_mosquitto_comes_back_on_its_port(mosquitto: Mosquitto) -> None:
    port = mosquitto.port
    mosquitto.kill()
    await mosquitto.restart()
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish("vw1/00/a/up/d/json", b"{}", qos=1)
