"""What a simulated device does when it is told something, and what it then reports."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, final

from devices.sdk import Command, CommandAnswer, CommandOutcome


class Adjustable(Protocol):
    """A source whose rate of the ECG may be set."""

    def set_ecg_rate(self, hz: int) -> bool:
        """Sample the ECG so often from the next second on; false where it cannot."""


@final
class Obedience:
    """Obeys the commands and the configuration of the model ``bedside-monitor``.

    Parameters
    ----------
    source : what the device sends
    report : told what ``up/status`` shall report; None takes a fact back
    """

    def __init__(self, source: Adjustable, report: Callable[..., None]) -> None:
        self._source = source
        self._report = report
        self.is_measuring = True

    async def obey(self, command: Command) -> CommandAnswer:
        """Carry a command out; the server has checked its values, a device checks again."""
        match command.name, command.args:
            case "start", _:
                self._measure(on=True)
            case "stop", _:
                self._measure(on=False)
            case "rate", {"ecg_hz": int(hz)}:
                if not self._source.set_ecg_rate(hz):
                    return CommandOutcome.REFUSED, f"no ECG at {hz} Hz here"
                self._report(ecg_hz=hz)
            case "show_text", {"text": str(text)}:
                self._report(display_text=text or None)
            case "identify", {"seconds": int(seconds)}:
                self._report(identified=f"for {seconds} s")
            case "identify", {}:
                self._report(identified="for 10 s")
            case _:
                return CommandOutcome.REFUSED, f"no {command.name} here"
        return None

    async def configure(self, configuration: Mapping[str, Any]) -> Mapping[str, Any]:
        """Apply a configuration; gives what is in force, which leaves out what is not known.

        Raises
        ------
        ValueError : a rate that this device does not have
        """
        in_force: dict[str, Any] = {}
        for name, value in configuration.items():
            match name, value:
                case "ecg_hz", int(hz):
                    if not self._source.set_ecg_rate(hz):
                        raise ValueError(f"no ECG at {hz} Hz here")
                    in_force[name] = hz
                case (("display_brightness" | "display_text"), _):
                    in_force[name] = value
                case _:
                    pass
        return in_force

    def _measure(self, *, on: bool) -> None:
        self.is_measuring = on
        self._report(measuring=on)
