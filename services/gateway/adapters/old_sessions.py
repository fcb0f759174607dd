"""Ends sessions that nobody will continue: the broker would gather all traffic for them."""

import asyncio

import mqtt5

from services.gateway.adapters.mqtt import MqttOptions
from shared.errors import Dependency, Unavailable

CONNACK_MOST_BYTES = 4_096


async def end_session(options: MqttOptions, client_id: str) -> None:
    """Have the broker forget a session, its subscriptions and what waits in it; twice is harmless.

    What waits there is lost to nobody: no device was told that it is stored, so it comes again.

    Raises
    ------
    Unavailable : the broker does not answer in time, or refuses
    """
    connect = mqtt5.ConnectPacket(
        client_id,
        username=options.user or None,
        password=options.password or None,
        clean_start=True,
        session_expiry_interval=0,
    )
    try:
        async with asyncio.timeout(options.timeout_s):
            reader, writer = await asyncio.open_connection(options.host, options.port)
            try:
                writer.write(connect.write())
                answer = await _connack(reader)
                if answer.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
                    raise Unavailable(Dependency.MQTT, f"CONNACK {answer.reason_code.name}")
                writer.write(mqtt5.DisconnectPacket().write())
                await writer.drain()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        raise Unavailable(Dependency.MQTT, f"ending session {client_id}: {error!r}") from error


async def _connack(reader: asyncio.StreamReader) -> mqtt5.ConnAckPacket:
    data = b""
    while len(data) < CONNACK_MOST_BYTES:
        more = await reader.read(CONNACK_MOST_BYTES)
        if not more:
            raise ConnectionResetError("the broker closed the connection")
        data += more
        try:
            packet, _ = mqtt5.read(memoryview(data))
        except IndexError:  # incomplete
            continue
        if isinstance(packet, mqtt5.ConnAckPacket):
            return packet
        break
    raise ValueError("no CONNACK")
