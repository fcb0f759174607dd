"""What the RUN lines of the image recipe do, done here: the locks suffice, the parts are found."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from deploy.local.layout import PROJECT, SERVICES
from deploy.local.servers.command import free_port
from shared.runtime.clock import SystemClock
from shared.runtime.service import Runtime, serve
from shared.runtime.settings import ServiceSettings
from shared.telemetry.health import Health
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Traces
from tests.harness.dockerfile import assignments, filled_in, read_dockerfile
from tests.harness.eventually import eventually

RECIPE = read_dockerfile(PROJECT / "deploy/images/Dockerfile")
# What needs the files that an installation may have forgotten.
LOADS = (
    "from shared.database.migrate import load_migrations; assert load_migrations();"
    "from shared.codecs.register import load_codecs; assert load_codecs();"
    "from shared.device_models.catalogue import load_device_models; assert load_device_models()"
)


@dataclass
class Build:
    """A folder that stands for the root of the image that is being built."""

    root: Path

    def here(self, word: str) -> str:
        """A path of the image as one of this machine; other words unchanged."""
        if word == "python":
            return sys.executable
        return str(self.root) + word if word.startswith(("/opt/", "/build")) else word

    def run_stage(self, stage: str, arguments: dict[str, str]) -> None:
        """Carry out COPY and RUN of a stage in their order."""
        folder = self.root / "build"
        folder.mkdir(parents=True, exist_ok=True)
        for each in RECIPE.stage(stage).instructions:
            if each.word == "COPY":
                *sources, target = filled_in(each.rest, arguments).split()
                for source in sources:
                    self._copy(PROJECT / source, folder / target)
            elif each.word == "RUN":
                # The caches of this machine spare the mirror a download a test.
                argv = [self.here(word) for word in each.argv if word != "--no-cache"]
                self.run(argv, cwd=folder)

    def _copy(self, source: Path, target: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            into = target / source.name if target.is_dir() else target
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, into)

    def run(self, argv: list[str], *, cwd: Path, **environment: str) -> str:
        """Run a command as in the image: nothing of the checkout on the path."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTHON", "VITALWIRE"))}
        answer = subprocess.run(
            argv,
            cwd=cwd,
            env=kept | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert answer.returncode == 0, f"{argv}\n{answer.stdout}\n{answer.stderr}"
        return answer.stdout


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """The stage `packages` of the gateway, whole."""
    root = tmp_path_factory.mktemp("image")
    made = Build(root)
    made.run_stage("packages", {"SERVICE": "gateway"})
    yield made
    shutil.rmtree(root, ignore_errors=True)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", ["gateway", "dsp", "api"])  # the others have parts of these
def test_the_locks_suffice(build: Build, service: str, tmp_path: Path) -> None:
    python = build.root / "opt/vitalwire/bin/python"
    if service != "gateway":
        python = tmp_path / "venv/bin/python"
        uv = [str(build.root / "build/tools/bin/uv"), "pip", "install", "--python", str(python)]
        build.run([sys.executable, "-m", "venv", "--without-pip", python.parents[1].as_posix()],
                  cwd=tmp_path)  # fmt: skip
        lock = PROJECT / f"requirements/{service}.txt"
        build.run([*uv, "--require-hashes", "--requirement", str(lock)], cwd=tmp_path)
        wheels = ["--no-deps", "--no-index", "--find-links", str(build.root / "build/wheels")]
        build.run([*uv, *wheels, "vitalwire"], cwd=tmp_path)
    environment = {
        name: value
        for stage in RECIPE.line_of(f"image-{service}")
        for each in stage.all("ENV")
        for name, value in assignments(each.rest).items()
        if name != "PATH"
    }
    module = RECIPE.stage(f"image-{service}").all("ENTRYPOINT")[0].argv[1:]
    shown = build.run([str(python), *module, "--show-settings"], cwd=Path("/"), **environment)
    assert "VITALWIRE_MONITOR_PORT=9464" in shown
    imported = build.run(
        [str(python), "-c", f"import services.{service}.bootstrap as b; print(b.__file__)"],
        cwd=Path("/"),
        **environment,
    )
    assert str(PROJECT) not in imported, "the checkout was imported, not what was installed"
    build.run([str(python), "-c", LOADS], cwd=Path("/"), **environment)


def test_the_tools_are_found_by_their_names(build: Build) -> None:
    helped = build.run([str(build.root / "opt/vitalwire/bin/vitalwire"), "help"], cwd=Path("/"))
    assert "migrate" in helped
    assert all(service in helped for service in SERVICES)
    assert "doctor" not in helped, "deploy is no part of an image"


class EmptySettings(ServiceSettings):
    """A service without needs."""

    service: ClassVar[str] = "empty"


async def test_the_health_check_tells_the_truth() -> None:
    port = free_port()
    health = Health()
    runtime = Runtime(
        metrics=Metrics("empty"),
        traces=Traces(service="empty", instance="empty", endpoint=None),
        clock=SystemClock(),
        health=health,
    )

    async def check(kind: str) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(PROJECT / "deploy/images/health.py"),
            kind,
            env={"VITALWIRE_MONITOR_PORT": str(port)},
            stdout=asyncio.subprocess.DEVNULL,
        )
        return await process.wait()

    async def idle(stop: asyncio.Event) -> None:
        await stop.wait()

    async def bootstrap(_: EmptySettings, runtime: Runtime) -> None:
        runtime.health.report("database", ready=False)
        runtime.loop("idle", idle)

    assert await check("ready") == 1, "nobody listens"
    settings = EmptySettings(monitor_port=port, instance="empty")
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(settings, bootstrap, runtime=runtime))
        await eventually(lambda: "database" in str(health.describe()))
        assert (await check("live"), await check("ready")) == (0, 1)
        health.report("database", ready=True)
        assert (await check("live"), await check("ready")) == (0, 0)
        health.give_up("loop", "a test says so")
        assert (await check("live"), await check("ready")) == (1, 1)
        assert await check("other") == 2
        runtime.stop.set()
