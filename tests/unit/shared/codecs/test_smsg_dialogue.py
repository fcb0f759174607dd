"""The server's side of a home hub: who is there, and what the units are told."""

from collections.abc import Sequence

import pytest

from shared.codecs.smsg import layout, requests
from shared.codecs.smsg.codec import CODEC
from shared.codecs.smsg.layout import DeviceType, encode_ecg, encode_identifier
from shared.contracts.commands import Answer
from shared.contracts.dialogue import Effect, Finish, NativeCommand, Seen, Send
from tests.unit.shared.codecs.smsg_hub import words_of

SECOND_US = 1_000_000
BEGIN_US = 1_800_000_000 * SECOND_US
ECG, OXIMETER, SPIROMETER = 0xA1B2, 7, 0x53
ECG_NAME = "0000a1b2"
SWEEP = Send(requests.who_is_there())


class Talk:
    """A dialogue with its clock and the messages of the hub numbered."""

    def __init__(self) -> None:
        assert CODEC.new_dialogue is not None
        self.dialogue = CODEC.new_dialogue(CODEC.with_constants())
        self.now_us = BEGIN_US
        self.n = 0
        self.effects: list[Effect] = []

    def say(self, *messages: bytes, n: int | None = None) -> list[Effect]:
        words, identity = words_of(b"".join(messages), 7, self.n if n is None else n)
        if n is None:
            self.n += 1
        return self.dialogue.heard(words, identity, self.now_us)

    def ask(self, name: str, unit: str = ECG_NAME, *, within_s: int = 30) -> list[Effect]:
        expires_us = self.now_us + within_s * SECOND_US
        command = NativeCommand(name, name, {}, unit, expires_us, again=False)
        return self.dialogue.ask(command, self.now_us)

    def wait(self, seconds: float) -> list[Effect]:
        """Let the clock go on; call the dialogue whenever it is due."""
        end_us = self.now_us + round(seconds * SECOND_US)
        found: list[Effect] = []
        while (due_us := self.dialogue.due_us()) is not None and due_us <= end_us:
            self.now_us = max(self.now_us, due_us)
            found += self.dialogue.tick(self.now_us)
        self.now_us = end_us
        return found


def here(device_type: int, unit: int, text: str = "") -> bytes:
    return encode_identifier(device_type, unit, text)


def ends(effects: Sequence[Effect]) -> list[Finish]:
    return [one for one in effects if isinstance(one, Finish)]


def seen(effects: Sequence[Effect]) -> list[Seen]:
    return [one for one in effects if isinstance(one, Seen)]


@pytest.fixture
def talk() -> Talk:
    begun = Talk()
    assert begun.wait(0) == [SWEEP]
    begun.say(here(DeviceType.CORE, layout.CORE), here(DeviceType.ECG, ECG))
    return begun


def test_all_units_are_asked_every_ten_seconds() -> None:
    talk = Talk()
    assert talk.wait(0) == [SWEEP]
    assert talk.wait(9.9) == []
    assert talk.wait(0.1) == [SWEEP]
    assert SWEEP.data == b"SMSG\x00\x0a\x01\x01\x00\x00\x00\x01\x00\x00\x00\x02"


def test_a_hub_that_has_been_silent_for_long_is_asked_once_a_minute() -> None:
    talk = Talk()
    talk.wait(120)
    assert talk.wait(600) == [SWEEP] * 10


def test_a_unit_is_there_when_it_speaks_and_gone_when_it_is_silent() -> None:
    talk = Talk()
    talk.wait(0)
    assert talk.say(here(DeviceType.ECG, ECG, "ecg 2")) == [
        Seen(ECG_NAME, "ecg", online=True, reported={"firmware": "ecg 2"})
    ]
    talk.wait(10)
    assert talk.say(here(DeviceType.ECG, ECG, "ecg 2")) == []
    assert talk.wait(14.4) == [SWEEP, SWEEP], "who does not answer is asked once more"
    talk.say(here(DeviceType.CORE, layout.CORE))
    assert seen(talk.wait(0.5)) == []
    assert seen(talk.wait(0.1)) == [Seen(ECG_NAME, "ecg", online=False, reported={})]
    assert seen(talk.say(encode_ecg(ECG, bytes(20)))) == [
        Seen(ECG_NAME, "ecg", online=True, reported={"firmware": "ecg 2"})
    ]


def test_of_a_hub_that_is_late_itself_no_unit_is_gone_until_later(talk: Talk) -> None:
    assert seen(talk.wait(29)) == []
    talk.say(here(DeviceType.CORE, layout.CORE), here(DeviceType.ECG, ECG))
    assert seen(talk.wait(29)) == []
    assert seen(talk.wait(2)) == [Seen(ECG_NAME, "ecg", online=False, reported={})]


def test_units_are_asked_again_however_often_they_are_asked() -> None:
    assert CODEC.new_dialogue is not None
    talk = Talk()
    constants = {"status_request_s": 1.0, "unit_gone_s": 2.0}
    talk.dialogue = CODEC.new_dialogue(CODEC.with_constants(constants))
    talk.wait(0)
    talk.say(here(DeviceType.ECG, ECG))
    for _ in range(3):
        assert seen(talk.wait(0.5)) == []
        talk.say(here(DeviceType.CORE, layout.CORE))
    assert seen(talk.wait(0.5)) == [Seen(ECG_NAME, "ecg", online=False, reported={})]


def test_that_a_unit_is_there_is_said_again_now_and_then(talk: Talk) -> None:
    found = []
    for _ in range(100):
        talk.wait(1)
        found += seen(talk.say(encode_ecg(ECG, bytes(20))))
    assert len(found) == 3


def test_at_most_eight_units_are_there() -> None:
    talk = Talk()
    for unit in range(100, 109):
        talk.say(here(DeviceType.ECG, unit))
    assert len(seen(talk.say(here(DeviceType.ECG, 109)))) == 0
    assert len(seen(talk.wait(30))) == 8
    assert len(seen(talk.say(here(DeviceType.ECG, 109)))) == 1


def test_what_comes_a_second_time_says_nothing(talk: Talk) -> None:
    talk.say(encode_ecg(ECG, bytes(20)))
    talk.ask("start")
    assert talk.say(encode_ecg(ECG, bytes(20)), n=1) == []
    assert ends(talk.say(encode_ecg(ECG, bytes(20)))) == [Finish("start", Answer.DONE)]


def test_start_is_sent_until_data_comes(talk: Talk) -> None:
    start = Send(requests.switch("ecg", "start", ECG))
    assert start.data == bytes.fromhex("534d5347 000a 15 03 00000001 0000a1b2")
    assert talk.ask("start") == [start]
    assert talk.say(here(DeviceType.ECG, ECG)) == []
    assert start in talk.wait(5)
    assert ends(talk.say(encode_ecg(ECG, bytes(20)))) == [Finish("start", Answer.DONE)]
    assert start not in talk.wait(20)


def test_a_unit_that_stays_silent_fails_before_the_time_is_over(talk: Talk) -> None:
    talk.ask("start", within_s=12)
    assert ends(talk.wait(10.9)) == []
    assert ends(talk.wait(0.1)) == [
        Finish("start", Answer.FAILED, "the unit has sent nothing since")
    ]


def test_stop_is_done_when_the_unit_is_there_and_quiet(talk: Talk) -> None:
    (sent,) = talk.ask("stop")
    assert isinstance(sent, Send)
    first, second = layout.split(sent.data)
    assert (first.message_type, first.destination) == (layout.Ecg.STOP, ECG)
    assert (second.message_type, second.destination) == (layout.IDENTIFIER, ECG)
    talk.wait(1)
    talk.say(encode_ecg(ECG, bytes(20)), here(DeviceType.ECG, ECG))
    assert ends(talk.wait(2.9)) == []
    assert ends(talk.wait(0.1)) == [Finish("stop", Answer.DONE)]


@pytest.mark.parametrize(
    ("says", "detail"),
    [(False, "the unit has not answered"), (True, "the unit still sends data")],
)
def test_a_unit_that_does_not_stop_is_not_called_stopped(
    talk: Talk, says: bool, detail: str
) -> None:
    talk.ask("stop", within_s=9)
    found = []
    for _ in range(9):
        found += talk.wait(1)
        if says:
            found += talk.say(encode_ecg(ECG, bytes(20)), here(DeviceType.ECG, ECG))
    assert ends(found) == [Finish("stop", Answer.FAILED, detail)]


def test_stop_takes_the_place_of_a_start_that_is_not_answered(talk: Talk) -> None:
    talk.ask("start")
    assert ends(talk.ask("stop")) == [Finish("start", Answer.FAILED, "stop has taken its place")]


def test_a_unit_says_who_it_is(talk: Talk) -> None:
    for name in ("identify", "status_request"):
        (sent,) = talk.ask(name)
        assert sent == Send(requests.who_is_there(ECG))
        assert ends(talk.say(encode_ecg(ECG, bytes(20)))) == []
        assert ends(talk.say(here(DeviceType.ECG, ECG, "v7"))) == [Finish(name, Answer.DONE, "v7")]


def test_a_hub_counts_its_units(talk: Talk) -> None:
    assert talk.ask("status_request", "") == [SWEEP]
    talk.say(here(DeviceType.CORE, layout.CORE))
    talk.say(here(DeviceType.OXIMETER, OXIMETER), here(DeviceType.ECG, ECG))
    assert ends(talk.wait(3)) == [
        Finish("status_request", Answer.DONE, "00000007 oximeter, 0000a1b2 ecg")
    ]


def test_a_unit_that_was_not_heard_yet_is_asked_first() -> None:
    talk = Talk()
    assert talk.ask("start") == [Send(requests.who_is_there(ECG))]
    effects = talk.say(here(DeviceType.ECG, ECG))
    assert Send(requests.switch("ecg", "start", ECG)) in effects
    assert ends(talk.say(encode_ecg(ECG, bytes(20)))) == [Finish("start", Answer.DONE)]


def test_a_unit_that_is_never_heard_fails() -> None:
    talk = Talk()
    talk.ask("start", within_s=10)
    assert ends(talk.wait(10)) == [Finish("start", Answer.FAILED, "no such unit has been heard")]


@pytest.mark.parametrize(
    ("name", "unit", "text"),
    [
        ("start", "", "a hub itself measures nothing"),
        ("start", "00000053", "units of kind spirometer"),
        ("dance", ECG_NAME, "there is no command"),
        ("start", "zz", "units of this hub have other names"),
    ],
)
def test_what_cannot_be_is_refused(talk: Talk, name: str, unit: str, text: str) -> None:
    talk.say(here(DeviceType.SPIROMETER, SPIROMETER))
    (refused,) = talk.ask(name, unit)
    assert isinstance(refused, Finish)
    assert refused.outcome is Answer.REFUSED
    assert refused.detail.startswith(text)


def test_a_command_whose_time_is_over_is_not_sent_any_more(talk: Talk) -> None:
    talk.ask("start")
    talk.dialogue.withdraw("start")
    assert Send(requests.switch("ecg", "start", ECG)) not in talk.wait(30)


def test_commands_at_once_are_bounded(talk: Talk) -> None:
    for number in range(64):
        command = NativeCommand(str(number), "identify", {}, ECG_NAME, BEGIN_US * 2, again=False)
        assert ends(talk.dialogue.ask(command, talk.now_us)) == []
    assert ends(talk.ask("identify"))[0].outcome is Answer.REFUSED


@pytest.mark.parametrize("name", ["start", "stop"])
def test_a_unit_may_send_the_message_back_as_its_answer(talk: Talk, name: str) -> None:
    (sent,) = talk.ask(name)
    assert isinstance(sent, Send)
    device_type, message_type, *_ = layout.split(sent.data)[0]
    echo = layout.encode(layout.Message(device_type, message_type, ECG, layout.SERVER))
    assert ends(talk.say(echo)) == [Finish(name, Answer.DONE)]


def test_other_words_answer_no_stop(talk: Talk) -> None:
    talk.say(layout.encode_error(OXIMETER, 1))
    talk.ask("stop", "00000007")
    assert ends(talk.say(layout.encode_error(OXIMETER, 1))) == []


def test_units_that_are_remembered_are_bounded_and_none_goes_untold() -> None:
    talk = Talk()
    found: list[Effect] = []
    for unit in range(100, 200):
        found += talk.say(here(DeviceType.ECG, unit))
    gone = [one.unit for one in seen(found) if not one.online]
    assert gone == [layout.unit_name(unit) for unit in range(100, 108)]
