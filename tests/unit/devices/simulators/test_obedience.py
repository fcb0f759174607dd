"""Simulated devices obey every command and key that their model names."""

from typing import Any

import pytest

from devices.sdk import Command, CommandOutcome
from devices.simulators.bedside_monitor import BedsideMonitor
from devices.simulators.obedience import Obedience
from devices.simulators.roster import MODEL, demo_ward
from shared.contracts.model_values import ModelValue, ValueKind
from shared.device_models.catalogue import load_device_models


def an_example(value: ModelValue) -> object:
    if value.choices:
        return value.choices[-1]
    return {
        ValueKind.INTEGER: int(value.high or 1),
        ValueKind.NUMBER: value.high,
        ValueKind.TEXT: "a text",
        ValueKind.BOOLEAN: True,
    }[value.kind]


class Bed:
    def __init__(self) -> None:
        self.reported: dict[str, Any] = {}
        self.source = BedsideMonitor(demo_ward(seed=1)[0])
        self.obedience = Obedience(self.source, self.reported.update)

    async def tell(self, name: str, **args: Any) -> object:
        return await self.obedience.obey(Command("c", name, args, 0))

    def ecg_hz(self) -> float:
        return self.source.second(3, 0)[0].frames[0].rate_hz


MONITOR = load_device_models()[MODEL]


@pytest.mark.parametrize("command", MONITOR.commands, ids=lambda command: str(command.name))
async def test_every_command_of_the_model_is_obeyed(command: Any) -> None:
    args = {value.name: an_example(value) for value in command.args}
    assert await Bed().tell(command.name, **args) is None


async def test_every_key_of_the_configuration_is_in_force() -> None:
    bed = Bed()
    wished = {value.name: an_example(value) for value in MONITOR.configuration}
    assert await bed.obedience.configure(wished) == wished
    assert bed.ecg_hz() == 500
    assert await bed.obedience.configure({"unheard_of": 1}) == {}
    with pytest.raises(ValueError, match="7 Hz"):
        await bed.obedience.configure({"ecg_hz": 7})


async def test_what_is_told_shows() -> None:
    bed = Bed()
    await bed.tell("stop")
    assert (bed.obedience.is_measuring, bed.reported) == (False, {"measuring": False})
    await bed.tell("start")
    assert bed.obedience.is_measuring
    await bed.tell("rate", ecg_hz=125)
    assert bed.ecg_hz() == 125
    await bed.tell("show_text", text="bed 4")
    assert bed.reported["display_text"] == "bed 4"
    for name, args in (("rate", {"ecg_hz": 7}), ("explode", {}), ("rate", {})):
        told = await bed.tell(name, **args)
        assert isinstance(told, tuple)
        assert told[0] is CommandOutcome.REFUSED
