"""`make run` as a whole: loopback only, secrets unseen, what dies comes back, and all stops."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.layout import PROJECT, Layout
from tests.harness.eventually import eventually

READY_WITHIN_S = 240.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Run:
    """A system of two patients in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder=folder / ".local")
        self.said = folder / "said.txt"
        with self.said.open("w") as said:
            self.process = psutil.Popen(
                [
                    *(sys.executable, "-m", "deploy.local.run", "--patients", "2"),
                    *("--folder", str(self.layout.folder)),
                ],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def is_ready(self) -> bool:
        """Whether a vital sign was on the live feed."""
        assert self.process.poll() is None, self.said.read_text()[-3_000:]
        return self.layout.connection.exists()

    @property
    def processes(self) -> list[psutil.Process]:
        """All that it started."""
        return list(self.process.children(recursive=True))

    @property
    def connection(self) -> dict[str, dict[str, int]]:
        """What connection.json says."""
        told: dict[str, dict[str, int]] = json.loads(self.layout.connection.read_text())
        return told


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = Path(
        subprocess.check_output(["mktemp", "-d", "/tmp/vw-local-XXXXXX"], text=True).strip()
    )
    folder.chmod(0o711)
    run = Run(folder)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.terminate()
            run.process.wait(180)
        subprocess.run(["rm", "-rf", str(folder)], check=True)


async def test_becomes_ready(run: Run) -> None:
    await eventually(run.is_ready, within_s=READY_WITHIN_S, every_s=0.2)
    assert "first vital sign on the live feed" in run.said.read_text()
    names = {"mosquitto", "rabbitmq", "postgres", "gateway", "dsp", "storage", "alarms", "api"}
    assert names <= set(run.connection["processes"])
    assert stat.S_IMODE(run.layout.connection.stat().st_mode) == 0o600


async def test_listens_on_loopback_only(run: Run) -> None:
    sockets = []
    for process in run.processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # sessions of PostgreSQL come and go
            sockets += [
                (process.name(), connection.laddr.ip, connection.laddr.port)
                for connection in process.net_connections(kind="inet")
                if connection.status == psutil.CONN_LISTEN or not connection.raddr
            ]
    listening = {port for _, _, port in sockets}
    assert {run.connection["mqtt"]["port"]} < listening
    assert [each for each in sockets if each[1] not in ("127.0.0.1", "::1")] == []
    assert not any("epmd" in name for name, _, _ in sockets)


async def test_secrets_are_in_no_process_list_and_no_log(run: Run) -> None:
    layout = run.layout
    files = [path for folder in (layout.secrets, layout.devices) for path in folder.iterdir()]
    assert len(files) > 15
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    secrets = [path.read_bytes().strip() for path in files]
    places = {f"log {log.name}": log.read_bytes() for log in layout.logs.iterdir()}
    for process in [run.process, *run.processes]:
        for what in ("cmdline", "environ"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
                seen = Path(f"/proc/{process.pid}/{what}").read_bytes()
                places[f"{what} of {process.name()}"] = seen
    assert len(places) > 20, "nothing was looked at"
    found = [(place, files[n].name) for place, text in places.items()
             for n, secret in enumerate(secrets) if secret in text]  # fmt: skip
    assert found == []


async def test_only_its_owner_reaches_supervisor_and_data(run: Run) -> None:
    layout = run.layout
    assert stat.S_IMODE(layout.supervisor_socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.supervisor_config.stat().st_mode) == 0o600
    servers = {layout.postgres, layout.rabbitmq}
    open_to_others, n_seen = [], 0
    for place, folders, names in os.walk(layout.folder):
        folder = Path(place)
        folders[:] = [name for name in folders if folder / name not in servers]
        for path in (folder / name for name in names):
            with contextlib.suppress(FileNotFoundError):  # files are replaced while we look
                about = path.stat()
                n_seen += 1
                if stat.S_ISREG(about.st_mode) and stat.S_IMODE(about.st_mode) & 0o077:
                    open_to_others.append(path)
    assert n_seen > 20
    assert open_to_others == []
    for folder in (layout.rabbitmq, layout.postgres / "data"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def doctor(run: Run) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*(sys.executable, "-m", "services.command_line"),
         *("doctor", "--folder", str(run.layout.folder))],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )  # fmt: skip


async def test_the_doctor_finds_it_well(run: Run) -> None:
    def is_well() -> bool:  # asked again: a busy service may answer late for once
        told = doctor(run)
        assert told.returncode == 0, told.stdout + told.stderr
        wanted = ("audit trail whole", "streams and queues there", "6 users log in", "dsp ready")
        return all(what in told.stdout for what in wanted)

    await eventually(is_well, every_s=1.0)


async def test_the_doctor_says_what_is_wrong_and_what_to_do(run: Run) -> None:
    secret = run.layout.secrets / "api_token_key"
    pid = run.connection["processes"]["alarms"]
    secret.chmod(0o644)
    os.kill(pid, signal.SIGSTOP)
    try:
        told = doctor(run)
    finally:
        os.kill(pid, signal.SIGCONT)
        secret.chmod(0o600)
    assert told.returncode == 1
    assert "chmod 600" in told.stdout
    assert "see .local/log/alarms.log" in told.stdout


@pytest.mark.parametrize("name", ["dsp", "mosquitto"])
async def test_what_dies_is_shown_and_comes_back(run: Run, name: str) -> None:
    before = run.connection["processes"][name]
    os.kill(before, signal.SIGKILL)

    def is_back() -> bool:
        now = run.connection["processes"].get(name, before)
        return now != before and psutil.pid_exists(now)

    await eventually(is_back, within_s=30)
    await eventually(lambda: f"{name} runs again" in run.said.read_text())


async def test_a_second_run_of_the_folder_is_refused(run: Run) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "deploy.local.run", "--folder", str(run.layout.folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert second.returncode == 1
    assert "runs already" in second.stderr


async def test_make_stop_ends_all_that_it_started(run: Run) -> None:
    started = run.processes
    assert len(started) > 9
    stop = subprocess.run(
        [sys.executable, "deploy/local/stop.py", str(run.layout.folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert stop.stdout == "stopped\n", stop.stderr
    assert run.process.wait(120) == 0
    _, alive = psutil.wait_procs(started, timeout=60)
    assert alive == []
    assert not run.layout.connection.exists()
