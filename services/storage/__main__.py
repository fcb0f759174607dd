"""Starts storage: ``python -m services.storage``."""

import sys

from services.storage.bootstrap import bootstrap
from services.storage.settings import StorageSettings
from shared.runtime.service import run_service


def main() -> int:
    """Run until SIGTERM; gives the exit status."""
    return run_service(StorageSettings, bootstrap)


if __name__ == "__main__":
    sys.exit(main())
