"""Makes what a run needs on this machine: system packages and the virtual environment.

Runs under the system's Python with the standard library only, because nothing else may be there.
Both are made side by side, and each is skipped when it is there already.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv"
OLDEST_PYTHON = (3, 11)

POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = """#!/bin/sh
# Written by vitalwire for the time of an installation: packages start no services.
exit 101
"""


class CannotPrepare(Exception):
    """Something is missing that cannot be made here; the text says what to do."""


class Package:
    """A system package, and how to see whether it is there without asking the package manager.

    Parameters
    ----------
    names : alternatives, the first that the machine's sources know is installed
    is_there : whether what it brings is on this machine
    """

    def __init__(self, *names: str, is_there: Callable[[], bool]) -> None:
        self.names = names
        self.is_there = is_there


def _has_program(name: str) -> bool:
    folders = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    return shutil.which(name, path=folders) is not None


def _has_postgres() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or _has_program("initdb")


def _has_venv() -> bool:
    question = [sys.executable, "-c", "import ensurepip, venv"]
    asked = subprocess.run(question, capture_output=True, check=False)
    return asked.returncode == 0


VENV = Package("python3-venv", is_there=_has_venv)
SERVERS = [
    Package("mosquitto", is_there=lambda: _has_program("mosquitto")),
    Package("rabbitmq-server", is_there=lambda: _has_program("rabbitmq-server")),
    Package("postgresql-15", "postgresql", is_there=_has_postgres),
    VENV,
]
BROWSER = [
    Package(
        "chromium", is_there=lambda: _has_program("chromium") or _has_program("chromium-browser")
    ),
    Package("prometheus", is_there=lambda: _has_program("promtool")),  # checks the alert rules
    Package("gcc", is_there=lambda: _has_program("cc")),  # compiles the C sender
    Package("libc6-dev", is_there=lambda: Path("/usr/include/stdio.h").exists()),
]


def install_packages(wanted: list[Package]) -> None:
    """Install what is missing, without letting it start services.

    Raises
    ------
    CannotPrepare : not root, or no apt; the text has the command
    """
    missing = [package for package in wanted if not package.is_there()]
    if not missing:
        return
    names = [package.names[0] for package in missing]
    if os.geteuid() != 0 or not _has_program("apt-get"):
        raise CannotPrepare(
            f"not installed: {', '.join(names)}\n"
            f"  as root on Debian or Ubuntu:  apt-get install {' '.join(names)}\n"
            "  elsewhere: install mosquitto 2, RabbitMQ 3.10 or later and PostgreSQL 15 or later;\n"
            "  none of them needs to be running, vitalwire starts private instances"
        )
    tell(f"installing {', '.join(names)}")
    policy_is_ours = not POLICY.exists()
    if policy_is_ours:
        POLICY.write_text(POLICY_TEXT)
        POLICY.chmod(0o755)
    try:
        if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
            _run(["apt-get", "update", "-qq"])
        if not _apt_install([_known_name(package) for package in missing]):
            _run(["apt-get", "update", "-qq"])
            if not _apt_install([_known_name(package) for package in missing]):
                raise CannotPrepare(
                    f"apt-get install {' '.join(names)} failed; its words are above"
                )
    finally:
        if policy_is_ours:
            POLICY.unlink(missing_ok=True)


def _known_name(package: Package) -> str:
    for name in package.names:
        shown = subprocess.run(
            ["apt-cache", "policy", name], capture_output=True, text=True, check=False
        ).stdout
        if "Candidate:" in shown and "Candidate: (none)" not in shown:
            return name
    return package.names[0]


def _apt_install(names: list[str]) -> bool:
    answer = subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *names],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        sys.stderr.write(answer.stdout[-2000:] + answer.stderr[-2000:])
    return answer.returncode == 0


def make_environment(lock: Path) -> None:
    """The virtual environment with exactly what a lock file lists, and the project in it.

    Raises
    ------
    CannotPrepare : an installation failed
    """
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        tell("making the virtual environment")
        _run([sys.executable, "-m", "venv", str(ENVIRONMENT)])
    bootstrap = ROOT / "requirements" / "bootstrap.txt"
    if not is_current(bootstrap):
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "-r", str(bootstrap)])
        _mark_current(bootstrap)
    uv = [str(ENVIRONMENT / "bin" / "uv"), "pip", "install", "--quiet", f"--python={python}"]
    development = ROOT / "requirements" / "development.txt"
    if not (is_current(lock) or is_current(development)):
        tell(f"installing the packages of requirements/{lock.name}")
        _run([*uv, "--require-hashes", "-r", str(lock)])
        _mark_current(lock)
    project = ROOT / "pyproject.toml"
    if not is_current(project):
        _run([*uv, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
        _mark_current(project)


def _stamp(source: Path) -> Path:
    return ENVIRONMENT / f".vitalwire-{source.stem}"


def _digest(source: Path) -> str:
    return hashlib.sha256(str(ROOT).encode() + source.read_bytes()).hexdigest()


def is_current(source: Path) -> bool:
    """Whether what this file lists is installed."""
    stamp = _stamp(source)
    return stamp.exists() and stamp.read_text() == _digest(source)


def _mark_current(source: Path) -> None:
    _stamp(source).write_text(_digest(source))


def _run(command: list[str]) -> None:
    answer = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "UV_LINK_MODE": "copy", "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise CannotPrepare(f"{' '.join(command)}\n{answer.stdout[-3000:]}{answer.stderr[-3000:]}")


_begin = time.monotonic()


def tell(text: str) -> None:
    """Say on the terminal what is going on, with the seconds since the start."""
    print(f"[{time.monotonic() - _begin:5.1f} s] {text}", flush=True)


def prepare(lock: Path, packages: list[Package]) -> None:
    """Packages and environment side by side; what makes environments is installed first.

    Raises
    ------
    CannotPrepare : of the step that failed first
    """
    install_packages([package for package in packages if package is VENV])
    failures: list[CannotPrepare] = []

    def attempt(step: Callable[[], None]) -> None:
        try:
            step()
        except CannotPrepare as failure:
            failures.append(failure)

    steps = [
        threading.Thread(target=attempt, args=[lambda: install_packages(packages)]),
        threading.Thread(target=attempt, args=[lambda: make_environment(lock)]),
    ]
    for step in steps:
        step.start()
    for step in steps:
        step.join()
    if failures:
        raise failures[0]


def main() -> int:
    """Prepare as the command line says; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", choices=["runtime", "development"], default="runtime")
    parser.add_argument("--browser", action="store_true", help="also a browser and promtool")
    parser.add_argument("--no-packages", action="store_true", help="only the environment")
    options = parser.parse_args()
    if sys.version_info < OLDEST_PYTHON:
        print(
            f"vitalwire needs Python 3.11 or later, and this is {sys.version.split()[0]}: "
            "say which one by `make run PYTHON=/path/to/python3.11`",
            file=sys.stderr,
        )
        return 1
    packages = [] if options.no_packages else SERVERS + (BROWSER if options.browser else [])
    try:
        prepare(ROOT / "requirements" / f"{options.lock}.txt", packages)
    except CannotPrepare as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
