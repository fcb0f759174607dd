"""A session that finds a long backlog: it opens all the same, and nothing of it is lost."""

import asyncio

import aiomqtt

from services.gateway.adapters.mqtt import INBOX_MOST_MESSAGES, MqttOptions, open_session
from services.gateway.core.messages import SessionEnded
from shared.runtime.clock import SystemClock
from tests.harness.mosquitto import Mosquitto

FILTERS = ["backlog/#"]
N_MESSAGES = INBOX_MOST_MESSAGES + 1_500  # the inbox is full long before the SUBACK comes


async def test_a_backlog_above_the_bound_of_the_inbox_does_not_keep_a_session_from_opening(
    mosquitto: Mosquitto,
) -> None:
    options = MqttOptions(
        host="127.0.0.1", port=mosquitto.port, user="gateway", password=b"", timeout_s=5.0
    )
    first = await open_session(options, "gateway-backlog", FILTERS, SystemClock())
    first.abandon()
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as sender:
        for number in range(N_MESSAGES):
            await sender.publish("backlog/x", str(number).encode(), qos=1)
    session = await open_session(options, "gateway-backlog", FILTERS, SystemClock())
    taken: list[bytes] = []
    try:
        async with asyncio.timeout(10):
            while len(taken) < N_MESSAGES:
                incoming = await session.take(0.0)
                session.acknowledge([message.packet_id for message in incoming])
                taken += [message.payload for message in incoming]
    except SessionEnded as ended:
        raise AssertionError(f"after {len(taken)} messages") from ended
    finally:
        session.abandon()
    assert taken == [str(number).encode() for number in range(N_MESSAGES)]
