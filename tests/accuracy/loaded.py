"""Runs a program and notes which files of this project it loaded: what its result hangs on.

    python -m tests.accuracy.loaded NOTES PROGRAM ARGUMENTS...

PROGRAM is a file, or a module of this project. NOTES becomes a list of paths, as JSON.
"""

import json
import runpy
import sys
from collections.abc import Iterable
from pathlib import Path

from deploy.local.layout import PROJECT

ROOMS = ("deploy", "devices", "services", "shared", "tests")


def loaded_files() -> list[str]:
    """Sources of this project that are loaded now, but for this one."""
    found = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file is None or not Path(file).is_relative_to(PROJECT):
            continue
        path = Path(file).relative_to(PROJECT)
        if path.parts[0] in ROOMS and path.name != Path(__file__).name:
            found.add(path.as_posix())
    return sorted(found)


def run(program: str, arguments: Iterable[str]) -> int:
    """The exit status of the program, as if it had been started by itself."""
    sys.argv = [program, *arguments]
    try:
        if program.endswith(".py"):
            runpy.run_path(program, run_name="__main__")
        else:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    return 0


def main() -> int:
    """Run, then note."""
    notes, program, *arguments = sys.argv[1:]
    status = run(program, arguments)
    own = [] if program.endswith(".py") else [f"{program.replace('.', '/')}.py"]
    Path(notes).write_text(json.dumps(sorted({*own, *loaded_files()})))
    return status


if __name__ == "__main__":
    sys.exit(main())
