"""Commands and questions at the desk: once, in time, one after the other."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from devices.sdk.command_desk import MOST_WAITING, CommandDesk
from devices.sdk.configuration_keeper import ConfigurationKeeper
from devices.sdk.happened import Command, CommandAnswer
from shared.contracts.commands import CommandOutcome, DownCommand, DownDesired
from tests.harness.eventually import eventually

SOON_US = 60_000_000


def now_us() -> int:
    return time.time_ns() // 1_000


class Maker:
    """The maker's code, and what the server hears."""

    def __init__(self, folder: Path, *, handles: bool = True) -> None:
        self.ran: list[str] = []
        self.told: list[Command] = []
        self.sent: list[tuple[str, str, str]] = []
        self.gives: Any = None
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.desk = CommandDesk(
            folder,
            handler=self.run if handles else None,
            tell=self.told.append,
            send=self.send,
        )

    async def run(self, command: Command) -> CommandAnswer:
        self.ran.append(command.id)
        await self.may_go_on.wait()
        if isinstance(self.gives, Exception):
            raise self.gives
        answer: CommandAnswer = self.gives
        return answer

    def send(self, command: str, outcome: str, detail: str) -> bool:
        self.sent.append((command, outcome, detail))
        return True

    def hear(self, command: str, *, ask: bool = False, expires_us: int | None = None) -> None:
        at_us = now_us() + SOON_US if expires_us is None else expires_us
        self.desk.hear(DownCommand(command=command, name="identify", expires=at_us, ask=ask))


@asynccontextmanager
async def maker(folder: Path, *, handles: bool = True) -> AsyncIterator[Maker]:
    made = Maker(folder, handles=handles)
    running = asyncio.create_task(made.desk.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.parametrize(
    ("gives", "outcome", "detail"),
    [
        (None, "done", ""),
        (CommandOutcome.REFUSED, "refused", ""),
        ((CommandOutcome.FAILED, "no paper"), "failed", "no paper"),
        (ZeroDivisionError("oh"), "failed", "ZeroDivisionError: oh"),
    ],
)
async def test_what_the_maker_gives_is_the_answer_now_and_to_every_question(
    tmp_path: Path, gives: object, outcome: str, detail: str
) -> None:
    async with maker(tmp_path) as one:
        one.gives = gives
        one.hear("c-1")
        await eventually(lambda: one.sent == [("c-1", outcome, detail)])
        one.hear("c-1")
        one.hear("c-1", ask=True)
        assert one.sent == [("c-1", outcome, detail)] * 3
        assert one.ran == ["c-1"]
    async with maker(tmp_path) as again:
        again.hear("c-1")
        again.hear("c-2", ask=True)
        assert again.sent == [("c-1", outcome, detail), ("c-2", "unseen", "")]
        assert again.ran == []


async def test_a_command_at_work_and_those_behind_it_are_running(tmp_path: Path) -> None:
    async with maker(tmp_path) as one:
        one.may_go_on.clear()
        one.hear("c-1")
        await eventually(lambda: one.ran == ["c-1"])
        one.hear("c-2")
        one.hear("c-1")
        one.hear("c-2")
        assert one.sent == []
        one.hear("c-1", ask=True)
        one.hear("c-2", ask=True)
        assert one.sent == [("c-1", "running", ""), ("c-2", "running", "")]
        one.may_go_on.set()
        await eventually(lambda: one.ran == ["c-1", "c-2"])
    async with maker(tmp_path) as again:
        again.hear("c-1", ask=True)
        assert again.sent[0][:2] == ("c-1", "done")


async def test_a_process_that_ends_at_work_answers_failed_and_does_not_run_it_again(
    tmp_path: Path,
) -> None:
    async with maker(tmp_path) as one:
        one.may_go_on.clear()
        one.hear("c-1")
        await eventually(lambda: one.ran == ["c-1"])
    async with maker(tmp_path) as again:
        again.hear("c-1")
        assert again.sent == [("c-1", "failed", "the device was restarted while it ran")]
        assert again.ran == []


async def test_nothing_runs_after_its_time_by_the_servers_clock(tmp_path: Path) -> None:
    async with maker(tmp_path) as one:
        one.hear("late", expires_us=now_us() - 1)
        assert one.sent == [("late", "expired", "")]
        day_us = 86_400_000_000
        one.desk.set_time(now_us() + day_us)  # the machine's clock is a day behind
        one.desk.set_time(now_us() + day_us - SOON_US)  # a message that was on its way long
        one.hear("by the server", expires_us=now_us() + SOON_US)
        assert one.sent[1:] == [("by the server", "expired", "")]
        one.hear("in time", expires_us=now_us() + day_us + SOON_US)
        await eventually(lambda: one.ran == ["in time"])


async def test_too_many_are_refused_and_one_that_waited_too_long_is_not_begun(
    tmp_path: Path,
) -> None:
    async with maker(tmp_path) as one:
        one.may_go_on.clear()
        one.hear("first")
        await eventually(lambda: one.ran == ["first"])
        one.hear("short", expires_us=now_us() + 20_000)
        for number in range(MOST_WAITING):
            one.hear(f"c-{number}")
        assert [sent for sent in one.sent if sent[1] == "refused"] == [
            (f"c-{MOST_WAITING - 2}", "refused", "too many commands wait"),
            (f"c-{MOST_WAITING - 1}", "refused", "too many commands wait"),
        ]
        await eventually(lambda: now_us() > 0 and one.desk._is_late(one.desk._waiting["short"]))
        one.may_go_on.set()
        await eventually(lambda: ("short", "expired", "") in one.sent)
        assert "short" not in one.ran


async def test_a_maker_who_answers_by_himself_is_told_once(tmp_path: Path) -> None:
    async with maker(tmp_path, handles=False) as one:
        one.hear("c-1")
        await eventually(lambda: [told.id for told in one.told] == ["c-1"])
        one.hear("c-1")
        one.hear("c-1", ask=True)
        assert one.desk.answer("c-1", CommandOutcome.DONE, "")
        one.hear("c-1", ask=True)
        assert one.sent == [("c-1", "running", ""), ("c-1", "done", ""), ("c-1", "done", "")]
        assert len(one.told) == 1


# ------------------------------------------------------------------ configuration


async def test_a_configuration_is_applied_reported_kept_and_applied_at_the_start(
    tmp_path: Path,
) -> None:
    applied: list[dict[str, Any]] = []
    reported: dict[str, Any] = {}

    async def configure(wished: Any) -> dict[str, Any] | None:
        applied.append(dict(wished))
        if wished.get("hz") == 7:
            raise ValueError("7 Hz is no rate")
        return {**wished, "hz": 250} if wished.get("hz") == 240 else None

    async def heard(*wishes: DownDesired, until: Callable[[], object]) -> None:
        reported.clear()
        keeper = ConfigurationKeeper(tmp_path, configure=configure, report=reported.update)
        running = asyncio.create_task(keeper.run())
        for wish in wishes:
            keeper.hear(wish)
        await eventually(until)
        running.cancel()
        await asyncio.wait([running])

    def in_force(version: int) -> Callable[[], object]:
        return lambda: reported.get("configuration_version") == version

    await heard(DownDesired(version=3, configuration={"hz": 240}), until=in_force(3))
    assert reported["configuration"] == {"hz": 250}
    newest = DownDesired(version=3, configuration={"hz": 240})
    older = DownDesired(version=2, configuration={"hz": 100})
    await heard(newest, older, until=in_force(3))
    assert applied == [{"hz": 240}, {"hz": 240}], "an older one comes too late"
    bad = DownDesired(version=4, configuration={"hz": 7})
    await heard(bad, bad, until=lambda: "7 Hz" in str(reported.get("configuration_error")))
    assert reported["configuration_version"] == 3, "what was in force stays so"
    assert applied[2:] == [{"hz": 240}, {"hz": 7}], "the same again fails again"
    await heard(DownDesired(version=5, configuration={"hz": 500}), until=in_force(5))
    assert reported["configuration_error"] is None


async def test_a_server_that_begins_again_below_is_followed_on_the_next_connection(
    tmp_path: Path,
) -> None:
    applied: list[str] = []

    async def configure(wished: Any) -> None:
        applied.append(wished["text"])

    keeper = ConfigurationKeeper(tmp_path, configure=configure, report=lambda _: None)
    running = asyncio.create_task(keeper.run())
    keeper.hear(DownDesired(version=7, configuration={"text": "before"}))
    await eventually(lambda: applied == ["before"])
    keeper.hear(DownDesired(version=1, configuration={"text": "restored"}))
    keeper.connected()
    keeper.hear(DownDesired(version=1, configuration={"text": "restored"}))
    await eventually(lambda: applied == ["before", "restored"])
    running.cancel()
    await asyncio.wait([running])
