"""Names on MQTT and RabbitMQ: built and parsed here only."""

from enum import StrEnum
from typing import NamedTuple

from shared.contracts.identity import DeviceId, Lane, Shard, parse_device_id, shard_of

ROOT = "vw1"


class Exchange(StrEnum):
    """Direct exchanges, one a kind; routing key is the lane, or the name of a queue without."""

    FRAMES = "frames"
    LATE = "late"
    VITALS = "vitals"
    EVENTS = "events"
    COMMANDS = "commands"
    RECEIPTS = "receipts"
    ACTIONS = "actions"
    NOTICES = "notices"
    PARKING = "parking"


class Queue(StrEnum):
    """Quorum queues and streams that have no lane."""

    EVENTS = "events"
    ALARM_ACTIONS = "alarm_actions"
    NOTICES = "notices"
    PARKING = "parking"


LANE_STREAMS = (Exchange.FRAMES, Exchange.LATE, Exchange.VITALS)
LANE_QUEUES = (Exchange.COMMANDS, Exchange.RECEIPTS)
UNLANED: dict[Exchange, Queue] = {
    Exchange.EVENTS: Queue.EVENTS,
    Exchange.ACTIONS: Queue.ALARM_ACTIONS,
    Exchange.NOTICES: Queue.NOTICES,
    Exchange.PARKING: Queue.PARKING,
}


class Header(StrEnum):
    """AMQP headers of a batch."""

    INCARNATION = (
        "incarnation"  # of the streams: a new one begins with other lanes or a lost broker
    )
    BYTES = "bytes"  # cumulative bytes of the lane, this batch included
    TRACEPARENT = "traceparent"


def lane_queue(exchange: Exchange, lane: Lane) -> str:
    """Name of a lane's stream or queue: ``frames.3``."""
    return f"{exchange.value}.{lane}"


def routing_key(lane: Lane) -> str:
    """Routing key of a lane."""
    return str(lane)


class UpKind(StrEnum):
    """What a device sends, by topic."""

    DATA = "d"
    FILE = "file"
    STATUS = "status"
    RESULT = "result"


class DownKind(StrEnum):
    """What a device is told, by topic."""

    STORED = "stored"
    COMMAND = "command"
    ERROR = "error"
    DESIRED = "desired"
    TIME = "time"
    FILE = "file"


class UpTopic(NamedTuple):
    """A parsed topic of a device. `codec` is empty for status and result."""

    shard: Shard
    device: DeviceId
    kind: UpKind
    codec: str


def device_root(device: DeviceId) -> str:
    """Topic root of a device: ``vw1/{shard}/{device}``, the shard as two hex digits."""
    return f"{ROOT}/{shard_of(device):02x}/{device}"


def up_topic(device: DeviceId, kind: UpKind, codec: str = "") -> str:
    """Topic on which a device sends."""
    tail = f"{kind.value}/{codec}" if codec else kind.value
    return f"{device_root(device)}/up/{tail}"


def down_topic(device: DeviceId, kind: DownKind) -> str:
    """Topic on which a device listens."""
    return f"{device_root(device)}/down/{kind.value}"


def up_filter(shard: Shard) -> str:
    """Subscription of the gateway to all devices of a shard."""
    return f"{ROOT}/{shard:02x}/+/up/#"


def parse_up_topic(topic: str) -> UpTopic | None:
    """The parts of a device's topic, or None where it is none or the shard is not the device's."""
    match topic.split("/"):
        case [root, shard, name, "up", kind, *rest] if root == ROOT and len(rest) <= 1:
            device = parse_device_id(name)
            codec = rest[0] if rest else ""
            if device is None or shard != f"{shard_of(device):02x}":
                return None
            if (kind in (UpKind.DATA, UpKind.FILE)) != bool(codec):
                return None
            return UpTopic(shard_of(device), device, UpKind(kind), codec) if _known(kind) else None
        case _:
            return None


def _known(kind: str) -> bool:
    return kind in UpKind.__members__.values()
