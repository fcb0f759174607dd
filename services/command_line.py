"""The vitalwire console: finds a service or tool by its name and starts it."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """One word of the console.

    Parameters
    ----------
    module : has `main() -> int`, which reads its arguments from `sys.argv`
    says : what it does, in one sentence
    """

    module: str
    says: str


COMMANDS: dict[str, Command] = {
    "run": Command("deploy.local.run", "a whole private system on this machine"),
    "doctor": Command("deploy.local.doctor", "checks a system, and says what to do"),
    "gateway": Command("services.gateway.__main__", "device messages to streams"),
    "dsp": Command("services.dsp.__main__", "samples to vital signs"),
    "storage": Command("services.storage.__main__", "streams to the database"),
    "alarms": Command("services.alarms.__main__", "vital signs to alarms"),
    "api": Command("services.api.__main__", "REST, the live socket and the page"),
    "migrate": Command(
        "services.administration.migrate", "brings database and streams to this version"
    ),
    "backup": Command("services.administration.backup", "saves the database into a folder"),
    "restore": Command("services.administration.restore", "puts a backup into an empty database"),
    "audit": Command(
        "services.administration.audit", "looks whether the audit trail was changed or cut"
    ),
    "lanes": Command("services.administration.lanes", "changes the number of lanes"),
    "simulate": Command("devices.simulators.__main__", "simulated patients and their devices"),
    "import": Command(
        "services.administration.importing", "takes recordings in as if devices had sent them"
    ),
    "analyse": Command(
        "services.dsp.analysis.__main__", "a report of what is computed of a recording"
    ),
    "parking": Command(
        "services.administration.parking", "shows, retries and drops refused messages"
    ),
    "device": Command("services.administration.devices", "registers devices and their credentials"),
    "user": Command("services.administration.users", "accounts of people"),
    "conformance": Command("devices.conformance.__main__", "tests a device against the interface"),
    "replay": Command("devices.conformance.replay", "sends a capture of a device once more"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Start what the first word names, with the rest as its arguments; gives its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _find_deploy()
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    name, *rest = words
    command = COMMANDS.get(name)
    if command is None or not _exists(command.module):
        print(f"vitalwire knows no command {name!r}\n\n{_help()}", file=sys.stderr)
        return 2
    sys.argv = [f"vitalwire {name}", *rest]
    status = importlib.import_module(command.module).main()
    return int(status or 0)


def _help() -> str:
    there = [(name, c.says) for name, c in COMMANDS.items() if _exists(c.module)]
    lines = [f"  {name:<12} {says}" for name, says in there]
    return "\n".join(["vitalwire COMMAND [--help]", "", *lines])


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _find_deploy() -> None:
    """Make `deploy` importable in a checkout: it is no part of what is installed."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "deploy" / "local").is_dir() and str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))


if __name__ == "__main__":
    sys.exit(main())
