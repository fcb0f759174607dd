"""A connection that repeats, reorders and corrupts what goes over it."""

from collections.abc import Callable
from typing import Any, final

from numpy.random import Generator
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from typing_extensions import override

from devices.sdk.link import Address, Link
from devices.simulators.faults_on_request import Fault

SHARE = 0.5  # of the messages while a fault is on


@final
class FaultyLink(Link):
    """A `Link` on which data meets faults; status and results pass.

    A message that is held back has a number of its own below 0, by which its PUBACK is told.
    """

    def __init__(
        self,
        address: Address,
        will: bytes,
        on_puback: Callable[[int, ReasonCode], None],
        *,
        chance: Generator,
        is_on: Callable[[Fault], bool],
    ) -> None:
        self._promised: dict[int, int] = {}
        self._held: tuple[int, str, bytes, Properties | None] | None = None
        self._next_promise = -1
        self._chance, self._is_on = chance, is_on

        def acknowledged(mid: int, reason: Any) -> None:
            on_puback(self._promised.pop(mid, mid), reason)

        super().__init__(address, will, acknowledged)

    @override
    def send(
        self, topic: str, body: bytes, properties: Properties | None, *, retain: bool = False
    ) -> int:
        if "/up/d/" not in topic:
            return super().send(topic, body, properties, retain=retain)
        if self._held is None and self._meets(Fault.REORDER):
            self._held = (self._next_promise, topic, body, properties)
            self._next_promise -= 1
            return self._held[0]
        if self._meets(Fault.CORRUPT):
            body = self._corrupted(body)
        mid = super().send(topic, body, properties)
        if self._meets(Fault.DUPLICATE):
            super().send(topic, body, properties)
        if self._held is not None:
            promise, held_topic, held_body, held_properties = self._held
            self._held = None
            self._promised[super().send(held_topic, held_body, held_properties)] = promise
        return mid

    def _meets(self, fault: Fault) -> bool:
        return self._is_on(fault) and self._chance.random() < SHARE

    def _corrupted(self, body: bytes) -> bytes:
        place = int(self._chance.integers(len(body)))
        bit = 1 << int(self._chance.integers(8))
        return body[:place] + bytes([body[place] ^ bit]) + body[place + 1 :]
