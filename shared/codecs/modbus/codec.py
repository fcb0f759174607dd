"""The codec ``modbus``: what a Telecare-ECG monitor asks and answers. Bytes in README.md."""

from collections.abc import Mapping

from shared.codecs.modbus.dialogue import DIALOGUE_CONSTANTS, ModbusDialogue, check_constants
from shared.codecs.modbus.frames import LARGEST_BYTES, BadFrame, read_frame
from shared.codecs.modbus.pdus import (
    FUNCTION_TAKE_ECG,
    Answer,
    Excepted,
    Failure,
    WriteRegisters,
    failure_name,
    read_answer,
    read_request,
)
from shared.codecs.modbus.registers import read_notice
from shared.codecs.modbus.words import answer_word, notice_word
from shared.contracts.codec import Codec, Constant, Framing
from shared.contracts.decoding import Decoded, Decoder, Envelope, Note, Refused
from shared.contracts.dialogue import Dialogue
from shared.contracts.events import EventKind
from shared.contracts.parking import Reason

NAME = "modbus"
_EVENTS: dict[int, EventKind] = {
    Failure.POSITION_WRONG: EventKind.POSITION_WRONG,
    Failure.LEAD_OFF: EventKind.LEAD_OFF,
    Failure.CARD_ERROR: EventKind.CARD_ERROR,
    Failure.FRONT_END_FAULT: EventKind.FRONT_END_FAULT,
    Failure.BATTERY_LOW: EventKind.BATTERY_LOW,
}
"""Why a monitor takes no ECG, as people are told."""


class FrameDecoder:
    """Reads frames; each MQTT message is one, so nothing is kept between them."""

    __slots__ = ("_address",)

    def __init__(self, constants: Mapping[str, float]) -> None:
        self._address = int(constants["slave_address"])

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give the one message that ``data`` is."""
        if envelope is None:
            return [Refused(Reason.NO_IDENTITY, "a frame says nothing of its identity")]
        boot, n, t_us = envelope
        frame = read_frame(data, self._address)
        if isinstance(frame, BadFrame):
            return [Refused(frame.reason, frame.detail, boot, n)]
        request = read_request(frame.pdu)
        if isinstance(request, WriteRegisters):
            notice = read_notice(request)
            if notice is None:
                return [Refused(Reason.MALFORMED, "registers that are no notice", boot, n)]
            note = Note(EventKind.RECORDING_MADE, data={"file": notice.card_name})
            return [Decoded(boot, n, t_us, 0, [], (note,), (notice_word(notice, frame.form),))]
        answer = read_answer(frame.pdu)
        if answer is None:
            return [Refused(Reason.MALFORMED, "neither a notice nor an answer", boot, n)]
        return [Decoded(boot, n, t_us, 0, [], _notes(answer), (answer_word(answer, frame.form),))]

    def remainder(self) -> bytes:
        """Give nothing: no frame runs across MQTT messages."""
        return b""

    def resume(self, rest: bytes) -> None:
        """Do nothing: there is never a rest."""


def _notes(answer: Answer) -> tuple[Note, ...]:
    if not isinstance(answer, Excepted) or answer.function != FUNCTION_TAKE_ECG:
        return ()
    kind = _EVENTS.get(answer.code)
    return () if kind is None else (Note(kind, data={"reason": failure_name(answer.code)}),)


def _new_decoder(constants: Mapping[str, float]) -> Decoder:
    check_constants(constants)
    return FrameDecoder(constants)


def _new_dialogue(constants: Mapping[str, float]) -> Dialogue:
    return ModbusDialogue(constants)


CODEC = Codec(
    name=NAME,
    framing=Framing.MESSAGE,
    largest_bytes=LARGEST_BYTES,
    new_decoder=_new_decoder,
    constants={
        "slave_address": Constant(95, "", "Zagan et al., Computers 2020, 9, 15"),
        **DIALOGUE_CONSTANTS,
    },
    needs_envelope=True,
    new_dialogue=_new_dialogue,
)
