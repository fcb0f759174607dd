"""What the loops and the adapters of the gateway hand to each other."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from services.gateway.core.clock_map import Segment
from shared.contracts.commands import CommandOutcome
from shared.contracts.identity import DeviceId, DeviceKey
from shared.contracts.names import ROOT
from shared.contracts.parking import Reason
from shared.contracts.receipts import Receipt


class Incoming(NamedTuple):
    """One message from MQTT. ``packet_id`` is 0 where no PUBACK is expected.

    ``arrival_us``: when it was read from the socket, us UTC.
    """

    topic: str
    payload: bytes
    packet_id: int
    retained: bool
    properties: Sequence[tuple[str, str]]
    arrival_us: int


MARKS = f"{ROOT}/mark/"
"""Begin of the topics on which a session marks a place in its own queue; no shard has this name."""


class Device(NamedTuple):
    """A device as the registry knows it, as far as the gateway needs it.

    ``hub`` speaks for a unit; ``constants`` are what the registry says of this one device's
    protocol numbers, by codec, ``processing`` what it chooses of how its samples are worked out:
    nobody has checked them. ``frame_flags`` is that choice, with its model's, as frames carry it.
    """

    key: DeviceKey
    name: DeviceId
    model: str
    simulated: bool
    hub: DeviceKey | None = None
    constants: Mapping[str, Any] = MappingProxyType({})
    processing: Any = MappingProxyType({})
    frame_flags: int = 0


class BootKey(NamedTuple):
    """One power-up of one device."""

    device: DeviceKey
    boot: int


class StreamKey(NamedTuple):
    """One byte stream of a device: it ends with the power-up."""

    device: DeviceKey
    codec: str
    boot: int


class RestRow(NamedTuple):
    """What a byte stream has left after message ``n``."""

    stream: StreamKey
    n: int
    rest: bytes
    received_us: int


class StoredClock(NamedTuple):
    """What the table knows of a boot: its segments and its newest correction."""

    segments: list[Segment]
    correction_us: int


class ParkedMessage(NamedTuple):
    """A message that cannot be used, with what is known of it."""

    payload: bytes
    reason: Reason
    detail: str
    topic: str
    device: str
    identity: str
    at_us: int


class SessionEnded(Exception):
    """The network connection of a lane is gone; a new one may be opened.

    Parameters
    ----------
    text : why
    taken_over : somebody else opened the session of this lane: it is not ours any more
    """

    def __init__(self, text: str, *, taken_over: bool = False) -> None:
        super().__init__(text)
        self.taken_over = taken_over


class StoredMessages(NamedTuple):
    """What one commit of storage made durable.

    ``lane_bytes``: cumulative bytes of the newest batch in it, of ``frames`` or of ``late``.
    """

    receipts: list[Receipt]
    lane_bytes: int | None
    late: bool


class FinishedCommand(NamedTuple):
    """A command that has ended, for the event that tells of it."""

    id: str
    device: DeviceKey
    name: str
    outcome: CommandOutcome
    detail: str
    finished_us: int


class DesiredConfiguration(NamedTuple):
    """What is wished of a device."""

    device: DeviceKey
    version: int
    configuration: dict[str, Any]


class DeviceCount(NamedTuple):
    """How many messages of a device were taken or refused since the last time."""

    device: DeviceKey
    kind: str
    reason: str
    n: int
