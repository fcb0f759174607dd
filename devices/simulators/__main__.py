"""``vitalwire simulate``: simulated patients, or recordings, as devices on a broker."""

import sys

from devices.simulators.bootstrap import bootstrap
from devices.simulators.settings import SimulateSettings
from shared.runtime.service import run_service


def main() -> int:
    """Run the simulators until SIGTERM; gives the exit status."""
    return run_service(SimulateSettings, bootstrap)


if __name__ == "__main__":
    sys.exit(main())
