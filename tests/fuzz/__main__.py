"""Fuzzes all codecs, each for its share of so many seconds; ``make soak`` does it for an hour."""

import argparse
import os
import sys
from pathlib import Path

from tests.fuzz.fuzzing import fuzz_all, told
from tests.harness.codecs import load_samples

CORPUS = Path(".local/fuzz")


def main() -> int:
    """Fuzz, print the figures; gives 1 if something was found."""
    known = sorted(load_samples())
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of work, for all together")
    parser.add_argument("--codecs", default=",".join(known), help="which, with commas")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="inputs that are kept")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="at once")
    options = parser.parse_args()
    codecs = options.codecs.split(",")
    unknown = set(codecs) - set(known)
    if unknown:
        parser.error(f"no codec is called {', '.join(sorted(unknown))}: {', '.join(known)}")
    found = fuzz_all(codecs, options.seconds, options.corpus, options.workers)
    print(told(found))
    for one in found:
        if one.failure:
            print(f"\n---- {one.codec}\n{one.failure}")
    return 1 if any(one.failure for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
