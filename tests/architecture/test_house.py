"""The house: what import contracts cannot say about where things stand."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "shared", "devices")
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
SERVICES = ("gateway", "dsp", "storage", "alarms", "api")

PURE = ("shared.contracts", "shared.codecs", "shared.recordings", "shared.device_models")
PURE_EXTERNAL = {
    "numpy", "scipy", "msgspec", "typing_extensions",
    # the standard library, as far as it neither waits, nor reads a clock, nor draws lots
    "abc", "base64", "binascii", "bisect", "collections", "contextlib", "csv", "dataclasses",
    "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "hmac",
    "importlib", "io", "itertools", "json", "math", "operator", "re", "statistics", "string",
    "struct", "textwrap", "tomllib", "types", "typing", "unicodedata", "zlib", "blosc2", "pkgutil",
    "zipfile",  # of bytes in memory
    "zoneinfo",  # the table of time zones
    "xml",
}  # fmt: skip

DRIVERS = {
    "aio_pika": ("shared.broker",),
    "aiormq": ("shared.broker",),
    "asyncpg": ("shared.database", "shared.ownership"),
    "mqtt5": ("services.gateway.adapters",),
    "aiomqtt": ("devices.sdk", "devices.simulators", "devices.conformance"),
    "fastapi": ("services.api",),
    "pyarrow": ("services.api.resources.exports.writers",),
    "prometheus_client": ("shared.telemetry",),
    "opentelemetry": ("shared.telemetry",),
}


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def own_modules() -> list[str]:
    return sorted(name for name in graph().modules if name.split(".")[0] in PACKAGES)


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = [name for name in own_modules() if name.rsplit(".", 1)[-1] in EMPTY_NAMES]
    assert not found


def test_the_core_imports_what_is_pure_and_nothing_else() -> None:
    cores = tuple(f"services.{service}.core" for service in SERVICES)
    wrong = []
    for module in own_modules():
        if not module.startswith((*PURE, *cores)):
            continue
        for imported in graph().find_modules_directly_imported_by(module):
            top = imported.split(".")[0]
            if top in PACKAGES:
                own_core = module.startswith("services.") and imported.startswith(
                    ".".join(module.split(".")[:3])
                )
                if not (imported.startswith((*PURE, "shared.errors")) or own_core):
                    wrong.append((module, imported))
            elif top not in PURE_EXTERNAL:
                wrong.append((module, imported))
    assert not wrong


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_a_driver_is_imported_below_its_folder_only(driver: str) -> None:
    wrong = []
    for module in own_modules():
        imported = graph().find_modules_directly_imported_by(module)
        drives = any(name == driver or name.startswith(f"{driver}.") for name in imported)
        if drives and not module.startswith(DRIVERS[driver]):
            wrong.append(module)
    assert not wrong


def test_an_init_holds_a_docstring_and_nothing_else() -> None:
    wrong = []
    for path in python_files(*PACKAGES):
        if path.name != "__init__.py" or path == ROOT / "devices/sdk/__init__.py":
            continue
        body = ast.parse(path.read_text()).body
        only_docstring = len(body) == 1 and isinstance(body[0], ast.Expr)
        if not only_docstring or ast.get_docstring(ast.parse(path.read_text())) is None:
            wrong.append(str(path.relative_to(ROOT)))
    assert not wrong


def test_no_import_is_hidden_behind_type_checking() -> None:
    hidden = re.compile(r"^(if TYPE_CHECKING|from __future__ import annotations)", re.MULTILINE)
    wrong = [
        str(path.relative_to(ROOT))
        for path in python_files(*PACKAGES)
        if hidden.search(path.read_text())
    ]
    assert not wrong


CATCH_ALL = {
    "shared/runtime/quarantine.py",  # around the work on one message
    "services/gateway/adapters/mqtt.py",  # around one packet: the compiled codec panics with a
    # class of its own below BaseException
    "devices/sdk/makers_code.py",  # around a call into the maker's own code
    "shared/runtime/service.py",  # at the end of a process, which becomes its exit status
}


def catches_everything(node: ast.AST) -> bool:
    """Whether a handler takes any error and does not hand it on after putting things in order."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    everything = node.type is None or (
        isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
    )
    last = node.body[-1]
    return everything and not (isinstance(last, ast.Raise) and last.exc is None)


def test_only_the_quarantine_catches_everything() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}"
        for path in python_files(*PACKAGES)
        if str(path.relative_to(ROOT)) not in CATCH_ALL
        and any(catches_everything(node) for node in ast.walk(ast.parse(path.read_text())))
    ]
    assert not wrong


def test_sql_stands_in_sql_files() -> None:
    allowed = ("shared/database/", "shared/ownership/")
    wrong = []
    for path in python_files("services", "shared"):
        name = str(path.relative_to(ROOT))
        if name.startswith(allowed):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value.strip()
                sql = re.match(
                    r"(select|insert into|update|delete from)\s+\S+", text, re.IGNORECASE
                )
                if sql and re.search(r"\b(from|set|values|into)\b", text, re.IGNORECASE):
                    wrong.append(f"{name}:{node.lineno}")
    assert not wrong


def test_each_service_has_its_hall_and_its_page() -> None:
    for service in SERVICES:
        folder = ROOT / "services" / service
        for name in ("__main__.py", "bootstrap.py", "settings.py", "metrics.py", "README.md"):
            assert (folder / name).is_file(), f"services/{service}/{name} is missing"


def tracked_texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    for name in listed.split("\0"):
        path = ROOT / name
        if name and path.is_file():
            try:
                yield name, path.read_text()
            except UnicodeDecodeError:
                continue


def test_no_registry_is_named_and_no_secret_is_kept() -> None:
    registries = re.compile(
        r"(files\.pythonhosted|pypi" + r"\.org|registry\.npm" + r"js|deb\.debian" + r"\.org)"
    )
    secrets = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n")
    wrong = [
        name
        for name, text in tracked_texts()
        if registries.search(text) or (secrets.search(text) and not name.startswith("tests/"))
    ]
    assert not wrong


def test_nothing_large_is_tracked() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    large = [
        name
        for name in listed.split("\0")
        if name and (ROOT / name).is_file() and (ROOT / name).stat().st_size > 600_000
    ]
    assert not large
