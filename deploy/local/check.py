"""`make check`: format, lint, types, architecture, of the program and of the page; in a minute."""

import sys
import time
from pathlib import Path

from deploy.local.jobs import Job, python, run_side_by_side

CODE = ("shared", "services", "devices", "tests", "deploy")
BUDGET_S = 60.0


def main() -> int:
    """Run all checks; gives the exit status."""
    begin = time.monotonic()
    programs = Path(sys.executable).parent
    ruff = str(programs / "ruff")
    lanes = [  # beside each other, what takes longest first: together they need two cores
        [Job("types", [str(programs / "mypy"), "--num-workers=auto"])],
        [Job("page lint", python("-m", "deploy.local.page", "--npm", "run", "lint"))],
        [
            Job("page types", python("-m", "deploy.local.page", "--npm", "run", "types")),
            Job(
                "architecture",
                python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/architecture"),
            ),
            Job("import contracts", [str(programs / "lint-imports")]),
            Job("format", [ruff, "format", "--check", "--quiet", *CODE]),
            Job("lint", [ruff, "check", "--quiet", *CODE]),
        ],
    ]
    went_well = run_side_by_side(lanes)
    took_s = time.monotonic() - begin
    print(f"check {'passed' if went_well else 'FAILED'} in {took_s:.1f} s", flush=True)
    if took_s > BUDGET_S:
        print(f"that is more than the {BUDGET_S:.0f} s that a check may take", flush=True)
    return 0 if went_well else 1


if __name__ == "__main__":
    sys.exit(main())
