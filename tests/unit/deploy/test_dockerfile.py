"""The image recipe: what it may use, what it must say, and that all it names is there."""

import fnmatch
import importlib.util
import re
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

import grimp
import pytest

from deploy.local.layout import PROJECT, SERVICES
from deploy.local.page import CONFIGURATIONS, SOURCES
from tests.harness.dockerfile import Recipe, assignments, filled_in, read_dockerfile
from tests.harness.settings_of import names_own_to

DOCKERFILE = PROJECT / "deploy/images/Dockerfile"
IMAGES = (*SERVICES, "administration")
# name:version, perhaps with a digest; the version has at least two numbers or names a point release
EXACT = re.compile(r"[a-z0-9/._-]+:\d+\.\d+(\.\d+)?[a-z0-9.-]*(@sha256:[0-9a-f]{64})?")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|PRIVATE", re.IGNORECASE)


@cache
def recipe() -> Recipe:
    return read_dockerfile(DOCKERFILE)


@cache
def ignored_rules() -> list[str]:
    lines = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def is_seen(path: str) -> bool:
    """Whether a file of the repository is in the build context: the last rule that fits decides."""
    seen = True
    for rule in ignored_rules():
        pattern = rule.removeprefix("!").removeprefix("**/")
        fits = (
            fnmatch.fnmatch(path, pattern)
            or path.startswith(f"{pattern}/")
            or ("**/" in rule and any(fnmatch.fnmatch(part, pattern) for part in path.split("/")))
        )
        if fits:
            seen = rule.startswith("!")
    return seen


def test_every_base_is_a_stage_above_or_an_image_of_an_exact_version() -> None:
    known: set[str] = set()
    for stage in recipe().stages:
        outside = re.fullmatch(r"\$\{(\w+_IMAGE)\}", stage.base)
        if outside:
            assert EXACT.fullmatch(recipe().arguments[outside[1]]), stage.base
        elif stage.base == "image-${SERVICE}":
            assert {f"image-{name}" for name in IMAGES} <= known
        else:
            assert stage.base in known, f"{stage.name} is built from {stage.base}"
        known.add(stage.name)
    assert "latest" not in DOCKERFILE.read_text()


def test_a_digest_is_an_exact_version_and_a_bare_name_is_not() -> None:
    assert EXACT.fullmatch("python:3.11.11-slim-bookworm@sha256:" + "0" * 64)
    assert not EXACT.fullmatch("python")
    assert not EXACT.fullmatch("python:latest")
    assert not EXACT.fullmatch("python:3")


def test_there_is_a_stage_for_each_service_and_no_other() -> None:
    stages = {
        stage.name.removeprefix("image-")
        for stage in recipe().stages
        if stage.name.startswith("image-")
    }
    assert stages == set(IMAGES)
    assert recipe().arguments["SERVICE"] in IMAGES


@pytest.mark.parametrize("image", IMAGES)
def test_the_entry_point_is_there_and_needs_no_shell(image: str) -> None:
    line = recipe().line_of(f"image-{image}")
    entry = [each for stage in line for each in stage.all("ENTRYPOINT")][-1]
    if image == "administration":
        assert entry.argv == ["/opt/vitalwire/bin/vitalwire"]
    else:
        assert entry.argv == ["/opt/vitalwire/bin/python", "-m", f"services.{image}"]
        assert importlib.util.find_spec(f"services.{image}.__main__")
    for stage in line:
        for word in ("ENTRYPOINT", "CMD"):
            assert all(each.is_exec_form for each in stage.all(word))


@pytest.mark.parametrize("image", IMAGES)
def test_each_image_tells_its_health(image: str) -> None:
    checks = [
        each for stage in recipe().line_of(f"image-{image}") for each in stage.all("HEALTHCHECK")
    ]
    if image == "administration":  # it ends by itself
        assert checks[-1].rest == "NONE"
    else:
        assert checks[-1].is_exec_form
        assert checks[-1].argv[1:] == ["/opt/vitalwire/health.py", "ready"]


def test_the_user_is_a_number_that_is_not_root_and_comes_last() -> None:
    users = [(stage.name, each.rest) for stage in recipe().stages for each in stage.all("USER")]
    assert len(users) == 1
    stage, user = users[0]
    assert stage == recipe().stages[-1].name
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert recipe().stages[-1].instructions[-1].word == "USER"


def test_what_it_copies_is_there_and_is_seen() -> None:
    for stage in recipe().stages:
        for copy in stage.all("COPY"):
            words = copy.rest.split()
            if words[0].startswith("--from="):
                assert words[0].removeprefix("--from=") in {each.name for each in recipe().stages}
                continue
            for source in words[:-1]:
                for image in IMAGES:
                    path = filled_in(source, {"SERVICE": image})
                    assert (PROJECT / path).exists(), path
                    assert is_seen(path), f"{path} is not in the build context"


def test_nothing_is_fetched_but_through_the_package_tools() -> None:
    for stage in recipe().stages:
        assert not stage.all("ADD"), "COPY says what it does"
        for run in stage.all("RUN"):
            assert not re.search(r"\b(curl|wget|git clone|sudo)\b", run.rest)
            if re.search(r"\b(pip|uv)\b.*\binstall\b", run.rest):
                assert "--require-hashes" in run.rest or "--no-index" in run.rest, run.rest
            if "npm" in run.rest and "install" in run.rest:
                raise AssertionError("npm ci installs what the lock says")


def test_where_packages_are_installed_their_tools_are_found() -> None:
    for stage in recipe().stages:
        if any("apt-get" in run.rest for run in stage.all("RUN")):
            told = [
                assignments(each.rest)
                for above in recipe().line_of(stage.name)
                for each in above.all("ENV")
            ]
            path = next(names["PATH"] for names in reversed(told) if "PATH" in names)
            assert {"/usr/sbin", "/sbin"} <= set(path.split(":")), "dpkg refuses without"


def test_the_page_is_built_from_all_that_it_is_made_of() -> None:
    copied = {
        source.removeprefix("web/")
        for copy in recipe().stage("page").all("COPY")
        for source in copy.rest.split()[:-1]
    }
    assert {*SOURCES, *CONFIGURATIONS} <= copied


def test_no_secret_and_no_private_file_gets_in() -> None:
    for stage in recipe().stages:
        for word in ("ENV", "ARG", "LABEL"):
            for each in stage.all(word):
                names = set(assignments(each.rest)) or {each.rest}
                assert not any(SECRET_NAME.search(name) for name in names), each.rest
    for path in (
        ".git/config",
        ".local/secrets/api_token_key",
        ".venv/bin/python",
        "deploy/compose/secrets/api_token_key",
        "deploy/k8s/base/kustomization.yaml",
        "tests/conftest.py",
        "web/node_modules/react/index.js",
        "services/api/__pycache__/settings.pyc",
        "web/src/live/binary.test.ts",
        ".env",
    ):
        assert not is_seen(path), path


@pytest.mark.parametrize("image", IMAGES)
def test_it_sets_only_what_the_service_knows(image: str) -> None:
    known = names_own_to(image)
    for stage in recipe().line_of(f"image-{image}"):
        for each in stage.all("ENV"):
            for name in assignments(each.rest):
                assert not name.startswith("VITALWIRE_") or name in known, name


def locked(name: str) -> dict[str, str]:
    """Version by package of a lock; each with at least one hash."""
    text = (PROJECT / f"requirements/{name}.txt").read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    found = {}
    for entry in entries:
        match = re.match(r"([a-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", entry)
        assert match, entry.splitlines()[0]
        assert "--hash=sha256:" in entry, f"{match[1]} has no hash"
        found[match[1]] = match[2]
    return found


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_the_versions_that_were_tested(image: str) -> None:
    whole = locked("runtime")
    differ = {name: v for name, v in locked(image).items() if whole.get(name) != v}
    assert not differ, f"run make lock: {differ}"


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        "services", "shared", "devices", include_external_packages=True, cache_dir=None
    )


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_what_its_service_imports(image: str) -> None:
    roots = (
        [f"services.{image}.__main__"]
        if image != "administration"
        else [name for name in graph().modules if name.startswith("services.administration.")]
    )
    modules = {m for root in roots for m in graph().find_upstream_modules(root)}
    outside = {m.split(".")[0] for m in modules} - {"services", "shared", "devices"}
    distributions = metadata.packages_distributions()
    packages = set(locked(image))
    lacking = {
        module
        for module in outside - sys.stdlib_module_names - {"_typeshed"}
        if not packages
        & {name.lower().replace("_", "-") for name in distributions.get(module, [module])}
    }
    assert not lacking, f"requirements/{image}.in lacks {sorted(lacking)}"


def test_the_reader_joins_lines_and_knows_stages(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text('# why\nARG A=b:1.2\nFROM ${A} AS one\nRUN x \\\n  && y\nFROM one\nCMD ["z"]\n')
    read = read_dockerfile(path)
    assert read.arguments == {"A": "b:1.2"}
    assert [(stage.name, stage.base) for stage in read.stages] == [("one", "${A}"), ("", "one")]
    assert read.stage("one").all("RUN")[0].rest == "x && y"
    assert read.stages[1].all("CMD")[0].argv == ["z"]
