"""Runs a command of the console as the administrator of a private system that runs here.

``python -m deploy.local.administrator lanes 4``; ``--folder`` names another one than ``.local``.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from deploy.local.layout import PROJECT, Layout
from deploy.local.processes import administrator_environment


def main() -> int:
    """Run that command; gives its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=PROJECT / ".local")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="as behind `vitalwire`")
    options = parser.parse_args()
    folder = options.folder.resolve()
    ports = folder / "ports.json"
    if not ports.exists():
        print(f"no system was made in {folder}: make run", file=sys.stderr)
        return 1
    layout = Layout(folder=folder)
    return subprocess.run(
        [sys.executable, "-m", "services.command_line", *options.words],
        cwd=PROJECT,
        env=administrator_environment(layout, json.loads(ports.read_text())),
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
