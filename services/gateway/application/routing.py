"""Topics to devices and decoders, remembered: the look-up of a topic is the hot loop's first."""

import math
from collections.abc import Container, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import structlog

from services.gateway.application.devices import Devices
from services.gateway.core.file_parts import LARGEST_PART_BYTES
from services.gateway.core.messages import Device, Incoming
from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoder, PlainReader, Refused
from shared.contracts.device_model import DeviceModel, Identity
from shared.contracts.identity import DeviceId, parse_device_id
from shared.contracts.names import ROOT, UpKind, UpTopic, parse_up_topic
from shared.contracts.parking import Reason
from shared.runtime.quarantine import Choked, attempt_twice

log = structlog.get_logger()

MOST_ROUTES = 200_000
"""A few topics a device; when it is reached all are looked up again."""
MOST_DECODERS = 1_000
"""One serves all devices of a codec with the same constants; when it is reached all go."""


class Route(NamedTuple):
    """Where a topic leads. ``decoder`` is None where the message is no data.

    Parameters
    ----------
    is_stream : messages run across MQTT messages: the decoder is resumed for each (`ByteStreams`)
    needs_envelope : the bytes carry no identity
    is_arrival : then the gateway gives one, where none stands beside them
    may_have_units : the device may speak for units behind it
    """

    device: Device
    kind: UpKind
    decoder: Decoder | None
    largest_bytes: int
    read_plain: PlainReader | None = None
    codec: str = ""
    is_stream: bool = False
    needs_envelope: bool = False
    is_arrival: bool = False
    may_have_units: bool = False


class Routes:
    """The topics of one lane.

    Parameters
    ----------
    models : by name; a device may only speak the codecs of its model. Of a model that this
        version does not know nothing is refused
    formats : of files that any device may send
    """

    def __init__(
        self,
        codecs: Mapping[str, Codec],
        devices: Devices,
        models: Mapping[str, DeviceModel] | None = None,
        formats: Container[str] = (),
    ) -> None:
        self._codecs = codecs
        self._formats = formats
        self._models = models or {}
        self._devices = devices
        self._generation = devices.generation
        self._decoders: dict[tuple[str, tuple[float, ...]], Decoder] = {}
        self.known: dict[str, Route] = {}
        """By topic; the hot loop looks here itself."""
        self.has_native = False
        """Some of them lead to codecs whose bytes carry no identity."""
        self.has_arrivals = False
        """Some of them lead to devices whose messages may have no time but that of arrival."""

    def refresh(self) -> None:
        """Forget all if the registry has changed, or if there are too many."""
        if self._generation != self._devices.generation or len(self.known) > MOST_ROUTES:
            self._generation = self._devices.generation
            self.known.clear()
            self.has_native = self.has_arrivals = False

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
        if device.hub is not None:
            return Refused(Reason.FOREIGN_DEVICE, f"{parsed.device} speaks through its hub")
        route = self._lead(parsed, device)
        if isinstance(route, Route):
            self.known[topic] = route
            self.has_native |= route.needs_envelope
            self.has_arrivals |= route.is_arrival
        return route

    def sender(self, topic: str) -> Device | None:
        """Give the device that a topic belongs to, if it is held and the topic is its own."""
        parsed = parse_up_topic(topic)
        return None if parsed is None else self._devices.find(parsed.device)

    def constants_of(self, device: Device, codec: Codec) -> Mapping[str, float]:
        """Give the constants by which a device speaks a codec; wrong settings are passed over."""
        return constants_of(device, codec, self._models.get(device.model))

    def _lead(self, parsed: UpTopic, device: Device) -> Route | Refused:
        if parsed.kind in (UpKind.STATUS, UpKind.RESULT):
            return Route(device, parsed.kind, None, 0)
        if parsed.kind is UpKind.FILE:
            return self._lead_file(parsed, device)
        codec = self._codecs.get(parsed.codec)
        if codec is None:
            return Refused(Reason.UNKNOWN_CODEC, f"{parsed.kind}/{parsed.codec[:40]}")
        model = self._models.get(device.model)
        if model is not None and parsed.codec not in model.codecs:
            return Refused(Reason.FOREIGN_CODEC, f"{device.model} does not speak {parsed.codec}")
        decoder = self._decoder(codec, self.constants_of(device, codec))
        if decoder is None:
            return Refused(Reason.INTERNAL_ERROR, f"no decoder of {codec.name} can be made")
        is_stream = codec.framing is Framing.STREAM
        return Route(
            device,
            parsed.kind,
            decoder,
            codec.largest_bytes,
            None if codec.constants else codec.read_plain,
            codec.name,
            is_stream,
            is_stream or codec.needs_envelope,
            model is not None and model.identity is Identity.ARRIVAL,
            model is not None and bool(model.units),
        )

    def _lead_file(self, parsed: UpTopic, device: Device) -> Route | Refused:
        """Give where a part of a file leads: recordings are anybody's, others by model."""
        name = parsed.codec
        codec = self._codecs.get(name)
        if name not in self._formats:
            if codec is None or codec.read_file is None:
                return Refused(Reason.UNKNOWN_CODEC, f"{parsed.kind}/{name[:40]}")
            model = self._models.get(device.model)
            if model is not None and name not in model.codecs:
                return Refused(Reason.FOREIGN_CODEC, f"{device.model} does not speak {name}")
        return Route(device, parsed.kind, None, LARGEST_PART_BYTES, codec=name)

    def _decoder(self, codec: Codec, constants: Mapping[str, float]) -> Decoder | None:
        """Give the decoder of these constants; of the codec's own where they make none."""
        for chosen in (constants, codec.with_constants()):
            key = (codec.name, tuple(chosen.values()))
            found = self._decoders.get(key)
            if found is not None:
                return found
            made = attempt_twice(
                partial(codec.new_decoder, chosen), loop="routes", identity=codec.name
            )
            if not isinstance(made, Choked):
                if len(self._decoders) >= MOST_DECODERS:
                    self._decoders.clear()
                self._decoders[key] = made
                return made
        return None


def constants_of(device: Device, codec: Codec, model: DeviceModel | None) -> Mapping[str, float]:
    """Give the constants of a codec: its own, the model's over them, the device's uppermost.

    What is no constant of the codec, or no finite number, is logged and passed over.
    """
    of_model: Mapping[str, Any] = {} if model is None else model.constants.get(codec.name, {})
    of_device = device.constants.get(codec.name, {})
    settings: list[dict[str, float]] = []
    for given in (of_model, of_device if isinstance(of_device, Mapping) else {"": of_device}):
        right = {
            name: float(value)
            for name, value in given.items()
            if name in codec.constants and _is_number(value)
        }
        if len(right) != len(given):
            log.warning(
                "constants_passed_over",
                device=device.name,
                codec=codec.name,
                n_wrong=len(given) - len(right),
            )
        settings.append(right)
    return codec.with_constants(*settings)


def device_of(message: Incoming) -> str:
    """Give the name that stands in a topic where a device's would, if it is one."""
    parts = message.topic.split("/", 3)
    name = parts[2] if len(parts) > 2 else ""
    return name if parse_device_id(name) is not None else ""


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e300  # type: ignore[arg-type]  # checked on the left


def _refuse_topic(topic: str) -> Refused:
    match topic.split("/"):
        case [root, _, name, "up", kind, *_] if (
            root == ROOT and parse_device_id(name) is not None and kind in set(UpKind)
        ):
            # The parts are right, so it is the shard that is not the device's own.
            return Refused(Reason.FOREIGN_DEVICE, f"{name} does not belong to this shard")
        case _:
            return Refused(Reason.MALFORMED, "no topic of ours")
