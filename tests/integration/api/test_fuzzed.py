"""Requests made from the OpenAPI document by schemathesis: all its checks, a fixed seed.

Short in ``make test``; ``VITALWIRE_FUZZ_S=300`` gives it five minutes a role.
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.integration.api.conftest import StartApi

OWN_STREAMS = True
FUZZ_S = int(os.environ.get("VITALWIRE_FUZZ_S", "12"))
SEED = 20261121
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.slow
@pytest.mark.timeout(FUZZ_S + 120)
@pytest.mark.parametrize("username", ["carla", "adam"])
async def test_schemathesis_finds_nothing(
    start_api: StartApi, username: str, tmp_path: Path
) -> None:
    async with start_api(
        api_request_burst=1_000_000,
        api_log_in_burst=100_000,
        api_log_in_per_minute=100_000,
        api_action_wait_s=0.05,
        api_access_token_s=3_600,
    ) as api:
        await api.store_alarm("a1", "p-north1", since_us=1)
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(CONFIGURATION),
            "run",
            f"{api.url}/v1/openapi.json",
            "--checks=all",
            "--mode=all",
            f"--seed={SEED}",
            "--generation-database=none",
            f"--max-time={FUZZ_S}",
            "--max-failures=10",
            "--continue-on-failure",
            "--request-timeout=60",
            "--no-color",
            "--warnings=off",
            f"--header=Authorization:Bearer {await api.token(username)}",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, said.decode()[-20_000:]
