"""What documents name is there: pages, commands, settings, tables, modules."""

import importlib.util
import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from services.command_line import COMMANDS
from shared.runtime.settings import PREFIX
from tests.harness.settings_of import SETTINGS, names_known_to

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = "services|shared|devices|tests|deploy|docs|web|requirements|changes"
SCHEMAS = "registry|access|gateway|signal|dsp|alarm|audit"
OPEN = re.compile(r"[<>{}*]|NNNN|\.\.\.|…")  # of a pattern that stands for many


def listed(*patterns: str) -> list[str]:
    """Tracked files."""
    answer = subprocess.run(
        ["git", "ls-files", "-z", *patterns],
        cwd=PROJECT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [name for name in answer.stdout.split("\0") if name and (PROJECT / name).is_file()]


# What was changed or decided once is history: it may name what is gone.
HISTORY = ("changes/", "CHANGELOG", "docs/decisions/0")
DOCUMENTS = listed("*.md")
MADE = {"deploy/compose/data"}  # by what the document says


def text_of(name: str) -> str:
    return (PROJECT / name).read_text()


def code_in(text: str) -> Iterator[str]:
    """What stands in backticks or in a block of code."""
    for block in re.findall(r"```[^\n]*\n(.*?)```", text, re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@cache
def literal_settings() -> frozenset[str]:
    """Names of settings that some code names in full."""
    found: set[str] = set()
    for name in listed("*.py", "*.sh", "Makefile", "*.yaml", "*.yml", "web/*.ts"):
        found |= set(re.findall(r"VITALWIRE_[A-Z0-9_]*[A-Z0-9]", text_of(name)))
    return frozenset(found)


@cache
def in_the_schema() -> frozenset[str]:
    """Tables, views, functions and columns, with their schema."""
    snapshot = text_of("services/storage/schema/snapshot.sql")
    return frozenset(re.findall(rf"\b(?:{SCHEMAS})\.[a-z_]+", snapshot))


def test_there_are_documents() -> None:
    assert len(DOCUMENTS) > 80
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md"} <= set(DOCUMENTS)
    assert len(in_the_schema()) > 100


def wrong_links(name: str) -> Iterator[str]:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text_of(name), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose):
        if "://" not in target and not target.startswith("mailto:"):
            place = (PROJECT / name).parent / target
            if not place.exists():
                yield f"link {target}"


def wrong_commands(name: str) -> Iterator[str]:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    for code in code_in(text_of(name)):
        for target in re.findall(r"(?:^|[;&|] *)make ([a-z][a-z-]*)\b(?!=)", code):
            if target not in targets:
                yield f"make {target}"
        for word in re.findall(r"(?:^|[;&|] *|/)vitalwire ([a-z]+)\b", code):
            if word not in {*COMMANDS, "help"}:
                yield f"vitalwire {word}"
        for module in re.findall(
            r"python3? -m ((?:services|shared|devices|deploy|tests)[\w.]*)", code
        ):
            if importlib.util.find_spec(module) is None:
                yield f"python -m {module}"


def wrong_settings(name: str) -> Iterator[str]:
    known = literal_settings().union(*(names_known_to(service) for service in SETTINGS))
    for setting in re.findall(r"VITALWIRE_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_])", text_of(name)):
        if setting not in known:
            yield setting


def wrong_places(name: str) -> Iterator[str]:
    for code in code_in(text_of(name)):
        for place in re.findall(rf"^(?:{FOLDERS})/[^\s,:;()]*", code):
            if not (OPEN.search(place) or place in MADE or (PROJECT / place).exists()):
                yield place
        for table in re.findall(rf"^(?:{SCHEMAS})\.[a-z_]+$", code):
            if not table.endswith(".py") and table not in in_the_schema():
                yield table


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_names_is_there(name: str) -> None:
    wrong = [*wrong_links(name)]
    if not name.startswith(HISTORY):
        wrong += [*wrong_commands(name), *wrong_settings(name), *wrong_places(name)]
    assert not wrong


@pytest.mark.parametrize("service", SETTINGS)
def test_each_setting_says_what_it_is(service: str) -> None:
    """It is what `--show-settings` prints, which is the reference of the settings."""
    fields = SETTINGS[service].model_fields
    assert [name for name, field in fields.items() if not (field.description or "").strip()] == []


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    document, setting = tmp_path / "document.md", f"{PREFIX}DANCE"
    document.write_text(
        f"See [it](nowhere.md), `make nothing`, `vitalwire dance`, `{setting}`,"
        " `services/dance.py`, `signal.dance` and\n```\npython -m services.dance\n```\n"
    )
    name = str(document)
    assert list(wrong_links(name)) == ["link nowhere.md"]
    assert list(wrong_commands(name)) == [
        "python -m services.dance", "make nothing", "vitalwire dance",
    ]  # fmt: skip
    assert list(wrong_settings(name)) == [setting]
    assert list(wrong_places(name)) == ["services/dance.py", "signal.dance"]


INTERFACES = text_of("docs/interfaces.md")


def test_the_paths_of_rest_are_those_of_its_document() -> None:
    served = json.loads(text_of("docs/reference/openapi.json"))["paths"]
    there = {re.sub(r"\{\w+\}", "{id}", path) for path in served}
    chapter = re.search(r"^## 4\. REST.*?(?=^## )", INTERFACES, re.DOTALL | re.MULTILINE)
    assert chapter is not None
    named: set[str] = set()
    for path in re.findall(r"`(?:GET |PUT |POST )?(/[^`?]+)(?:\?[^`]*)?`", chapter[0]):
        head, _, last = path.rpartition("/")
        named |= {f"/v1{head}/{word}" for word in last.split("|")}
    assert len(named) > 40
    assert named - there == {"/v1/v1"}, "but for the root itself"


def test_the_console_has_the_commands_that_are_told() -> None:
    told = re.search(r"Console: `vitalwire ([a-z|]+)`", INTERFACES)
    assert told is not None
    assert told[1].split("|") == list(COMMANDS)
