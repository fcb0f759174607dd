"""Devices with a protocol of their own, over a lane in memory: what goes down, what comes of it."""

import asyncio
from typing import Any

import pytest

from services.gateway.application import dialogue_effects, dialogues
from services.gateway.application.dialogues import LATELY_US, RESUME_S, SILENT_US
from services.gateway.core.command_deadlines import GRACE_US, Hold
from services.gateway.core.messages import Device
from shared.contracts.commands import Answer, CommandOutcome
from shared.contracts.decoding import Word
from shared.contracts.dialogue import FilePart, Seen, WantFile
from shared.contracts.identity import Boot, MessageId, hub_of
from shared.errors import Unavailable
from tests.harness.eventually import eventually
from tests.harness.manual_clock import ManualClock
from tests.unit.services.gateway.application.commands_in_memory import (
    DEVICE,
    HUB,
    MUTE_UNIT,
    SECOND_US,
    UNIT,
    Lane0,
    MemoryQueue,
    MemoryTable,
    another,
    asked_for,
)
from tests.unit.services.gateway.application.tiny_dialogue import CODECS, MODELS


@pytest.fixture
async def lane() -> Lane0:
    lane = Lane0(MemoryTable(ManualClock()), MemoryQueue(), CODECS, MODELS)
    await lane.begin()
    await lane.clock.advance(RESUME_S)
    return lane


def message(n: int = 1, boot: int = 7) -> MessageId:
    return MessageId(HUB.key, Boot(boot), n)


def says(lane: Lane0, name: str, *, n: int = 1, unit: str = "", **data: Any) -> None:
    lane.dialogues.hear(HUB, [Word(name, unit, data)], message(n))


def ends(lane: Lane0, command: str = "c-1", outcome: Answer = Answer.DONE) -> None:
    says(lane, "ended", command=command, outcome=outcome.value)


def went_down(lane: Lane0) -> list[str]:
    """Native bytes that went to the hub, but for the sweep."""
    assert lane.session.told == [], "nothing in JSON"
    assert {name for name, _ in lane.session.native} <= {HUB.name}
    return [data.decode() for _, data in lane.session.native if data != b"status"]


def outcome(lane: Lane0, command: str = "c-1") -> CommandOutcome | None:
    return lane.table.rows[command].outcome


async def test_a_command_goes_in_the_devices_own_bytes_and_its_answer_ends_it(lane: Lane0) -> None:
    await lane.connects()
    await asked_for(lane, device=HUB)
    await lane.turn()
    assert went_down(lane) == ["h identify  c-1"], "with the constants of the model"
    assert lane.table.rows["c-1"].command.sends == 1
    await lane.turn(20)
    assert went_down(lane) == ["h identify  c-1"], "neither asked nor sent again"
    ends(lane)
    ends(lane)
    await lane.turn()
    assert lane.told() == ["done"]
    assert lane.table.rows["c-1"].detail == "so it is"


async def test_a_command_for_a_unit_goes_to_its_hub_and_ends_as_the_units(lane: Lane0) -> None:
    await lane.connects()
    await asked_for(lane, device=UNIT)
    await lane.turn()
    assert went_down(lane) == ["h identify a1 c-1"]
    ends(lane, outcome=Answer.RUNNING)
    await lane.turn()
    assert outcome(lane) is None
    ends(lane, outcome=Answer.REFUSED)
    await lane.turn()
    assert lane.told() == ["refused"]
    assert lane.out.events[-1].device == UNIT.key


async def test_a_unit_whose_hub_takes_no_commands_refuses(lane: Lane0) -> None:
    await asked_for(lane, device=MUTE_UNIT)
    await lane.turn()
    assert outcome(lane) is None, "its hub is away"
    hub = lane.devices.find(hub_of(MUTE_UNIT.name))
    assert hub is not None
    await lane.connects(hub)
    await lane.turn()
    assert lane.told() == ["refused"]
    assert went_down(lane) == []


async def test_what_its_hub_was_away_for_expires_and_is_never_sent(lane: Lane0) -> None:
    await asked_for(lane, device=UNIT, within_s=30)
    await asked_for(lane, device=UNIT, command_id="c-2", within_s=40)
    await lane.turn(29.9)
    assert went_down(lane) == []
    await lane.turn(0.1)
    assert lane.told() == ["expired"]
    assert lane.table.rows["c-1"].command.sends == 0
    await lane.connects()
    await lane.turn()
    assert went_down(lane) == ["h identify a1 c-2"], "what is in time is sent"
    ends(lane)
    await lane.turn()
    assert lane.told() == ["expired"], "it was never given: it has no answer"


async def test_a_hub_that_talks_is_there_whatever_is_known_of_its_connection(lane: Lane0) -> None:
    await asked_for(lane, device=HUB)
    await lane.turn()
    assert went_down(lane) == []
    says(lane, "hello")
    await lane.turn()
    assert went_down(lane) == ["h identify  c-1"]
    await asked_for(lane, device=HUB, command_id="c-2")
    await lane.turn(LATELY_US / SECOND_US)
    assert len(went_down(lane)) == 1, "it fell silent"


async def test_a_device_whose_status_was_lost_is_looked_for(lane: Lane0) -> None:
    """By a kill; it says nothing by itself, but its dialogue asks."""
    await asked_for(lane, device=UNIT)
    await lane.turn()
    await lane.turn(1)
    assert lane.session.native == [(HUB.name, b"status")]
    says(lane, "hello")
    await lane.turn()
    assert went_down(lane) == ["h identify a1 c-1"]


async def test_nothing_of_a_command_is_sent_after_its_time(lane: Lane0) -> None:
    """Its second half would be due when the receipt comes, a moment too late."""
    await lane.connects()
    await asked_for(lane, device=HUB, name="clear", within_s=30)
    await lane.turn()
    says(lane, "announced", n=5)
    await lane.turn(29)
    lane.dialogues.stored(HUB.key, 7, [(4, 4)])
    assert went_down(lane) == ["ask"]
    await lane.turn(1)
    lane.dialogues.stored(HUB.key, 7, [(4, 5)])
    await lane.turn(GRACE_US / SECOND_US)
    assert went_down(lane) == ["ask"]
    assert lane.told() == ["unknown"]


async def test_a_loop_that_comes_late_sends_nothing_late(lane: Lane0) -> None:
    """The process was stopped over the deadline: the receipt is read before the commands are."""
    await lane.connects()
    await asked_for(lane, device=HUB, name="clear", within_s=30)
    await lane.turn()
    says(lane, "announced", n=5)
    await lane.clock.advance(30)
    lane.dialogues.stored(HUB.key, 7, [(5, 5)])
    assert went_down(lane) == ["ask"]


async def test_in_time_the_second_half_follows_the_receipt(lane: Lane0) -> None:
    await lane.connects()
    await asked_for(lane, device=HUB, name="clear", within_s=30)
    await lane.turn()
    says(lane, "announced", n=5)
    lane.dialogues.stored(HUB.key, 7, [(4, 5)])
    assert went_down(lane) == ["ask", "clear c-1"]
    await lane.turn(30)
    ends(lane)
    await lane.turn()
    assert lane.told() == ["done"], "an answer that was on its way at the deadline"


async def test_the_next_process_gives_it_again_and_the_dialogue_knows(lane: Lane0) -> None:
    await lane.connects()
    await asked_for(lane, device=HUB, name="clear")
    await asked_for(lane, device=HUB, command_id="c-2")
    await lane.turn()
    following = await another(lane)
    await following.turn(RESUME_S)
    assert went_down(following) == [], "its hub is not known to be there"
    await following.connects()
    await following.turn()
    assert went_down(following) == ["h identify  c-2"], "what is harmless is sent again"
    await following.turn(1)
    assert len(went_down(following)) == 1, "once"
    ends(following, "c-2")
    await following.turn(60 + GRACE_US / SECOND_US)
    assert sorted(following.told()) == ["done", "unknown"]
    assert lane.table.rows["c-2"].command.sends == 1
    await lane.turn(31)
    assert lane.dialogues.hold(HUB, "c-2") is Hold.NOTHING, "another has ended it"
    assert went_down(lane) == ["ask", "h identify  c-2"]


async def test_two_replicas_send_it_once(lane: Lane0) -> None:
    other = await another(lane)
    for one in (lane, other):
        await one.connects()
    await asked_for(lane, device=HUB)
    await lane.commands._load()
    await other.commands._load()
    await lane.turn(RESUME_S)
    await other.turn()
    assert went_down(lane) + went_down(other) == ["h identify  c-1"]


async def test_without_a_session_nothing_is_marked_sent(lane: Lane0) -> None:
    await lane.connects()
    lane.commands.session = None
    lane.dialogues.use(None)
    await asked_for(lane, device=HUB, within_s=20)
    await lane.turn(19)
    assert lane.table.rows["c-1"].command.sends == 0
    assert lane.session.native == [], "nor is anybody swept"
    lane.commands.session = lane.session
    lane.dialogues.use(lane.session)
    await lane.turn()
    assert lane.session.native == [(HUB.name, b"h identify  c-1")]
    await lane.turn(RESUME_S)
    assert lane.session.native[1:] == [(HUB.name, b"status")], "the sweep waits for what is queued"


async def test_a_dialogue_is_called_when_it_is_due_as_long_as_its_device_is_there(
    lane: Lane0,
) -> None:
    await lane.connects()
    for _ in range(5):
        await lane.turn(5)
    assert [data for _, data in lane.session.native] == [b"status"] * 3
    await lane.connects(online=False)
    await lane.turn(SILENT_US / SECOND_US)
    lane.session.native.clear()
    await lane.turn(60)
    assert lane.session.native == [], "long silent"
    assert lane.dialogues._held == {}
    await lane.connects()
    await lane.turn(1)
    assert lane.session.native == [(HUB.name, b"status")]


async def test_many_that_are_due_at_once_have_their_turns(
    lane: Lane0, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogues, "TICKS_A_TURN", 1)
    other = Device(MUTE_UNIT.key, HUB.name, "tiny-hub", simulated=False)
    await lane.connects()
    lane.dialogues.welcome(other)
    await lane.clock.advance(1)
    lane.dialogues.tick()
    assert len(lane.session.native) == 1
    lane.dialogues.tick()
    assert len(lane.session.native) == 2


async def test_who_is_connected_and_silent_is_found(lane: Lane0) -> None:
    """After a restart: its status is in the rows, and it says nothing of itself."""
    await lane.connects()
    lane.dialogues._held.clear()
    await lane.turn(dialogues.LOOK_S)
    await lane.turn(1)
    assert lane.session.native == [(HUB.name, b"status")]


async def test_a_device_with_other_settings_has_another_dialogue(
    lane: Lane0, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lane.connects()
    await asked_for(lane, device=HUB)
    await lane.turn()
    changed = HUB._replace(constants={"tiny": {"letter": ord("k"), "digit": 1}})
    monkeypatch.setitem(lane.devices._by_key, HUB.key, changed)
    monkeypatch.setitem(lane.devices._by_name, HUB.name, changed)
    await lane.turn(dialogues.LOOK_S)
    assert went_down(lane) == ["h identify  c-1", "k identify  c-1"], "given again"
    monkeypatch.delitem(lane.devices._by_key, HUB.key)
    await lane.turn(dialogues.LOOK_S)
    assert lane.dialogues._held == {}, "retired"


async def test_a_dialogue_that_fails_begins_anew_and_has_its_commands_again(lane: Lane0) -> None:
    await lane.connects()
    await asked_for(lane, device=HUB)
    await lane.turn()
    says(lane, "bug")
    await lane.turn()
    assert went_down(lane) == ["h identify  c-1"] * 2
    ends(lane)
    await asked_for(lane, device=HUB, command_id="c-2", name="bug")
    await lane.turn(31)
    assert lane.told() == ["done", "failed"]


async def test_events_units_and_files_go_where_they_belong_in_their_order(lane: Lane0) -> None:
    says(lane, "fault", unit="a1")
    says(lane, "fault", unit="ff")
    says(lane, "fault", unit="ff")
    says(lane, "unit", unit="a1", online=True)
    says(lane, "file")
    lane.dialogues.hear(DEVICE, [Word("fault")], MessageId(DEVICE.key, Boot(7), 1))
    assert await lane.effects.carry()
    assert [(event.kind, event.device) for event in lane.out.events] == [
        ("card_error", UNIT.key),
        ("card_error", HUB.key),
        ("card_error", HUB.key),
    ], "of a unit that is not known, its hub's; of whom has no dialogue, nothing"
    assert len({event.id for event in lane.out.events}) == 3, "at the same moment"
    assert lane.units.seen == [(HUB, Seen("a1", "tiny", online=True, reported={}))]
    assert lane.units.wanted == [(HUB, WantFile("a.txt", 2))]
    assert lane.units.parts == [(HUB, FilePart("a.txt", 0, 2, b"hi"))]


async def test_what_cannot_be_told_waits_and_only_the_newest_of_a_unit_counts(
    lane: Lane0, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane.units.away = True
    says(lane, "unit", unit="a1", online=True)
    says(lane, "file")
    assert not await lane.effects.carry()
    says(lane, "unit", unit="a1", online=False)
    says(lane, "unit", unit="a2", online=True)
    monkeypatch.setattr(dialogue_effects, "MOST_WAITING", 4)
    says(lane, "fault")
    lane.units.away = False
    assert await lane.effects.carry()
    assert [(seen.unit, seen.online) for _, seen in lane.units.seen] == [
        ("a1", False),
        ("a2", True),
    ]
    assert len(lane.units.parts) == 1
    assert lane.out.events == [], "beyond the bound"


async def test_the_units_of_a_hub_that_comes_back_at_once_are_there_again(lane: Lane0) -> None:
    await lane.connects()
    says(lane, "unit", unit="a1", online=True)
    says(lane, "unit", unit="a2", online=True)
    says(lane, "unit", unit="a2", online=False)
    await lane.turn()
    lane.units.seen.clear()
    await lane.connects(online=False)
    await lane.connects()
    await lane.turn()
    assert [(seen.unit, seen.online) for _, seen in lane.units.seen] == [("a1", True)]


async def test_conversations_are_bounded_and_those_with_commands_stay(
    lane: Lane0, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogues, "MOST_CONVERSATIONS", 1)
    await lane.connects()
    other = Device(MUTE_UNIT.key, HUB.name, "tiny-hub", simulated=False)
    lane.dialogues.welcome(other)
    assert set(lane.dialogues._held) == {other.key}
    await asked_for(lane, device=HUB)
    await lane.turn()
    assert set(lane.dialogues._held) == {HUB.key}
    lane.dialogues.welcome(other)
    assert set(lane.dialogues._held) == {HUB.key}


async def test_an_answer_waits_for_the_database(lane: Lane0) -> None:
    await lane.connects()
    await asked_for(lane, device=HUB)
    await lane.turn()
    lane.table.away = True
    ends(lane)
    with pytest.raises(Unavailable):
        await lane.turn()
    lane.table.away = False
    await lane.turn()
    assert lane.told() == ["done"]
    assert went_down(lane) == ["h identify  c-1"]


async def test_the_loops_turn_when_there_is_something_to_do(lane: Lane0) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for loop in (lane.dialogues.run, lane.effects.run, lane.commands.run):
            group.create_task(loop(stop))
        await lane.connects()
        await lane.clock.advance(1)
        await eventually(lambda: (HUB.name, b"status") in lane.session.native)
        says(lane, "unit", unit="a1", online=True)
        await eventually(lambda: len(lane.units.seen) == 1)
        lane.units.away = True
        says(lane, "unit", unit="a1", online=False)
        await asyncio.sleep(0)
        lane.units.away = False
        await eventually(lambda: len(lane.units.seen) == 2)
        stop.set()
