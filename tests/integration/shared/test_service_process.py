"""A service as a process: signals, exit states, its monitor port."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from shared.telemetry.health import Health, MonitorServer
from shared.telemetry.metrics import Metrics


async def _get(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


async def test_the_monitor_port_tells_health_and_metrics() -> None:
    health = Health()
    metrics = Metrics("example")
    metrics.counter("turns", "Turns of a loop", ["lane"]).labels(3).inc()
    async with MonitorServer(
        host="127.0.0.1", port=0, health=health, exposition=metrics.exposition
    ) as server:
        assert (await _get(server.port, "/health/live"))[0] == 200
        assert (await _get(server.port, "/health/ready"))[0] == 503
        health.report("consumed", ready=True)
        assert (await _get(server.port, "/health/ready"))[0] == 200
        health.report("consumed", ready=False)
        assert (await _get(server.port, "/health/ready"))[0] == 503
        health.give_up("frames", "stuck")
        assert (await _get(server.port, "/health/live"))[0] == 503
        status, body = await _get(server.port, "/metrics")
        assert status == 200
        assert 'vitalwire_example_turns_total{lane="3"} 1.0' in body
        assert (await _get(server.port, "/secret"))[0] == 404


PROGRAM = """
import sys
from pathlib import Path
from typing import ClassVar, Self
from shared.runtime.service import Runtime, run_service
from shared.runtime.settings import ServiceSettings
from shared.runtime.waiting import pause

class Example(ServiceSettings):
    service: ClassVar[str] = "example"

async def bootstrap(settings, runtime):
    async def loop(stop):
        while not await pause(stop, 10):
            pass
    async def broken(stop):
        await pause(stop, 0.2)
        raise KeyError("broken on purpose")
    runtime.loop("loop", loop)
    if sys.argv[1] == "broken":
        runtime.loop("broken", broken)

sys.exit(run_service(Example, bootstrap, []))
"""


def run_program(kind: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, kind],
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), **environment},
    )


def test_a_signal_stops_the_process_in_good_order() -> None:
    with run_program("good") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "service_started" in line:
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stderr.read()
        assert process.wait(60) == 0
    assert "service_stopped" in rest


def test_a_broken_loop_fails_the_process_and_a_setting_misconfigures_it() -> None:
    with run_program("broken") as process:
        _, log = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "broken on purpose" in log
    with run_program("good", VITALWIRE_NONSENSE="1") as process:
        _, log = process.communicate(timeout=60)
        assert process.returncode == 78
        assert "VITALWIRE_NONSENSE" in log
