"""Starts the signal processing: ``python -m services.dsp``."""

import os
import sys

# Before numpy: the products are small, threads of BLAS would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from services.dsp.bootstrap import bootstrap
from services.dsp.settings import DspSettings
from shared.runtime.service import run_service


def main() -> int:
    """Run until SIGTERM; gives the exit status."""
    return run_service(DspSettings, bootstrap)


if __name__ == "__main__":
    sys.exit(main())
