"""Commands of a lane whose rows, queue and MQTT are in memory: every step, and every failure."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from services.gateway.core.command_deadlines import ASK_EVERY_US, GRACE_US
from shared.contracts.commands import Answer, CommandOutcome
from shared.errors import Unavailable
from tests.harness.eventually import eventually
from tests.harness.manual_clock import ManualClock
from tests.unit.services.gateway.application.commands_in_memory import (
    DEVICE,
    SECOND_US,
    Lane0,
    MemoryQueue,
    MemoryTable,
    another,
    asked_for,
    command,
)


@pytest.fixture
async def lane() -> Lane0:
    table = MemoryTable(ManualClock())
    lane = Lane0(table, MemoryQueue())
    await lane.begin()
    return lane


@asynccontextmanager
async def collecting(lane: Lane0) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(lane.commands.collect(stop))
    try:
        yield stop
    finally:
        stop.set()
        task.cancel()
        await asyncio.wait([task])


async def test_a_command_is_settled_when_its_row_is_there_and_rejected_without_a_device(
    lane: Lane0,
) -> None:
    async with collecting(lane):
        lane.table.away = True
        lane.queue.waiting.put_nowait(command(lane))
        await asyncio.sleep(0.15)
        assert lane.queue.settled == [], "not before the row"
        lane.table.away = False
        await eventually(lambda: lane.queue.settled == ["c-1"])
        lane.queue.waiting.put_nowait(msgspec.structs.replace(command(lane), id="c-2", device=9))
        await eventually(lambda: lane.queue.rejected == ["c-2"])
        lane.queue.waiting.put_nowait(command(lane))
        await eventually(lambda: lane.queue.settled == ["c-1", "c-1"])
    await lane.turn()
    assert lane.session.kinds() == ["identify"], "the same command twice is one"


async def test_an_answer_ends_a_command_and_is_told_once(lane: Lane0) -> None:
    await asked_for(lane)
    await lane.turn()
    lane.says(Answer.DONE, detail="blinked")
    lane.says(Answer.DONE, detail="blinked")
    await lane.turn()
    lane.says(Answer.FAILED)
    await lane.turn()
    assert lane.session.kinds() == ["identify"]
    assert lane.told() == ["done"]
    assert lane.table.rows["c-1"].detail == "blinked"


async def test_what_nobody_answers_is_asked_after_given_up_and_may_still_become_known(
    lane: Lane0,
) -> None:
    await asked_for(lane)
    for _ in range(8):
        await lane.turn(ASK_EVERY_US / SECOND_US)
    assert lane.session.kinds()[0] == "identify"
    assert set(lane.session.kinds()[1:]) == {"ask"}
    assert lane.told() == ["unknown"]
    asked = len(lane.session.told)
    await lane.turn(3_600)
    assert len(lane.session.told) == asked, "not asked for ever"
    lane.commands.welcome(DEVICE)
    assert len(lane.session.told) == asked + 1
    lane.says(Answer.DONE)
    await lane.turn()
    assert lane.told() == ["unknown", "done"]


async def test_what_was_given_up_and_never_seen_has_not_run(lane: Lane0) -> None:
    await asked_for(lane)
    await lane.turn()
    await lane.turn(60 + GRACE_US / SECOND_US)
    assert lane.told() == ["unknown"]
    lane.commands.welcome(DEVICE)
    lane.says(Answer.UNSEEN)
    await lane.turn()
    assert lane.told() == ["unknown", "expired"]
    assert lane.session.kinds().count("identify") == 1


async def test_a_device_at_work_is_waited_for(lane: Lane0) -> None:
    await asked_for(lane, within_s=5)
    await lane.turn()
    for _ in range(10):
        lane.says(Answer.RUNNING)
        await lane.turn(10)
    assert lane.told() == []
    lane.says(Answer.REFUSED)
    await lane.turn()
    assert lane.told() == ["refused"]


async def test_a_device_that_is_away_is_asked_and_gets_it_when_it_answers(lane: Lane0) -> None:
    lane.online = False
    await asked_for(lane)
    await lane.turn()
    await lane.turn(1)
    assert lane.session.kinds() == ["ask"]
    lane.says(Answer.UNSEEN)
    await lane.turn(1)
    assert lane.session.kinds() == ["ask", "identify"]


async def test_what_waited_for_its_device_too_long_has_not_run(lane: Lane0) -> None:
    lane.online = False
    await asked_for(lane, within_s=1)
    await lane.turn()
    await lane.turn(1)
    assert lane.told() == ["expired"]
    assert lane.session.kinds() == ["ask"]
    lane.says(Answer.UNSEEN)
    lane.online = True
    await lane.turn(31)
    assert lane.session.kinds() == ["ask"]


async def test_two_replicas_send_it_once_and_the_next_process_asks(lane: Lane0) -> None:
    await asked_for(lane)
    other = await another(lane)
    await lane.commands._load()
    await other.commands._load()
    await lane.turn()
    await other.turn()
    assert lane.session.kinds() + other.session.kinds() == ["identify"]
    following = await another(lane)
    await following.turn(6)
    assert following.session.kinds() == ["ask"]
    following.says(Answer.UNSEEN)
    await following.turn()
    assert following.session.kinds() == ["ask", "identify"]
    assert lane.table.rows["c-1"].command.sends == 2
    other.says(Answer.DONE)
    await other.turn(31)
    await lane.turn(31)
    assert lane.commands._open == {}, "what another has ended is let go"


async def test_without_a_session_nothing_is_sent_and_time_still_runs(lane: Lane0) -> None:
    lane.commands.session = None
    await asked_for(lane, within_s=1)
    await lane.turn()
    assert lane.table.rows["c-1"].command.sends == 0
    await lane.turn(1)
    assert lane.told() == ["expired"]


async def test_an_answer_waits_for_the_database_and_an_event_for_rabbitmq(lane: Lane0) -> None:
    await asked_for(lane)
    await lane.turn()
    lane.table.away = True
    lane.says(Answer.DONE)
    with pytest.raises(Unavailable):
        await lane.turn()
    lane.table.away = False
    lane.out.deaf = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await lane.turn()
    assert lane.table.rows["c-1"].outcome is CommandOutcome.DONE
    assert not lane.table.rows["c-1"].told
    following = await another(lane)
    await following.turn()
    assert following.told() == ["done"]
    assert lane.out.events[0].id == following.out.events[0].id, "the same event by its id"


async def test_a_turn_of_the_loop_carries_a_command_and_waits_for_work(lane: Lane0) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(lane.commands.run(stop))
    async with collecting(lane):
        lane.queue.waiting.put_nowait(command(lane))
        await eventually(lambda: lane.session.kinds() == ["identify"])
        lane.says(Answer.DONE)
        await eventually(lambda: lane.told() == ["done"])
        lane.table.away = True
        lane.queue.waiting.put_nowait(command(lane, "c-2"))
        lane.says(Answer.DONE, "c-1")
        await asyncio.sleep(0.05)
        lane.table.away = False
        await eventually(lambda: lane.queue.settled == ["c-1", "c-2"])
    stop.set()
    async with asyncio.timeout(60):
        await running
