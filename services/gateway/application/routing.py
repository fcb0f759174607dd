"""Topics to devices and decoders, remembered: the look-up of a topic is the hot loop's first."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.gateway.application.devices import Devices
from services.gateway.core.messages import Device, Incoming
from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoder, PlainReader, Refused
from shared.contracts.device_model import DeviceModel
from shared.contracts.identity import DeviceId, parse_device_id
from shared.contracts.names import ROOT, UpKind, UpTopic, parse_up_topic
from shared.contracts.parking import Reason

MOST_ROUTES = 200_000
"""A few topics a device; when it is reached all are looked up again."""


class Route(NamedTuple):
    """Where a topic leads. ``decoder`` is None for a status and for the result of a command."""

    device: Device
    kind: UpKind
    decoder: Decoder | None
    largest_bytes: int
    read_plain: PlainReader | None = None


class UnknownYet(NamedTuple):
    """A topic of a device that is not held: the registry must be asked."""

    name: DeviceId


class Routes:
    """The topics of one lane.

    Parameters
    ----------
    models : by name; a device may only speak the codecs of its model. Of a model that this
        version does not know nothing is refused
    """

    def __init__(
        self,
        codecs: Mapping[str, Codec],
        devices: Devices,
        models: Mapping[str, DeviceModel] | None = None,
    ) -> None:
        self._codecs = codecs
        self._models = models or {}
        self._devices = devices
        self._generation = devices.generation
        # One decoder serves all devices of a codec whose messages each stand alone.
        self._shared = {
            name: codec.new_decoder(codec.with_constants())
            for name, codec in codecs.items()
            if codec.framing is Framing.MESSAGE
        }
        self.known: dict[str, Route] = {}
        """By topic; the hot loop looks here itself."""

    def refresh(self) -> None:
        """Forget all if the registry has changed, or if there are too many."""
        if self._generation != self._devices.generation or len(self.known) > MOST_ROUTES:
            self._generation = self._devices.generation
            self.known.clear()

    async def look_up(self, topics: Iterable[str]) -> frozenset[DeviceId]:
        """Have the devices of new topics held; give those of which nothing can be said now."""
        names: dict[DeviceId, None] = {}
        for topic in topics:
            parsed = parse_up_topic(topic)
            if parsed is not None and self._devices.find(parsed.device) is None:
                names[parsed.device] = None
        return await self._devices.look_up(names) if names else frozenset()

    def find(self, topic: str) -> Route | Refused:
        """Give where a topic leads, from what is held."""
        parsed = parse_up_topic(topic)
        if parsed is None:
            return _refuse_topic(topic)
        device = self._devices.find(parsed.device)
        if device is None:
            return Refused(Reason.UNKNOWN_DEVICE, f"{parsed.device} is not registered")
        route = self._lead(parsed, device)
        if isinstance(route, Route):
            self.known[topic] = route
        return route

    def sender(self, topic: str) -> Device | None:
        """Give the device that a topic belongs to, if it is held and the topic is its own."""
        parsed = parse_up_topic(topic)
        return None if parsed is None else self._devices.find(parsed.device)

    def _lead(self, parsed: UpTopic, device: Device) -> Route | Refused:
        if parsed.kind in (UpKind.STATUS, UpKind.RESULT):
            return Route(device, parsed.kind, None, 0)
        codec = self._codecs.get(parsed.codec)
        decoder = self._shared.get(parsed.codec)
        if parsed.kind is not UpKind.DATA or codec is None or decoder is None:
            return Refused(Reason.UNKNOWN_CODEC, f"{parsed.kind}/{parsed.codec[:40]}")
        model = self._models.get(device.model)
        if model is not None and parsed.codec not in model.codecs:
            return Refused(Reason.FOREIGN_CODEC, f"{device.model} does not speak {parsed.codec}")
        return Route(device, parsed.kind, decoder, codec.largest_bytes, codec.read_plain)


def device_of(message: Incoming) -> str:
    """Give the name that stands in a topic where a device's would, if it is one."""
    parts = message.topic.split("/", 3)
    name = parts[2] if len(parts) > 2 else ""
    return name if parse_device_id(name) is not None else ""


def _refuse_topic(topic: str) -> Refused:
    match topic.split("/"):
        case [root, _, name, "up", kind, *_] if (
            root == ROOT and parse_device_id(name) is not None and kind in set(UpKind)
        ):
            # The parts are right, so it is the shard that is not the device's own.
            return Refused(Reason.FOREIGN_DEVICE, f"{name} does not belong to this shard")
        case _:
            return Refused(Reason.MALFORMED, "no topic of ours")
