"""The forms, requests and registers of the monitor's Modbus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.modbus.codec import CODEC
from shared.codecs.modbus.frames import (
    LARGEST_BYTES,
    BadFrame,
    Form,
    Frame,
    crc16,
    lrc,
    read_frame,
    write_frame,
)
from shared.codecs.modbus.pdus import (
    FILE_REGISTERS,
    MOST_FILE_REGISTERS,
    Answer,
    Excepted,
    FileRecord,
    ReadFileRecord,
    ReadRegisters,
    Registers,
    Request,
    TakeEcg,
    WriteRegisters,
    Written,
    failure_name,
    read_answer,
    read_request,
    write_pdu,
)
from shared.codecs.modbus.registers import (
    MOST_UNTAKEN,
    FileInfo,
    MonitorStatus,
    Notice,
    StatusBit,
    in_words,
    read_info,
    read_name,
    read_notice,
    read_status,
    write_info,
    write_name,
    write_notice,
    write_status,
)
from shared.contracts.decoding import Decoded, Refused
from shared.contracts.parking import Reason
from tests.harness.codecs import ENVELOPE, new_decoder

NAME = "M0:\\20180920\\16M54S29.txt"
NOTICE = Notice("018417EA190000B0", NAME)
_WORDS = st.integers(0, 0xFFFF)
_EVEN = st.binary(min_size=1, max_size=100).map(lambda half: half + half)
_PIECE = st.binary(min_size=1, max_size=MOST_FILE_REGISTERS).map(lambda half: half + half)
REQUESTS: st.SearchStrategy[Request] = st.one_of(
    st.builds(ReadRegisters, _WORDS, st.integers(1, 125)),
    st.builds(WriteRegisters, _WORDS, _EVEN),
    st.builds(ReadFileRecord, st.integers(1, 0xFFFF), _WORDS, st.integers(1, MOST_FILE_REGISTERS)),
    st.just(TakeEcg()),
)
ANSWERS: st.SearchStrategy[Answer] = st.one_of(
    st.builds(Registers, _EVEN),
    st.builds(Written, _WORDS, _WORDS),
    st.builds(FileRecord, _PIECE),
    st.builds(Excepted, st.integers(1, 0x7F), st.integers(0, 255)),
    st.just(TakeEcg()),
)


@given(form=st.sampled_from(Form), request=REQUESTS)
def test_a_request_is_read_as_it_was_written(form: Form, request: Request) -> None:
    data = write_frame(form, 95, write_pdu(request))
    frame = read_frame(data, 95)
    assert isinstance(frame, Frame)
    assert frame.form is form
    assert read_request(frame.pdu) == request
    assert len(data) <= LARGEST_BYTES


@given(form=st.sampled_from(Form), answer=ANSWERS)
def test_an_answer_is_read_as_it_was_written(form: Form, answer: Answer) -> None:
    frame = read_frame(write_frame(form, 95, write_pdu(answer)), 95)
    assert isinstance(frame, Frame)
    assert frame.form is form
    assert read_answer(frame.pdu) == answer


@given(form=st.sampled_from(Form), pdu=REQUESTS | ANSWERS, bit=st.integers(0, 10_000))
def test_no_changed_bit_goes_unnoticed(form: Form, pdu: Request | Answer, bit: int) -> None:
    data = bytearray(write_frame(form, 95, write_pdu(pdu)))
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    assert isinstance(read_frame(bytes(data), 95), BadFrame)


@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_a_refusal(data: bytes) -> None:
    for whole in (data, b"5F10" + data, b"5F14" + data, b":" + data + b"\r\n", b"\x5f" + data):
        assert isinstance(read_frame(whole, 95), Frame | BadFrame)
    for pdu in (data, b"\x03" + data, b"\x10" + data, b"\x14" + data):
        read_request(pdu)
        read_answer(pdu)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.MALFORMED),
        (bytes(LARGEST_BYTES + 1), Reason.TOO_LARGE),
        (bytes.fromhex("5F100090001CCC92"), Reason.BAD_CHECKSUM),
        (bytes.fromhex("60100090001CCC93"), Reason.MALFORMED),
        (b"5F100090001CCC92", Reason.BAD_CHECKSUM),
        (b"5f100090001ccc93", Reason.MALFORMED),
        (b"5F100090001CCC9", Reason.MALFORMED),
        (b":5F2A77\r\n", Reason.MALFORMED),
        (b":5F2A78\r\n", Reason.BAD_CHECKSUM),
        (b":5F2A77", Reason.MALFORMED),
        (b":602A76\r\n", Reason.MALFORMED),
        (b":5FA1\r\n", Reason.MALFORMED),
    ],
)
def test_what_is_no_frame_is_refused_by_name(data: bytes, reason: Reason) -> None:
    found = read_frame(data, 95)
    if data == b":5F2A77\r\n":
        assert found == Frame(Form.ASCII, b"\x2a"), "the smallest one there is"
        return
    assert isinstance(found, BadFrame)
    assert found.reason is reason


def test_checks_are_the_published_ones() -> None:
    assert crc16(b"123456789") == 0x4B37
    assert crc16(bytes.fromhex("5F100090001C")).to_bytes(2, "little").hex() == "cc93"
    assert lrc(bytes.fromhex("F7031389000A")) == 0x60


def test_a_monitor_may_have_another_slave_address() -> None:
    data = write_frame(Form.GSM, 17, write_pdu(Written(0x90, 28)))
    (refused,) = new_decoder(CODEC).feed(data, ENVELOPE)
    assert isinstance(refused, Refused)
    (found,) = CODEC.new_decoder(CODEC.with_constants({"slave_address": 17})).feed(data, ENVELOPE)
    assert isinstance(found, Decoded)


@pytest.mark.parametrize(
    ("name", "value"),
    [("slave_address", 0.0), ("answer_timeout_s", 0.0), ("tries", float("nan")), ("form", 3.0)],
)
def test_constants_that_make_no_sense_make_no_decoder(name: str, value: float) -> None:
    constants = CODEC.with_constants({name: value})
    assert CODEC.new_dialogue is not None
    for make in (CODEC.new_decoder, CODEC.new_dialogue):
        with pytest.raises(ValueError, match=name):
            make(constants)


@pytest.mark.parametrize(
    "pdu",
    [
        write_pdu(WriteRegisters(0x91, bytes(56))),
        write_pdu(WriteRegisters(0x90, bytes(56))),
        write_pdu(WriteRegisters(0x90, write_notice(NOTICE, "+1").data[:-1] + b"x")),
        write_pdu(WriteRegisters(0x90, bytes(54))),
        b"\x10\x00\x90\x00\x02\x03abc",
        b"\x03\x00\x90\x00\x01",
        b"\x03\x03abc",
        b"\x14\x05\x03\x06ab",
        b"\x2a\x00",
        b"\x06\x00\x01\x00\x01",
    ],
)
def test_what_a_monitor_never_says_is_refused(pdu: bytes) -> None:
    (found,) = new_decoder(CODEC).feed(write_frame(Form.RTU, 95, pdu), ENVELOPE)
    assert isinstance(found, Refused)
    assert (found.reason, found.boot, found.n) == (Reason.MALFORMED, ENVELOPE.boot, ENVELOPE.n)


def test_the_phone_number_of_a_notice_goes_nowhere() -> None:
    request = write_notice(NOTICE, "+3960144676375")
    assert read_notice(request) == NOTICE
    (found,) = new_decoder(CODEC).feed(write_frame(Form.GSM, 95, write_pdu(request)), ENVELOPE)
    assert "3960144676375" not in repr(found)


@pytest.mark.parametrize("phone", ["", "+3960144676375"])
def test_registers_are_read_as_they_were_written(phone: str) -> None:
    assert read_notice(write_notice(NOTICE, phone)) == NOTICE
    assert read_name(write_name(0xB0, NAME)) == NAME
    assert read_name(WriteRegisters(0xB0, bytes(26))) is None
    assert read_name(WriteRegisters(0xB0, bytes(24))) is None
    assert read_info(write_info(FileInfo(110_000, 7))) == FileInfo(110_000, 7)
    assert read_info(b"1") is None
    status = MonitorStatus(StatusBit.LA_OFF, 20, -3, 9, NOTICE.device_code, (NAME,) * MOST_UNTAKEN)
    assert read_status(write_status(status)) == status
    assert read_status(b"1") is None
    odd = write_status(status._replace(device_code="not of hex", untaken=("\u0001",)))
    assert read_status(odd) == status._replace(device_code="", untaken=())
    assert in_words(status) == "battery 20 %, -3 degC, 9 recordings not taken, la_off"


def test_what_fits_no_field_is_not_written() -> None:
    for wrong in (
        lambda: write_pdu(ReadRegisters(-1, 1)),
        lambda: write_pdu(WriteRegisters(1, b"odd")),
        lambda: write_pdu(WriteRegisters(1, b"")),
        lambda: write_notice(NOTICE, "+39601446763750"),
        lambda: write_name(0xB0, "x" * 27),
    ):
        with pytest.raises(ValueError, match=r"out of the range|no registers|longer than"):
            wrong()


def test_codes_of_exceptions_have_names() -> None:
    assert failure_name(2) == "illegal_address"
    assert failure_name(0x40) == "position_wrong"
    assert failure_name(0x99) == "code_153"
    assert FILE_REGISTERS == 10_000
