"""The device guide: its examples run as they stand there, and its tables are whole."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from shared.codecs.register import load_codecs
from shared.contracts.identity import DeviceId
from shared.contracts.names import DownKind, UpKind
from shared.contracts.parking import Reason
from tests.harness.eventually import eventually
from tests.harness.mosquitto import Mosquitto
from tests.integration.devices.embedded import compile_c, library
from tests.integration.devices.listener import listener

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs" / "devices" / "README.md"
TEXT = GUIDE.read_text()
EXAMPLES = re.findall(r"```(python|c) run\n(.*?)```", TEXT, re.DOTALL)


def test_there_are_examples_and_each_is_short() -> None:
    assert [language for language, _ in EXAMPLES] == ["python", "python", "c"]
    assert all(len(code.splitlines()) <= 40 for _, code in EXAMPLES)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_an_example_runs_until_its_messages_are_stored(
    mosquitto: Mosquitto, tmp_path: Path, number: int
) -> None:
    language, code = EXAMPLES[number]
    device = DeviceId(f"guide-device-{number}")
    environment = {
        **os.environ, "DEVICE": device, "HOST": "127.0.0.1", "PORT": str(mosquitto.port),
        "SECRET": "s", "JOURNAL": str(tmp_path / "journal"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    if language == "c":
        source = tmp_path / "client.c"
        source.write_text(code)
        shutil.copy(Path(__file__).parent / "board.h", tmp_path)
        sources = [*library(), source]
        program = compile_c(sources, tmp_path / "client", "_POSIX_C_SOURCE=200809L")
        command = [str(program)]
    else:
        source = tmp_path / "client.py"
        source.write_text(code)
        command = [sys.executable, str(source)]
    async with listener(mosquitto, device) as server:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(120):
                while process.returncode is None:
                    n_heard = len(server.messages) + len(server.native)
                    boots = [status["boot"] for status in server.statuses if status["online"]]
                    if n_heard >= 3 and boots:
                        await server.store(boots[-1], (0, 2))
                    await asyncio.sleep(0.1)
                assert process.stderr is not None
                said = await process.stderr.read()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, said.decode()[-2_000:]
        await eventually(lambda: bool(server.statuses) and server.statuses[0]["online"])


def test_its_tables_are_whole() -> None:
    for reason in Reason:
        assert f"| `{reason}` |" in TEXT, f"the guide does not explain {reason}"
    for codec in load_codecs():
        assert f"`{codec}`" in TEXT
    for kind in (UpKind.STATUS, UpKind.RESULT):
        assert f"`up/{kind}`" in TEXT
    for down in set(DownKind) - {DownKind.FILE}:
        assert f"`down/{down}`" in TEXT


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (GUIDE.parent / target).exists(), target
