"""``vitalwire analyse FILE``: everything the service would compute of a recording, as a report."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# Before numpy: the products are small, threads of BLAS would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from services.dsp.analysis.computing import analysed
from services.dsp.analysis.opening import CannotOpenError, open_recording
from services.dsp.analysis.report import text_of, write_report

EXIT_FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Analyse a recording; gives the exit status: 1 when it cannot be read or written."""
    options = _parser().parse_args(arguments)
    named = dict(pair.partition("=")[::2] for pair in options.option)
    folder = options.out or Path(f"{options.file.stem}-report")
    try:
        recording = open_recording(options.file, options.format, named)
        analysis = analysed(recording.frames)
        folder.mkdir(parents=True, exist_ok=True)
        summary = write_report(recording, analysis, folder)
    except CannotOpenError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    except OSError as error:
        sys.stderr.write(f"{folder}: {error.strerror}\n")
        return EXIT_FAILED
    sys.stdout.write(f"{text_of(summary)}\nreport: {folder}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vitalwire analyse", description=__doc__)
    parser.add_argument("file", type=Path, help="what vitalwire import takes; of WFDB the .hea")
    parser.add_argument("--out", type=Path, help="folder of the report, else beside you")
    parser.add_argument("--format", help="edf_plus, wfdb, csv, ...; else by the name of the file")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE",
        help="of the format, such as start=... or signals=...",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
