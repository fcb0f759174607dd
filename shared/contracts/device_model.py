"""What is known of a model of device: what it speaks, what it measures, how it is identified.

A model is one TOML file in ``shared/device_models``; this is its checked form. A single device
may lay its own settings over it (``registry.device.settings``).
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from shared.contracts.model_values import ModelValue, Name
from shared.contracts.processing import Processing
from shared.contracts.streams import STREAMS_BY_KEY, Place


class Identity(StrEnum):
    """Where the boot and the number of a message come from."""

    ENVELOPE = "envelope"
    """The device gives them: nothing is lost or stored twice."""
    ARRIVAL = "arrival"
    """The gateway gives them, a boot for each session: at least once."""


class ModelStream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stream that a model sends.

    ``rate_hz`` is 0 for single readings; ``channels`` are the names shown for it, the stream's
    own where it is empty; value = sample * scale + offset where the message does not say.
    """

    key: str
    rate_hz: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 0.0
    channels: tuple[str, ...] = ()
    place: str = "none"
    scale: float = 1.0
    offset: float = 0.0


class ModelCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One command that a model understands, with its arguments."""

    name: Name
    args: tuple[ModelValue, ...] = ()
    label: str = ""


class ModelUnit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a hub of this model may have behind it: what the protocol calls it, and its model."""

    kind: Name
    model: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class DeviceModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of device. ``simulated`` ones are no device of flesh and blood's.

    ``configuration`` names what may be wished of a device in ``down/desired``. ``constants`` are
    by codec: numbers of its protocol that this model has otherwise. ``dialogue`` is the codec in
    whose native bytes commands go out and answers come; empty: JSON. ``stale_after_s``: so long
    without a word a device counts as offline though its connection was never told to be over
    (0: only its connection counts). ``units`` may join while the hub runs; ``behind_hub`` models
    are only met there. ``continuous``: worn, it gives some vital sign all the time, so that its
    silence is an alarm. ``processing`` is what is chosen of how its samples are worked out (the
    curve of its oximeter); ``settings.processing`` of a single device lies over it.
    ``capabilities`` are names for people and programs that look for a device.
    """

    label: str
    maker: str
    codecs: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    identity: Identity = Identity.ENVELOPE
    simulated: bool = False
    streams: tuple[ModelStream, ...] = ()
    commands: tuple[ModelCommand, ...] = ()
    configuration: tuple[ModelValue, ...] = ()
    constants: dict[str, dict[str, float]] = {}
    dialogue: str = ""
    keep_alive_s: Annotated[float, msgspec.Meta(ge=1, le=3_600)] = 10.0
    stale_after_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    units: tuple[ModelUnit, ...] = ()
    behind_hub: bool = False
    continuous: bool = True
    processing: Processing = Processing()
    capabilities: tuple[Name, ...] = ()

    def command(self, name: str) -> ModelCommand | None:
        """The command of this name, if the model understands it."""
        return next((command for command in self.commands if command.name == name), None)


def read_device_model(text: str) -> DeviceModel:
    """Give the model that a TOML text describes.

    Raises
    ------
    ValueError : the text is no TOML, a field is unknown or wrong, a stream or a place is unknown
    """
    try:
        model = msgspec.toml.decode(text, type=DeviceModel)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a device model: {error}") from error
    places = {place.name.lower() for place in Place}
    for stream in model.streams:
        row = STREAMS_BY_KEY.get(stream.key)
        if row is None:
            raise ValueError(f"there is no stream {stream.key!r}")
        if stream.place not in places:
            raise ValueError(f"there is no place {stream.place!r}")
        if len(stream.channels) > len(row.channels):
            raise ValueError(f"{stream.key} has at most {len(row.channels)} channels")
        if stream.scale == 0:
            raise ValueError(f"{stream.key}: a scale of 0 makes all samples equal")
    for names in (
        [command.name for command in model.commands],
        [value.name for value in model.configuration],
        [unit.kind for unit in model.units],
        *([value.name for value in command.args] for command in model.commands),
    ):
        if len(set(names)) != len(names):
            raise ValueError(f"a name stands twice in {names}")
    return model
