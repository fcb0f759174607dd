"""One MQTT 5 connection of a device, with the few things that aiomqtt leaves out."""

import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiomqtt import Client, MqttError, ProtocolVersion, Will
from paho.mqtt.client import MQTT_ERR_SUCCESS
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices.sdk.journal import Entry
from devices.sdk.unsent import IN_FLIGHT_LIMIT
from shared.contracts.identity import DeviceId
from shared.contracts.names import UpKind, up_topic

KEEP_ALIVE_S = 10
ANSWER_TIMEOUT_S = 10.0

log = logging.getLogger("vitalwire.sdk.link")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the broker is and how to log in; the user name is the device id."""

    device: DeviceId
    host: str
    port: int
    secret: str
    tls: ssl.SSLContext | None = None
    keep_alive_s: int = KEEP_ALIVE_S


class Link(Client):
    """One connection. aiomqtt 2.5 does not tell the reason of a PUBACK, so paho is asked for it."""

    def __init__(
        self, address: Address, will: bytes, on_puback: Callable[[int, ReasonCode], None]
    ) -> None:
        super().__init__(
            address.host,
            address.port,
            username=address.device,
            password=address.secret,
            identifier=address.device,
            protocol=ProtocolVersion.V5,
            clean_start=True,
            keepalive=address.keep_alive_s,
            timeout=ANSWER_TIMEOUT_S,
            tls_context=address.tls,
            max_inflight_messages=IN_FLIGHT_LIMIT + 10,
            max_queued_incoming_messages=1000,
            will=Will(up_topic(address.device, UpKind.STATUS), will, qos=1, retain=True),
            logger=log,
        )
        inner: Any = self._client.on_publish  # typed as a union of all versions of the callback

        def published(client: Any, data: Any, mid: int, reason: Any, properties: Any) -> None:
            inner(client, data, mid, reason, properties)
            on_puback(mid, reason)

        self._client.on_publish = published

    def send(
        self, topic: str, body: bytes, properties: Properties | None, *, retain: bool = False
    ) -> int:
        """Hand a QoS 1 message to the socket; give its number for the PUBACK."""
        info = self._client.publish(topic, body, 1, retain, properties)
        if info.rc != MQTT_ERR_SUCCESS:
            raise MqttError(f"could not send: {info.rc}")
        return info.mid

    def forget_errors(self) -> None:
        """Take note of how the connection ended, which aiomqtt does not always do itself."""
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()

    def cut(self) -> None:
        """Let the connection go without a word, as a lost network does."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            connection.shutdown(socket.SHUT_RDWR)


MakeLink = Callable[[Address, bytes, Callable[[int, ReasonCode], None]], Link]


def envelope(entry: Entry) -> Properties | None:
    """MQTT user properties of native bytes; `packed` and `json` carry their own."""
    if entry.codec in ("packed", "json"):
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = [
        ("b", f"{entry.key.boot:08x}"),
        ("n", str(entry.key.n)),
        ("t", str(entry.t_us)),
    ]
    return properties
