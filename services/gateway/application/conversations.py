"""With whom the gateway speaks in a protocol of their own: the devices, and their dialogues."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from services.gateway.application.devices import Devices
from services.gateway.application.routing import constants_of
from services.gateway.core.messages import Device
from shared.contracts.codec import Codec
from shared.contracts.device_model import DeviceModel
from shared.contracts.dialogue import Dialogue, Effect, Seen
from shared.contracts.identity import UNIT_MARK, hub_of
from shared.runtime.quarantine import Choked, attempt_twice


@dataclass(slots=True)
class GivenCommand:
    """A command that a dialogue has been given."""

    device: Device
    expires_us: int
    is_withdrawn: bool = False


@dataclass(slots=True)
class Conversation:
    """One device, its dialogue (none before it is needed), and the commands that it was given.

    ``there`` are the units that the dialogue holds for present.
    """

    hub: Device
    new: Callable[[], Dialogue]
    heard_us: int
    dialogue: Dialogue | None = None
    due_us: int | None = None
    given: dict[str, GivenCommand] = field(default_factory=dict)
    there: dict[str, Seen] = field(default_factory=dict)

    def attempt(
        self, work: Callable[[Dialogue], list[Effect]], now_us: int
    ) -> tuple[list[Effect], int | None] | Choked:
        """Let the dialogue work; give what it wants done, and when it is due again.

        Commands whose time is over are withdrawn before, however late that is noticed otherwise.
        One that failed is not used again: the second try is a new one's.
        """
        over = self._withdraw(now_us) if self.given else []

        def once() -> tuple[list[Effect], int | None]:
            dialogue = self.dialogue
            if dialogue is None:
                self.given = {}  # whoever gave them gives again what is still to be done
                self.there = {}
                dialogue = self.new()
            self.dialogue = None
            for command in over:
                dialogue.withdraw(command)
            effects = work(dialogue)
            due_us = dialogue.due_us()
            self.dialogue = dialogue
            return effects, due_us

        found = attempt_twice(once, loop="dialogues", identity=f"device {self.hub.name}")
        if isinstance(found, Choked):
            self.given = {}
        return found

    def _withdraw(self, now_us: int) -> list[str]:
        over: list[str] = []
        for command, given in self.given.items():
            if not given.is_withdrawn and given.expires_us <= now_us:
                given.is_withdrawn = True
                over.append(command)
        return over


class Speakers:
    """Who speaks for a device, and by which dialogue."""

    def __init__(
        self, codecs: Mapping[str, Codec], models: Mapping[str, DeviceModel], devices: Devices
    ) -> None:
        self._codecs = codecs
        self._models = models
        self._devices = devices

    def hub_of(self, device: Device) -> Device | None:
        """The device that speaks for this one, or itself; None where its hub is not held."""
        return device if UNIT_MARK not in device.name else self._devices.find(hub_of(device.name))

    def speaks(self, hub: Device) -> bool:
        """Whether the model of a device has a dialogue; units are spoken of with their hub."""
        return UNIT_MARK not in hub.name and self._codec_of(hub) is not None

    def converse(self, hub: Device, heard_us: int) -> Conversation:
        """Begin with a device whose model has a dialogue."""
        codec = self._codec_of(hub)
        assert codec is not None
        assert codec.new_dialogue is not None
        constants = constants_of(hub, codec, self._models[hub.model])
        return Conversation(hub, partial(codec.new_dialogue, constants), heard_us)

    def _codec_of(self, hub: Device) -> Codec | None:
        model = self._models.get(hub.model)
        codec = self._codecs.get(model.dialogue) if model is not None else None
        return codec if codec is not None and codec.new_dialogue is not None else None
