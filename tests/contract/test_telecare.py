"""The codecs of the Telecare-ECG against bytes that were written by hand (vectors/)."""

from pathlib import Path

import numpy as np
import pytest

from shared.codecs.modbus.codec import CODEC as MODBUS
from shared.codecs.modbus.frames import Form, Frame, read_frame, write_frame
from shared.codecs.modbus.pdus import TakeEcg, Written, read_answer, write_pdu
from shared.codecs.modbus.registers import NEW_FILE, Notice, write_notice
from shared.codecs.telecare_file.blocks import Block, Status, decode_block, encode_block
from shared.codecs.telecare_file.codec import CODEC as TELECARE_FILE
from shared.codecs.telecare_file.text import Recording, read_recording, write_recording
from shared.contracts.decoding import Decoded, Envelope
from shared.contracts.events import EventKind
from shared.contracts.quality import MessageFlag

VECTORS = Path(__file__).parent / "vectors"
ENVELOPE = Envelope(7, 8, 1_700_000_000_000_000)


def test_telecare_block_v1_both_ways() -> None:
    golden = bytes.fromhex((VECTORS / "telecare_file" / "block_v1.hex").read_text())
    message = decode_block(golden, ENVELOPE, TELECARE_FILE.with_constants())
    assert isinstance(message, Decoded)
    assert message[:4] == (7, 8, 1_700_000_000_000_000, MessageFlag.LEAD_OFF)
    ecg, motion, temperature = message.frames
    assert ecg[:7] == (1, 1, 3, 3, 2_000_000, 0, 3), "a lead of 65,535 counts needs 32 bits"
    assert np.frombuffer(ecg.data, "<i4").reshape(-1, 3).tolist() == [
        [-96, -416, -320],
        [-341, -392, -51],
        [65_535, 32_768, -32_767],
    ]
    assert ecg.scale == pytest.approx(2_000 * 1.8 / 1.4 / 65_536)
    assert motion[:9] == (4, 1, 3, 2, 20_000_000, 0, 1, 1 / 1_024, 0.0)
    assert np.frombuffer(motion.data, "<i2").tolist() == [0, 1_024, -1_024, 1, 2, -1]
    assert (temperature[0], temperature.data) == (5, b"\x1c\x00")
    assert [(note.kind, dict(note.data)) for note in message.notes] == [
        (EventKind.LEAD_OFF, {"electrode": "LL"}),
        (EventKind.STATUS_CHANGED, {"status": "in_motion", "on": True}),
    ]
    block = Block(
        words=np.array([[-416, -736, -320], [-392, -443, -51], [32_767, 0, -32_768]], np.int16),
        rate_hz=500,
        motion=np.array([[0, 1_024, -1_024], [1, 2, -1]], np.int16),
        motion_hz=50,
        leads_off=0b010,
        leads_changed=0b010,
        status=Status.IN_MOTION | Status.BATTERY_LOW,
        status_changed=Status.IN_MOTION,
        battery=80,
        temperature_c=28,
    )
    assert encode_block(block) == golden


def test_telecare_recording_both_ways() -> None:
    golden = (VECTORS / "telecare_file" / "recording.txt").read_bytes()
    recording = read_recording(golden)
    assert isinstance(recording, Recording)
    assert recording.words.tolist() == [[-416, -736, -320], [-392, -443, -51]]
    assert (recording.rate_hz, recording.seconds, recording.temperature_c) == (2, 1, 28)
    assert f"{recording.recorded:%Y-%m-%d %H:%M:%S}" == "2018-09-19 12:28:36"
    assert recording.device_code == "018417EA190000B0"
    assert write_recording(recording, newline="\n") == golden


def modbus(name: str) -> bytes:
    return bytes.fromhex((VECTORS / "modbus" / f"{name}.hex").read_text())


@pytest.mark.parametrize("form", Form)
def test_modbus_notice_both_ways_in_every_form(form: Form) -> None:
    notice = Notice("018417EA190000B0", "M0:\\20180920\\16M54S29.txt")
    golden = modbus(f"notice_{form.value}")
    pdu = write_pdu(write_notice(notice, "+3960144676375"))
    assert write_frame(form, 95, pdu) == golden
    (message,) = MODBUS.new_decoder(MODBUS.with_constants()).feed(golden, ENVELOPE)
    assert isinstance(message, Decoded)
    (word,) = message.words
    assert word.name == "new_file"
    assert dict(word.data) == {
        "file": "M0:\\20180920\\16M54S29.txt",
        "device_code": "018417EA190000B0",
        "form": form.value,
    }
    assert [note.kind for note in message.notes] == [EventKind.RECORDING_MADE]


def test_modbus_notice_as_text_may_be_padded() -> None:
    padded, plain = (read_frame(modbus(name), 95) for name in ("notice_gsm_padded", "notice_gsm"))
    assert isinstance(padded, Frame)
    assert padded == plain


def test_modbus_answer_is_the_published_one() -> None:
    answer = Written(NEW_FILE, 28)
    for name, form in (("answer_gsm", Form.GSM), ("answer_rtu", Form.RTU)):
        assert write_frame(form, 95, write_pdu(answer)) == modbus(name)
        frame = read_frame(modbus(name), 95)
        assert isinstance(frame, Frame)
        assert read_answer(frame.pdu) == answer
    assert modbus("answer_gsm") == b"5F100090001CCC93"
    assert write_frame(Form.RTU, 95, write_pdu(TakeEcg())) == modbus("take_ecg_rtu")
