"""The gateway and the SDK together: processes of both die, and each command still runs once."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from shared.contracts.identity import DeviceId
from tests.harness.eventually import eventually
from tests.integration.gateway.commands import ask_for, has_outcome, row_of
from tests.integration.gateway.sdk_device import noted, start
from tests.integration.gateway.system import System


def has_ended_more(folder: Path, before: set[str]) -> bool:
    return bool(set(noted(folder, "ended")) - before)


@asynccontextmanager
async def device(system: System, name: DeviceId, folder: Path) -> AsyncIterator[None]:
    process = start(system.mosquitto.port, name, folder)
    try:
        yield
    finally:
        process.kill()
        process.wait(60)


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_a_device_that_is_killed_at_work_runs_nothing_twice_and_says_how_it_ended(
    system: System, tmp_path: Path
) -> None:
    (name,) = await system.register("monitor-1")
    gateway = system.start()
    await system.ready()
    commands: list[str] = []
    for turn in range(3):
        async with device(system, name, tmp_path):
            commands += [await ask_for(system, name, "show_text", text=str(n)) for n in range(4)]
            before = set(noted(tmp_path, "ended"))
            await eventually(partial(has_ended_more, tmp_path, before), within_s=20)
            if turn == 1:
                gateway.kill()
                gateway = system.start()
    async with device(system, name, tmp_path):
        for command in commands:
            await eventually(has_outcome(system, command, "done", "failed"), within_s=40)
        begun, ended = noted(tmp_path, "begun"), noted(tmp_path, "ended")
        assert len(begun) == len(set(begun)), "none began twice"
        assert len(ended) == len(set(ended))
        for command in commands:
            row = await row_of(system, command)
            assert row is not None
            if row["outcome"] == "done":
                assert command in ended
            else:
                assert row["detail"] == "the device was restarted while it ran"


async def reported(system: System, name: DeviceId) -> dict[str, object]:
    connection = await system.sql()
    try:
        text = await connection.fetchval(
            "select reported from gateway.presence where device_id = $1", system.keys[name]
        )
    finally:
        await connection.close()
    found: dict[str, object] = json.loads(text or "{}")
    return found


async def wish(system: System, name: DeviceId, version: int, text: str) -> None:
    connection = await system.sql()
    try:
        await connection.execute(
            "insert into registry.device_configuration values ($1, $2, $3, 'tom') "
            "on conflict (device_id) do update set version = $2, configuration = $3",
            system.keys[name],
            version,
            json.dumps({"display_text": text}),
        )
    finally:
        await connection.close()


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_what_is_wished_reaches_the_device_over_all_restarts(
    system: System, tmp_path: Path
) -> None:
    (name,) = await system.register("monitor-1")

    def is_in_force(version: int) -> Callable[[], Awaitable[bool]]:
        async def check() -> bool:
            return (await reported(system, name)).get("configuration_version") == version

        return check

    await wish(system, name, 1, "one")
    gateway = system.start()
    await system.ready()
    async with device(system, name, tmp_path):  # it was away when it was wished
        await eventually(is_in_force(1), within_s=20)
        await wish(system, name, 2, "two")
        await eventually(is_in_force(2))
        gateway.kill()
        system.mosquitto.kill()  # and what it retained
        await system.mosquitto.restart()
        await wish(system, name, 3, "three")
        system.start()
        await eventually(is_in_force(3), within_s=30)
    assert noted(tmp_path, "configured") == ["one", "two", "three"]
    async with device(system, name, tmp_path):
        await eventually(lambda: noted(tmp_path, "configured")[3:] == ["three"])
        assert (await reported(system, name))["configuration"] == {"display_text": "three"}
