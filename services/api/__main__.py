"""The api as a process: ``python -m services.api``."""

import sys

from services.api.bootstrap import bootstrap
from services.api.settings import ApiSettings
from shared.runtime.service import run_service


def main() -> int:
    """Run the api until it is told to stop; gives the exit status."""
    return run_service(ApiSettings, bootstrap)


if __name__ == "__main__":
    sys.exit(main())
