"""Commands while something dies: none runs twice, none late, and each end is known."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from shared.contracts.commands import Answer
from shared.contracts.identity import DeviceId
from tests.harness.eventually import eventually
from tests.harness.postgres import Postgres
from tests.harness.rabbitmq import RabbitMq
from tests.integration.gateway.commands import (
    Obedient,
    ask_for,
    has_outcome,
    is_told,
    obedient,
    row_of,
)
from tests.integration.gateway.system import System


@asynccontextmanager
async def held_rows(system: System) -> AsyncIterator[asyncpg.Connection]:
    """Nobody can write a command's row meanwhile."""
    connection = await system.sql()
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("lock table gateway.command in exclusive mode")
        yield connection
        await transaction.rollback()
    finally:
        await connection.close()


async def is_waiting(system: System) -> bool:
    connection = await system.sql()
    try:
        waiting = await connection.fetchval(
            "select count(*) from pg_stat_activity "
            "where wait_event_type = 'Lock' and query like '%gateway.command%'"
        )
        return bool(waiting)
    finally:
        await connection.close()


async def test_a_gateway_killed_before_the_row_leaves_the_command_in_the_queue(
    system: System,
) -> None:
    (name,) = await system.register("monitor-1")
    gateway = system.start()
    await system.ready()
    async with obedient(system, name) as device:
        await device.status()
        async with held_rows(system):
            command = await ask_for(system, name)
            await eventually(lambda: is_waiting(system))
            gateway.kill()
        assert await row_of(system, command) is None
        system.start()
        await eventually(has_outcome(system, command, "done"), within_s=20)
        assert device.ran == [command]


async def test_a_gateway_killed_after_the_row_sends_what_it_had_not_sent(system: System) -> None:
    (name,) = await system.register("monitor-1")
    gateway = system.start()
    await system.ready()
    command = await ask_for(system, name)
    await eventually(has_outcome(system, command, None))
    gateway.kill()
    system.start()
    await system.ready(sessions=4)
    async with obedient(system, name) as device:
        await device.status()
        await eventually(has_outcome(system, command, "done"), within_s=20)
        assert device.ran == [command]
        assert len(device.sent) == 1


async def test_what_a_killed_gateway_wrote_as_sent_is_asked_after_before_it_is_sent(
    system: System,
) -> None:
    """Killed between the row that says so and MQTT: only the device can know."""
    (name,) = await system.register("monitor-1")
    gateway = system.start()
    await system.ready()
    command = await ask_for(system, name)
    await eventually(has_outcome(system, command, None))
    gateway.kill()
    connection = await system.sql()
    await connection.execute(
        "update gateway.command set sends = 1, sent_at = now() - interval '10 s'"
    )
    await connection.close()
    system.start()
    await system.ready(sessions=4)
    async with obedient(system, name) as device:
        await device.status()
        await eventually(has_outcome(system, command, "done"), within_s=20)
        assert device.ran == [command]
        kinds = [heard.ask for heard in device.heard]
        assert kinds[0] is True, "asked first"
        assert kinds.count(False) == 1, "sent once it was known that it had not been seen"
        row = await row_of(system, command)
        assert row is not None
        assert row["sends"] == 2


async def test_a_gateway_killed_after_sending_asks_and_never_sends_again(system: System) -> None:
    (name,) = await system.register("monitor-1")
    gateway = system.start()
    await system.ready()
    async with obedient(system, name) as device:
        device.deaf_to = {"identify"}
        await device.status()
        command = await ask_for(system, name)
        await eventually(lambda: device.sent)
        gateway.kill()
        device.known[command] = Answer.DONE  # it ran; the answer reached nobody
        system.start()
        await eventually(has_outcome(system, command, "done"), within_s=20)
        assert len(device.sent) == 1
        await eventually(is_told(system, command, "done"))


async def test_a_gateway_killed_before_the_end_was_written_learns_it_from_the_device(
    system: System,
) -> None:
    (name,) = await system.register("monitor-1")
    gateway = system.start()
    await system.ready()
    async with obedient(system, name) as device:
        device.deaf_to = {"identify"}
        await device.status()
        command = await ask_for(system, name)
        await eventually(lambda: device.sent)
        async with held_rows(system):
            await device.answer(device.sent[0])
            await eventually(lambda: is_waiting(system))
            gateway.kill()
        device.deaf_to = set()
        system.start()
        await eventually(has_outcome(system, command, "done"), within_s=20)
        assert device.ran == [command]
        await eventually(is_told(system, command, "done"))


async def test_an_end_whose_event_was_lost_is_told_by_the_next_gateway(system: System) -> None:
    (name,) = await system.register("monitor-1")
    connection = await system.sql()
    await connection.execute(
        "insert into gateway.command (id, device_id, name, requested_by, expires_at, sent_at, "
        "sends, outcome, finished_at) values ('00000000-0000-4000-8000-000000000001', $1, "
        "'identify', '1', now(), now(), 1, 'done', now())",
        system.keys[name],
    )
    await connection.close()
    system.start()
    await eventually(is_told(system, "00000000-0000-4000-8000-000000000001", "done"), within_s=20)


async def test_a_device_that_never_answers_leaves_an_unknown_end_until_it_comes_back(
    system: System,
) -> None:
    (name,) = await system.register("monitor-1")
    system.start()
    await system.ready()
    known: dict[str, Answer] = {}
    async with obedient(system, name, known) as device:
        device.deaf_to = {"identify", ""}  # and to questions
        await device.status()
        command = await ask_for(system, name)
        await eventually(lambda: device.sent)
    connection = await system.sql()
    await connection.execute(  # the grace is long past
        "update gateway.command set expires_at = now() - interval '1 minute'"
    )
    await connection.close()
    for one in system.replicas:
        one.kill()
    system.start()
    await eventually(has_outcome(system, command, "unknown"), within_s=20)
    await eventually(is_told(system, command, "unknown"))
    known[command] = Answer.DONE
    async with obedient(system, name, known) as device:
        await device.status()
        await eventually(has_outcome(system, command, "done"), within_s=20)
        await eventually(is_told(system, command, "unknown", "done"))
        assert device.ran == []


async def kept_online(device: Obedient, stop: asyncio.Event) -> None:
    """Its status now and then, as a device sends it."""
    while not stop.is_set():
        await device.status()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await stop.wait()


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_two_replicas_kills_and_restarts_of_the_servers_run_each_command_once(
    system: System, rabbitmq: RabbitMq, postgres: Postgres
) -> None:
    names = await system.register("monitor-1", "monitor-2", "monitor-3")
    replicas = [system.start(), system.start()]
    await system.ready()
    stop = asyncio.Event()
    commands: list[tuple[DeviceId, str]] = []

    async def ask(count: int) -> None:
        for number in range(count):
            name = names[number % len(names)]
            commands.append((name, await ask_for(system, name, "show_text", text=str(number))))

    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        devices = [await stack.enter_async_context(obedient(system, name)) for name in names]
        for device in devices:
            group.create_task(kept_online(device, stop))
        await ask(6)
        replicas[0].kill()
        await ask(6)
        replicas[0] = system.start()
        replicas[1].kill()
        await ask(6)
        postgres.kill()
        await postgres.restart()
        replicas[1] = system.start()
        await ask(6)
        rabbitmq.kill()
        await rabbitmq.restart()
        await ask(6)
        for _, command in commands:
            await eventually(has_outcome(system, command, "done"), within_s=60)
        stop.set()
    ran = [command for device in devices for command in device.ran]
    assert sorted(ran) == sorted(command for _, command in commands), "each once"
    for _, command in commands:
        await eventually(is_told(system, command, "done"), within_s=20)
