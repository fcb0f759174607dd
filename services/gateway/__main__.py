"""Runs the gateway: ``python -m services.gateway``."""

import sys

from services.gateway.bootstrap import bootstrap
from services.gateway.settings import GatewaySettings
from shared.runtime.service import run_service


def main() -> int:
    """Run until SIGTERM; give the exit status."""
    return run_service(GatewaySettings, bootstrap)


if __name__ == "__main__":
    sys.exit(main())
