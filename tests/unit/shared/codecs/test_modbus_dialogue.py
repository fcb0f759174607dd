"""The server's side of Modbus against a simulated monitor: what it asks, and what comes of it."""

import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.simulators.telecare_card import MonitorCard
from shared.codecs.modbus.card_files import MOST_QUIET_ROUNDS, PART_BYTES
from shared.codecs.modbus.codec import CODEC
from shared.codecs.modbus.frames import Form, Frame, read_frame, write_frame
from shared.codecs.modbus.pdus import (
    Failure,
    ReadFileRecord,
    read_request,
)
from shared.codecs.modbus.registers import StatusBit
from shared.contracts.commands import Answer
from shared.contracts.decoding import Decoded, Word
from shared.contracts.dialogue import (
    Dialogue,
    Effect,
    FilePart,
    Finish,
    NativeCommand,
    Seen,
    Send,
    Tell,
    WantFile,
)
from shared.contracts.identity import Boot, DeviceKey, MessageId
from shared.contracts.telecare_card import recording_key
from tests.harness.codecs import ENVELOPE, new_decoder

CODE = "018417EA190000B0"
NAME = "M0:\\20180920\\16M54S29.txt"
OTHER = "M0:\\20180920\\17M00S00.txt"
FILE = random.Random(1).randbytes(105_427)
START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000


class Line:
    """A monitor and the dialogue with it, on a line that may lose, repeat or delay what is said."""

    def __init__(self, form: Form = Form.RTU) -> None:
        self.card = MonitorCard(CODE, form=form, phone="+3960144676375")
        self.dialogue = self.new_dialogue()
        self.decoder = new_decoder(CODEC)
        self.now_us = START_US
        self.effects: list[Effect] = []
        self.sent: list[bytes] = []
        self.changes: Callable[[bytes], list[bytes]] = lambda answer: [answer]
        self.in_flight = 0

    def new_dialogue(self) -> Dialogue:
        assert CODEC.new_dialogue is not None
        return CODEC.new_dialogue(CODEC.with_constants())

    def say(self, data: bytes) -> None:
        """The monitor says this; the server answers and asks until nothing more is to be said."""
        said = [data]
        while said:
            (message,) = self.decoder.feed(said.pop(0), ENVELOPE)
            if isinstance(message, Decoded):
                identity = MessageId(DeviceKey(1), Boot(1), 1)
                said += self.carry_out(self.dialogue.heard(message.words, identity, self.now_us))

    def carry_out(self, effects: list[Effect]) -> list[bytes]:
        """Give what the monitor says to what is sent to it."""
        said: list[bytes] = []
        for effect in effects:
            self.effects.append(effect)
            if isinstance(effect, Send):
                self.sent.append(effect.data)
                answer = self.card.hear(effect.data)
                said += [] if answer is None else self.changes(answer)
        return said

    def do(self, effects: list[Effect]) -> None:
        for said in self.carry_out(effects):
            self.say(said)

    def ask(self, name: str, *, command: str = "c-1", **fields: Any) -> None:
        again = bool(fields.pop("again", False))
        unit = str(fields.pop("unit", ""))
        expires_us = self.now_us + 60 * SECOND_US
        asked = NativeCommand(command, name, fields, unit, expires_us, again)
        self.do(self.dialogue.ask(asked, self.now_us))

    def wait(self, seconds: float) -> None:
        """Let time go by, and what is due be done."""
        until_us = self.now_us + round(seconds * SECOND_US)
        while (due_us := self.dialogue.due_us()) is not None and due_us <= until_us:
            self.now_us = max(self.now_us, due_us)
            self.do(self.dialogue.tick(self.now_us))
        self.now_us = until_us

    def files(self) -> dict[str, bytes]:
        """The files that came whole, by the names that they have here."""
        found: dict[str, bytearray] = {}
        for effect in self.effects:
            if isinstance(effect, FilePart):
                whole = found.setdefault(effect.name, bytearray(effect.total))
                assert len(whole) == effect.total
                whole[effect.offset : effect.offset + len(effect.data)] = effect.data
        return {name: bytes(data) for name, data in found.items()}

    def finished(self) -> list[Finish]:
        return [effect for effect in self.effects if isinstance(effect, Finish)]

    def stored(self, name: str = NAME) -> None:
        boot = zlib.crc32(recording_key(CODE, name).encode())
        self.do(self.dialogue.stored(boot, [(0, 0)], self.now_us))


@pytest.mark.parametrize("form", Form)
def test_a_notice_is_answered_in_kind_and_its_file_read(form: Form) -> None:
    line = Line(form)
    line.say(line.card.keep(NAME, FILE))
    answer = {
        Form.RTU: bytes.fromhex("5F100090001CCC93"),
        Form.ASCII: b":5F100090001CE5\r\n",
        Form.GSM: b"5F100090001CCC93",
    }
    assert line.sent[0] == answer[form]
    assert line.files() == {"20180920-16M54S29.txt": FILE}
    for sent in line.sent:
        frame = read_frame(sent, 95)
        assert isinstance(frame, Frame)
        assert frame.form is form
    (wanted,) = [effect for effect in line.effects if isinstance(effect, WantFile)]
    assert wanted == WantFile("20180920-16M54S29.txt", len(FILE))
    parts = [effect for effect in line.effects if isinstance(effect, FilePart)]
    assert [part.offset for part in parts] == list(range(0, len(FILE), PART_BYTES))


def test_a_repeated_notice_is_answered_and_nothing_is_read_again() -> None:
    line = Line()
    notice = line.card.keep(NAME, FILE)
    line.say(notice)
    line.wait(300)
    n_sent, n_effects = len(line.sent), len(line.effects)
    line.say(notice)
    assert [data.hex() for data in line.sent[n_sent:]] == ["5f100090001ccc93"]
    assert len(line.effects) == n_effects + 1


def test_a_file_is_taken_when_storage_has_it_and_not_before() -> None:
    line = Line()
    line.say(line.card.keep(NAME, FILE))
    line.wait(600)
    assert line.card.untaken == [NAME]
    line.do(line.dialogue.stored(7, [(0, 100)], line.now_us))
    assert line.card.untaken == [NAME]
    line.stored()
    assert line.card.untaken == []


@pytest.mark.parametrize("after", [1, 2, 5, 300])
def test_a_dialogue_that_begins_anew_reads_what_is_not_taken(after: int) -> None:
    """Killed after any message: nothing that was announced is forgotten."""
    line = Line()
    n_heard = 0

    def dies(answer: bytes) -> list[bytes]:
        nonlocal n_heard
        n_heard += 1
        return [answer] if n_heard != after else []

    line.changes = dies
    line.say(line.card.keep(NAME, FILE))
    assert line.files() == {}
    assert line.card.unanswered == [], "the monitor thinks that all is well"
    line.dialogue = line.new_dialogue()
    line.wait(1)
    assert line.files() == {"20180920-16M54S29.txt": FILE}
    line.stored()
    assert line.card.untaken == []


def test_what_another_dialogue_read_is_taken_when_it_is_stored() -> None:
    """Killed when all parts were kept: storage has the file while it is asked for again."""
    line = Line()
    for name in (NAME, OTHER):
        line.card.keep(name, FILE)
    line.card.unanswered.clear()
    n_said = 0

    def storage_is_quick(answer: bytes) -> list[bytes]:
        nonlocal n_said
        n_said += 1
        if n_said == 20:
            for name in (NAME, OTHER):
                line.stored(name)
        return [answer]

    line.changes = storage_is_quick
    line.wait(1)
    assert line.card.untaken == []
    assert list(line.files()) == ["20180920-16M54S29.txt"], "the other one was not read any more"


def test_more_files_than_the_status_can_name_are_all_read() -> None:
    line = Line()
    names = [f"M0:\\20180920\\17M{minute:02d}S00.txt" for minute in range(20)]
    for name in names:
        line.card.keep(name, name.encode())
    line.card.unanswered.clear()
    for _ in range(5):
        line.wait(61)
        for name in names:
            line.stored(name)
    assert len(line.files()) == 20
    assert line.card.untaken == []


@given(st.data())
def test_on_a_bad_line_the_file_comes_whole_or_not_at_all(data: st.DataObject) -> None:
    """Answers that are lost, repeated, late or broken: no wrong byte is ever taken."""
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    line = Line(data.draw(st.sampled_from(Form)))
    file = FILE[: data.draw(st.sampled_from([1, 2, 999, 20_001, 41_000]))]
    late: list[bytes] = []

    def worsen(answer: bytes) -> list[bytes]:
        kind = chance.choice(["good"] * 20 + ["lost", "twice", "late", "broken"])
        old, late[:] = list(late), []
        match kind:
            case "lost":
                return old
            case "twice":
                return [answer, answer, *old]
            case "late":
                late.append(answer)
                return old
            case "broken":
                broken = bytearray(answer)
                broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
                return [bytes(broken), *old]
            case _:
                return [answer, *old]

    line.changes = worsen
    line.say(line.card.keep(NAME, file))
    line.wait(7_200)
    found = line.files()
    assert found in ({}, {"20180920-16M54S29.txt": file})
    line.changes = lambda answer: [answer]
    line.dialogue = line.new_dialogue()
    line.wait(600)
    assert line.files() == {"20180920-16M54S29.txt": file}


def test_never_two_requests_are_on_their_way() -> None:
    line = Line()
    line.changes = lambda _: []
    line.say(line.card.keep(NAME, FILE))
    line.ask("status_request")
    line.ask("take_ecg", command="c-2")
    assert len(line.sent) == 2, "the answer to the notice, and one request"
    line.wait(4)
    assert len(line.sent) == 2
    line.wait(1)
    assert len(line.sent) == 3, "the same again"


def test_reading_goes_on_where_a_silent_monitor_stopped_it() -> None:
    line = Line()
    n_said = 0

    def falls_silent(answer: bytes) -> list[bytes]:
        nonlocal n_said
        n_said += 1
        return [answer] if n_said < 200 else []

    line.changes = falls_silent
    line.say(line.card.keep(NAME, FILE))
    line.wait(35)  # until it was asked for its status too
    n_asked = len(line.sent)
    line.wait(20)
    assert len(line.sent) == n_asked, "a monitor that does not answer is left alone"
    line.card.restart()
    line.changes = lambda answer: [answer]
    line.wait(60)
    assert line.files() == {"20180920-16M54S29.txt": FILE}
    requests = [read_request(sent[1:-2]) for sent in line.sent[n_asked:]]
    pieces = [one for one in requests if isinstance(one, ReadFileRecord)]
    assert min(one.record + 10_000 * (one.number - 1) for one in pieces) > 20_000


def test_a_monitor_started_anew_is_told_again_which_file_is_wanted() -> None:
    line = Line()
    n_said = 0

    def starts_anew(answer: bytes) -> list[bytes]:
        nonlocal n_said
        n_said += 1
        if n_said % 100 == 0:
            line.card.restart()
        return [answer]

    line.changes = starts_anew
    line.say(line.card.keep(NAME, FILE))
    assert line.files() == {"20180920-16M54S29.txt": FILE}


def test_a_file_is_given_up_and_tried_again_when_it_is_announced_again() -> None:
    line = Line()
    notice = line.card.keep(NAME, FILE)
    line.changes = lambda _: []
    line.say(notice)
    line.wait(MOST_QUIET_ROUNDS * 200)
    assert line.dialogue.due_us() is None
    line.changes = lambda answer: [answer]
    line.say(notice)
    assert line.files() == {"20180920-16M54S29.txt": FILE}


def test_a_file_whose_checksum_is_wrong_is_asked_for_again_and_then_refused() -> None:
    line = Line()
    notice = line.card.keep(NAME, FILE[:1_000])
    wrong = 0

    def broken_card(answer: bytes) -> list[bytes]:
        nonlocal wrong
        frame = read_frame(answer, 95)
        assert isinstance(frame, Frame)
        if frame.pdu[0] == 0x14 and len(frame.pdu) > 10:
            wrong += 1
            changed = bytearray(frame.pdu)
            changed[-1] ^= 1
            return [write_frame(Form.RTU, 95, bytes(changed))]
        return [answer]

    line.changes = broken_card
    line.say(notice)
    line.wait(60)
    assert line.files() == {}
    (told,) = [effect for effect in line.effects if isinstance(effect, Tell)]
    assert dict(told.note.data)["reason"] == "bad_checksum"
    assert wrong == 3 * 5, "three times five pieces"


# ---------------------------------------------------------------------------------------- commands


def test_an_ecg_is_taken_now_and_done_when_it_is_announced() -> None:
    line = Line()
    older = line.card.keep(OTHER, b"an older one")
    line.say(older)
    asked = 0

    def take() -> None:
        nonlocal asked
        asked += 1

    line.card.taken_ecg = take
    line.ask("take_ecg")
    assert asked == 1
    assert [one.outcome for one in line.finished()] == [Answer.RUNNING]
    line.say(older)  # a repeat is no new recording
    line.wait(10)
    assert len(line.finished()) == 1
    line.say(line.card.keep(NAME, FILE))
    assert line.finished()[1] == Finish("c-1", Answer.DONE, NAME)
    assert line.files()["20180920-16M54S29.txt"] == FILE
    line.say(line.card.keep("M0:\\20180920\\18M00S00.txt", b"a later one"))
    assert len(line.finished()) == 2


def test_an_ecg_is_taken_while_a_file_is_read() -> None:
    line = Line()
    pieces = 0

    def asks_in_between(answer: bytes) -> list[bytes]:
        nonlocal pieces
        pieces += 1
        if pieces == 10:
            line.ask("take_ecg")
        return [answer]

    line.changes = asks_in_between
    line.say(line.card.keep(NAME, FILE))
    assert [one.outcome for one in line.finished()] == [Answer.RUNNING]
    assert line.files() == {"20180920-16M54S29.txt": FILE}


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (Failure.POSITION_WRONG, Answer.REFUSED),
        (Failure.LEAD_OFF, Answer.REFUSED),
        (Failure.BUSY, Answer.REFUSED),
        (Failure.ILLEGAL_FUNCTION, Answer.REFUSED),
        (Failure.CARD_ERROR, Answer.FAILED),
        (Failure.FRONT_END_FAULT, Answer.FAILED),
        (Failure.DEVICE_FAILURE, Answer.FAILED),
    ],
)
def test_why_no_ecg_is_taken_is_told(failure: Failure, outcome: Answer) -> None:
    line = Line()
    line.card.refuses = failure
    line.ask("take_ecg")
    assert line.finished() == [Finish("c-1", outcome, failure.name.lower())]


def test_an_ecg_is_asked_for_once_whatever_happens() -> None:
    line = Line()
    line.changes = lambda _: []
    line.wait(600)
    n_sent = len(line.sent)
    line.ask("take_ecg")
    line.wait(300)
    assert len(line.sent) == n_sent + 1
    line.ask("take_ecg", command="c-2", again=True)
    line.wait(300)
    assert len(line.sent) == n_sent + 1
    assert line.finished() == [], "it may have begun: its time will tell"
    line.say(line.card.keep(NAME, b"x"))
    assert line.finished() == [Finish("c-1", Answer.DONE, NAME)]


def test_a_file_is_read_by_its_name() -> None:
    line = Line()
    line.card.files[NAME] = FILE
    line.ask("read_file", file=NAME)
    assert line.finished() == [Finish("c-1", Answer.DONE, "105427 bytes")]
    assert line.files() == {"20180920-16M54S29.txt": FILE}
    line.ask("read_file", command="c-2", file=NAME, again=True)
    assert line.finished()[1].outcome is Answer.DONE
    line.ask("read_file", command="c-3", file=OTHER)
    assert line.finished()[2] == Finish("c-3", Answer.FAILED, "illegal_value")
    line.ask("read_file", command="c-4", file="../etc/passwd")
    assert line.finished()[3].outcome is Answer.REFUSED


def test_a_status_is_told_in_words() -> None:
    line = Line(Form.ASCII)
    line.card.bits, line.card.battery = StatusBit.LL_OFF | StatusBit.BATTERY_LOW, 20
    line.ask("status_request")
    told = "battery 20 %, 28 degC, 0 recordings not taken, battery_low, ll_off"
    assert line.finished() == [Finish("c-1", Answer.DONE, told)]


def test_what_the_monitor_says_of_itself_is_told_when_it_changes() -> None:
    line = Line()

    def state(battery: int, *leads_off: str) -> Word:
        return Word("state", data={"battery": battery, "leads_off": [*leads_off], "status": []})

    said = [state(100), state(100), state(80), state(80, "LA"), Word("state", data={"battery": 1})]
    effects = line.dialogue.heard(said, MessageId(DeviceKey(1), Boot(1), 1), START_US)
    assert [one.reported for one in effects if isinstance(one, Seen)] == [
        {"battery": 100, "leads_off": [], "status": []},
        {"battery": 80, "leads_off": [], "status": []},
        {"battery": 80, "leads_off": ["LA"], "status": []},
    ]
    line.card.battery, line.card.bits = 60, StatusBit.RA_OFF | StatusBit.CARD_ERROR
    line.ask("status_request")
    told = [effect for effect in line.effects if isinstance(effect, Seen)]
    assert [(one.unit, one.reported) for one in told] == [
        ("", {"battery": 60, "leads_off": ["RA"], "status": ["card_error"]})
    ]


def test_a_silent_monitor_is_told_of() -> None:
    line = Line()
    line.changes = lambda _: []
    line.ask("status_request")
    line.ask("read_file", command="c-2", file=NAME)
    line.wait(120)
    assert {(one.command, one.outcome) for one in line.finished()} == {
        ("c-1", Answer.FAILED),
        ("c-2", Answer.FAILED),
    }
    line.ask("status_request", command="c-3")
    line.dialogue.withdraw("c-3")
    n_sent = len(line.sent)
    line.wait(4)
    assert len(line.sent) == n_sent


def test_what_is_withdrawn_is_not_sent() -> None:
    line = Line()
    line.changes = lambda _: []
    line.ask("status_request")
    line.ask("take_ecg", command="c-2")
    line.ask("read_file", command="c-3", file=NAME)
    for command in ("c-2", "c-3"):
        line.dialogue.withdraw(command)
    line.wait(3_600)
    functions = {read_request(sent[1:-2]).__class__.__name__ for sent in line.sent}
    assert functions == {"ReadRegisters"}


def test_what_a_monitor_cannot_do_is_refused() -> None:
    line = Line()
    line.ask("dance")
    line.ask("take_ecg", command="c-2", unit="u1")
    assert [one.outcome for one in line.finished()] == [Answer.REFUSED] * 2
    assert line.sent == []


def test_words_of_other_codecs_and_answers_nobody_asked_for_are_passed_over() -> None:
    line = Line()
    words = [
        Word("state", data={"battery": 40}),
        Word("written", data={"form": "rtu", "address": 1, "n_registers": 2}),
        Word("piece", data={"form": "rtu", "data": b"xx"}),
    ]
    assert line.dialogue.heard(words, MessageId(DeviceKey(1), Boot(1), 1), START_US) == []
