"""``vitalwire simulate``: simulated patients, or recordings, as devices on a broker.

``--system smsg --count 50 --faults lead_off,reboot --seed 7`` and the settings of the same names
(``VITALWIRE_SIMULATE_SYSTEMS`` and so on) mean the same.
"""

import argparse
import os
import sys

from devices.simulators.bootstrap import bootstrap
from devices.simulators.faults_on_request import Fault
from devices.simulators.settings import SimulateSettings
from devices.simulators.systems import SYSTEMS
from shared.runtime.service import run_service


def main() -> int:
    """Run the simulators until SIGTERM; gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="vitalwire simulate",
        description=__doc__,
        epilog="--show-settings prints all settings and ends",
    )
    systems, faults = ", ".join(SYSTEMS), ", ".join(Fault)
    parser.add_argument("--system", dest="systems", help=f"some of {systems}; or all")
    parser.add_argument("--count", help="patients of each system")
    parser.add_argument("--first", help="number of the first of them")
    parser.add_argument("--faults", help=f"some of {faults}; or all")
    parser.add_argument("--seed", help="seed of the patients")
    options, others = parser.parse_known_args()
    for name, value in vars(options).items():
        if value is not None:
            os.environ[f"VITALWIRE_SIMULATE_{name.upper()}"] = value
    return run_service(SimulateSettings, bootstrap, others)


if __name__ == "__main__":
    sys.exit(main())
