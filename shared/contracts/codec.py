"""A codec as the register lists it: how its bytes are read, and what of it may be set.

A codec is a folder of ``shared/codecs``; its module ``codec`` holds one ``CODEC`` of the type here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from shared.contracts.decoding import Decoder, PlainReader
from shared.contracts.dialogue import Dialogue
from shared.contracts.file_reading import FileReader


class Framing(Enum):
    """How the messages of a codec are cut out of what MQTT delivers."""

    MESSAGE = "message"
    """Each MQTT message stands alone: one decoder may serve every device."""
    STREAM = "stream"
    """Messages run across MQTT messages: a decoder per device, whose remainder is state. A device
    that speaks such a codec numbers (``n``) the pieces of that one stream and nothing else."""


class Constant(NamedTuple):
    """A number of a protocol that a real device may have otherwise: its default and its source."""

    value: float
    unit: str
    source: str


def _none() -> Mapping[str, Constant]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A codec as the register lists it.

    Parameters
    ----------
    largest_bytes : the longest MQTT payload that is looked at; anything longer is refused unread
    new_decoder : of these constants, complete and in the order of ``constants``
    constants : what a device model, and a single device over it, may set otherwise
    needs_envelope : its bytes carry no identity: it stands in MQTT user properties, or the model
        says ``identity: arrival``
    largest_rest : bytes that a stream decoder keeps at most
    new_dialogue : the server's side of a protocol that asks and answers; None: commands and
        answers are the JSON of ``down/command`` and ``up/result``
    read_file : reads whole files that come on ``up/file/{name}`` or by ``vitalwire import``
    """

    name: str
    framing: Framing
    largest_bytes: int
    new_decoder: Callable[[Mapping[str, float]], Decoder]
    read_plain: PlainReader | None = None
    constants: Mapping[str, Constant] = field(default_factory=_none)
    needs_envelope: bool = False
    largest_rest: int = 0
    new_dialogue: Callable[[Mapping[str, float]], Dialogue] | None = None
    read_file: FileReader | None = None

    def with_constants(self, *settings: Mapping[str, float]) -> Mapping[str, float]:
        """Give all constants: the defaults, with these laid over them, the last one uppermost.

        Raises
        ------
        ValueError : a setting is no constant of this codec
        """
        found = {name: constant.value for name, constant in self.constants.items()}
        for setting in settings:
            unknown = setting.keys() - found.keys()
            if unknown:
                raise ValueError(f"{self.name} has no constant {', '.join(sorted(unknown))}")
            found.update(setting)
        return MappingProxyType(found)
