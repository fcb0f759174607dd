"""Native commands under anything: hubs that come and go, kills, lost links, a database away.

At most once for what may not be done twice, nothing after its time, an end that is true.
"""

import asyncio
import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.application.dialogues import RESUME_S
from services.gateway.core.command_deadlines import GRACE_US
from services.gateway.core.messages import Device
from shared.contracts.commands import CommandOutcome
from shared.contracts.decoding import Word
from shared.contracts.identity import Boot, MessageId
from shared.errors import Unavailable
from tests.harness.manual_clock import ManualClock
from tests.unit.services.gateway.application.commands_in_memory import (
    HUB,
    SECOND_US,
    UNIT,
    Lane0,
    MemoryQueue,
    MemoryTable,
    another,
    command,
)
from tests.unit.services.gateway.application.tiny_dialogue import CODECS, MODELS

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("ask"), st.sampled_from(["identify", "clear", "bug"]),
            st.sampled_from([HUB, UNIT]), st.integers(1, 60),
        ),
        st.tuples(st.just("connect"), st.booleans()),
        st.tuples(st.just("say"), st.sampled_from(["hello", "announced", "bug"])),
        st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from(["done", "failed"])),
        st.tuples(st.just("stored")),
        st.tuples(st.just("pass"), st.sampled_from([0.0, 0.5, 5.0, 16.0, 31.0])),
        st.tuples(st.just("database"), st.booleans()),
        st.tuples(st.just("session"), st.booleans()),
        st.tuples(st.just("kill"), st.sampled_from(["between turns", "after the row"])),
    ),
    max_size=25,
)  # fmt: skip


class World:
    """A lane that is killed and followed by another; what its device heard, and when."""

    def __init__(self, lane: Lane0) -> None:
        self.lane = lane
        self.sent: list[tuple[str, int]] = []
        self.asked: list[str] = []
        self.answered: dict[str, str] = {}
        self.n = 0

    async def turn(self, seconds: float = 0.0) -> None:
        with contextlib.suppress(Unavailable):
            await self.lane.turn(seconds)
        self.collect()

    def collect(self) -> None:
        lane = self.lane
        assert lane.session.told == [], "never in JSON"
        for _, data in lane.session.native:
            self.sent.append((data.decode(), lane.clock.now_us()))
        lane.session.native.clear()

    async def do(self, what: str, *how: Any) -> None:
        lane = self.lane
        match what:
            case "ask":
                name, device, within_s = how
                await self.ask(name, device, within_s)
            case "connect":
                await lane.connects(online=how[0])
            case "say":
                self.n += 1
                identity = MessageId(HUB.key, Boot(7), self.n)
                lane.dialogues.hear(HUB, [Word(how[0])], identity)
            case "end":
                self.end(f"c-{how[0]}", how[1])
            case "stored":
                lane.dialogues.stored(HUB.key, 7, [(0, self.n)])
            case "pass":
                await self.turn(how[0])
            case "database":
                lane.table.away = not how[0]
            case "session":
                lane.commands.session = lane.session if how[0] else None
                lane.dialogues.use(lane.commands.session)
            case "kill":
                await self.kill(after_the_row=how[0] == "after the row")
            case _:
                raise AssertionError(what)
        self.collect()

    async def ask(self, name: str, device: Device, within_s: int) -> None:
        if len(self.asked) < 4 and not self.lane.table.away:
            command_id = f"c-{len(self.asked)}"
            self.asked.append(command_id)
            asked = command(self.lane, command_id, device=device, name=name, within_s=within_s)
            found = await self.lane.table.take(asked)
            assert found is not None
            self.lane.commands._open[command_id] = found

    def end(self, command_id: str, outcome: str) -> None:
        """The device says what became of a command, if it was ever told of it."""
        heard = [text for text, _ in self.sent if text == "ask" or text.endswith(command_id)]
        if command_id in self.asked and heard:
            self.answered.setdefault(command_id, outcome)
            data = {"command": command_id, "outcome": self.answered[command_id]}
            identity = MessageId(HUB.key, Boot(7), self.n)
            self.lane.dialogues.hear(HUB, [Word("ended", "", data)], identity)

    async def kill(self, *, after_the_row: bool) -> None:
        if after_the_row and not self.lane.table.away:
            for one in self.lane.commands._open.values():
                await self.lane.table.mark_sent(one)
                break
        online = self.lane.presences.is_online(HUB.key)
        self.lane = await another(self.lane)
        if online:  # its row says so
            await self.lane.connects()


def check(world: World) -> None:
    table = world.lane.table
    for command_id in world.asked:
        row = table.rows[command_id]
        name, expires_us = row.command.name, row.command.expires_us
        own = [(text, at) for text, at in world.sent if text.endswith(command_id)]
        assert row.outcome is not None, "it has an end"
        assert all(at < expires_us for _, at in own), "nothing of it after its time"
        if name == "clear":
            assert len(own) <= 1, "what may not be done twice"
        if row.outcome is CommandOutcome.EXPIRED:
            assert own == [], "certainly not run"
        if row.outcome in (CommandOutcome.DONE, CommandOutcome.FAILED) and name != "bug":
            assert world.answered[command_id] == row.outcome, "the device's own answer"
        assert row.told, "people know"


@settings(max_examples=50)
@given(steps=STEPS)
def test_each_native_command_has_a_true_end_whatever_happens(steps: list[tuple[Any, ...]]) -> None:
    async def run() -> None:
        lane = Lane0(MemoryTable(ManualClock()), MemoryQueue(), CODECS, MODELS)
        await lane.begin()
        await lane.clock.advance(RESUME_S)
        world = World(lane)
        for step in steps:
            await world.do(*step)
            await world.turn()
        await world.do("database", True)
        for _ in range(6):
            await world.turn((60 + GRACE_US / SECOND_US) / 3)
        check(world)

    asyncio.run(run())
