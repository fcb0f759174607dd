"""What the codec tells the dialogue, as words, and back."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.codecs.modbus.frames import Form
from shared.codecs.modbus.pdus import Answer, Excepted, FileRecord, Registers, TakeEcg, Written
from shared.codecs.modbus.registers import Notice
from shared.contracts.decoding import Word
from shared.contracts.telecare_card import CARD_NAME, DEVICE_CODE

FORM = "form"
"""What every word of this codec has, and no other one."""
_FORMS: Mapping[object, Form] = {form.value: form for form in Form}


class Heard(NamedTuple):
    """What a word says."""

    form: Form
    told: Notice | Answer


def notice_word(notice: Notice, form: Form) -> Word:
    """The word of a notice: the same each time that it is repeated."""
    told = {"file": notice.card_name, "device_code": notice.device_code, FORM: form.value}
    return Word("new_file", data=told)


def answer_word(answer: Answer, form: Form) -> Word:
    """The word of an answer; its name says which one it is."""
    data: dict[str, Any] = {FORM: form.value}
    match answer:
        case Written(address, n_registers):
            return Word("written", data=data | {"address": address, "n_registers": n_registers})
        case Registers(registers):
            return Word("registers", data=data | {"data": registers})
        case FileRecord(piece):
            return Word("piece", data=data | {"data": piece})
        case TakeEcg():
            return Word("taking", data=data)
        case Excepted(function, code):
            return Word("exception", data=data | {"function": function, "code": code})


def read_word(word: Word) -> Heard | None:
    """What a word of this codec says; None of any other."""
    named = word.data.get(FORM)
    form = _FORMS.get(named) if isinstance(named, str) else None
    told = None if form is None else _told(word)
    return None if form is None or told is None else Heard(form, told)


def read_state(word: Word) -> dict[str, Any] | None:
    """What a block of the monitor's samples says of the monitor itself; None of any other word."""
    match word.name, word.data:
        case "state", {"leads_off": list(leads_off), "status": list(status)}:
            told: dict[str, Any] = {"leads_off": leads_off, "status": status}
            battery = word.data.get("battery")
            return told | {"battery": battery} if isinstance(battery, int) else told
        case _:
            return None


def _told(word: Word) -> Notice | Answer | None:
    match word.name, word.data:
        case "new_file", {"file": str(name), "device_code": str(code)}:
            known = CARD_NAME.fullmatch(name) and DEVICE_CODE.fullmatch(code)
            return Notice(code, name) if known else None
        case "written", {"address": int(address), "n_registers": int(n_registers)}:
            return Written(address, n_registers)
        case "registers", {"data": bytes(data)}:
            return Registers(data)
        case "piece", {"data": bytes(data)}:
            return FileRecord(data)
        case "taking", _:
            return TakeEcg()
        case "exception", {"function": int(function), "code": int(code)}:
            return Excepted(function, code)
        case _:
            return None
