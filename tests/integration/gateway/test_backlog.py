"""A session that finds a long backlog: it opens all the same, and nothing of it is lost."""

import asyncio

import mqtt5

from services.gateway.adapters.mqtt import INBOX_MOST_MESSAGES, MqttOptions, open_session
from services.gateway.core.messages import SessionEnded
from shared.runtime.clock import SystemClock
from tests.harness.mosquitto import Mosquitto

FILTERS = ["backlog/#"]
N_MESSAGES = INBOX_MOST_MESSAGES + 1_500  # the inbox is full long before the SUBACK comes


async def leave_backlog(mosquitto: Mosquitto) -> None:
    """Send all messages in one write and wait for the broker's answer to the last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", mosquitto.port)
    qos = mqtt5.QoS.AT_LEAST_ONCE
    writer.write(mqtt5.ConnectPacket("backlog-sender", clean_start=True).write())
    writer.write(
        b"".join(
            mqtt5.PublishPacket(
                "backlog/x", str(number).encode(), qos=qos, packet_id=number + 1
            ).write()
            for number in range(N_MESSAGES)
        )
    )
    heard = b""
    last = b"\x40\x02" + N_MESSAGES.to_bytes(2, "big")
    async with asyncio.timeout(90):
        while not heard.endswith(last):
            heard += await reader.read(65_536)
    writer.close()
    await writer.wait_closed()


async def test_a_backlog_above_the_bound_of_the_inbox_does_not_keep_a_session_from_opening(
    mosquitto: Mosquitto,
) -> None:
    options = MqttOptions(
        host="127.0.0.1", port=mosquitto.port, user="gateway", password=b"", timeout_s=30.0
    )
    first = await open_session(options, "gateway-backlog", FILTERS, SystemClock())
    first.abandon()
    await leave_backlog(mosquitto)
    session = await open_session(options, "gateway-backlog", FILTERS, SystemClock())
    taken: list[bytes] = []
    try:
        async with asyncio.timeout(90):
            while len(taken) < N_MESSAGES:
                incoming = await session.take(0.0)
                session.acknowledge([message.packet_id for message in incoming])
                taken += [message.payload for message in incoming]
    except SessionEnded as ended:
        raise AssertionError(f"after {len(taken)} messages") from ended
    finally:
        session.abandon()
    assert taken == [str(number).encode() for number in range(N_MESSAGES)]
