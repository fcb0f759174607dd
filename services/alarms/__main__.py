"""`vitalwire alarms`: raises alarms from vital signs and events."""

import sys

from services.alarms.bootstrap import bootstrap
from services.alarms.settings import AlarmSettings
from shared.runtime.service import run_service


def main() -> int:
    """Run the service; gives the exit status."""
    return run_service(AlarmSettings, bootstrap)


if __name__ == "__main__":
    sys.exit(main())
