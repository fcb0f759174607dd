"""What a simulated device with a protocol of its own sends, hears and does."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from devices.sdk import Command, CommandAnswer, CommandOutcome
from devices.simulators.bedside_monitor import Outgoing


class NativeBytes(NamedTuple):
    """Bytes of one codec to publish, with their time by the true clock."""

    codec: str
    body: bytes
    t_us: int


class NativeSource(Protocol):
    """A device whose seconds depend on its seed, on the second and on what it was told."""

    is_measuring: bool

    def second(self, second: int, start_us: int) -> list[NativeBytes | Outgoing]:
        """What it sends of one second that began at ``start_us`` (true time)."""
        ...

    def hear(self, data: bytes, now_us: int) -> list[NativeBytes]:
        """Take a command in its own bytes; give the answers."""
        ...

    def adjust(self, settings: Mapping[str, Any]) -> None:
        """Take settings by the names of the model's commands and configuration.

        Raises
        ------
        ValueError : it cannot be set so
        """
        ...

    def restart(self) -> None:
        """Forget what does not survive a loss of power."""
        ...


class JsonObedience:
    """Obeys JSON commands and configurations of the models with native bytes.

    Parameters
    ----------
    report : told what ``up/status`` shall report; None takes a fact back
    """

    def __init__(self, source: NativeSource, report: Callable[..., None]) -> None:
        self._source = source
        self._report = report

    async def obey(self, command: Command) -> CommandAnswer:
        """Carry a command out; the server has checked its values, a device checks again."""
        match command.name:
            case "start" | "stop":
                self._source.is_measuring = command.name == "start"
                self._report(measuring=self._source.is_measuring)
            case "show_text":
                self._report(display_text=command.args.get("text") or None)
            case "identify":
                self._report(identified=f"for {command.args.get('seconds', 10)} s")
            case "set_rate" | "set_led_current" | "set_range":
                try:
                    self._source.adjust(command.args)
                except ValueError as error:
                    return CommandOutcome.REFUSED, str(error)
                self._report(**command.args)
            case _:
                return CommandOutcome.REFUSED, f"no {command.name} here"
        return None

    async def configure(self, configuration: Mapping[str, Any]) -> Mapping[str, Any]:
        """Apply a configuration; gives what is in force.

        Raises
        ------
        ValueError : it cannot be set so
        """
        shown = {"display_text", "step_target"}
        self._source.adjust({k: v for k, v in configuration.items() if k not in shown})
        return configuration
