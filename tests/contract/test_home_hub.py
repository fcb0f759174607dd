"""The codecs of the home hub against bytes that were written by hand (vectors/)."""

import struct
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from shared.codecs.am1.codec import CODEC as AM1
from shared.codecs.am1.export import Result, encode_block, read_block
from shared.codecs.chipox import packets
from shared.codecs.chipox.codec import CODEC as CHIPOX
from shared.codecs.smsg import layout, requests
from shared.codecs.smsg.codec import CODEC as SMSG
from shared.contracts.codec import Codec
from shared.contracts.decoding import Decoded, DecodedFrame, Envelope, Word
from shared.contracts.events import EventKind

VECTORS = Path(__file__).parent / "vectors"
T_US = 1_700_000_000_000_000  # 2023-11-14 22:13:20 UTC


def golden(name: str) -> bytes:
    return bytes.fromhex((VECTORS / f"{name}.hex").read_text())


def read(codec: Codec, data: bytes, **constants: float) -> Decoded:
    decoder = codec.new_decoder(codec.with_constants(constants))
    (found,) = decoder.feed(data, Envelope(7, 8, T_US))
    assert isinstance(found, Decoded)
    assert found[:4] == (7, 8, T_US, 0)
    return found


def number(frame: DecodedFrame) -> float:
    (raw,) = struct.unpack("<i", frame.data)
    return float(raw * frame.scale + frame.offset)


def test_smsg_v1_is_read_as_documented() -> None:
    found = read(SMSG, golden("smsg/up_v1"), utc_offset_min=60.0)
    ecg, spo2, pulse, pef, fvc, fev1, fef = found.frames
    assert ecg[:7] == (1, 1, 1, 15, 5_000_000, 0, 3)
    assert ecg.unit == "0000a1b2"
    counts = np.frombuffer(ecg.data, "<i4")
    assert counts.tolist() == [
        0, 1, 32_767, 32_768, 65_535, 21_325, 21_319, 30_000, 40_000, 50_000, 1, 2, 3, 4, 5,
    ]  # fmt: skip
    mv = counts * ecg.scale + ecg.offset
    assert mv[[0, 4]].tolist() == pytest.approx([-2_500 / 600, 2_500 / 600])
    assert mv[1] - mv[0] == pytest.approx(0.0763 / 600, rel=1e-3)  # 76.3 uV a step
    assert [(one[:7], one.unit, number(one)) for one in (spo2, pulse)] == [
        ((20, 5, 1, 1, 0, 0, 3), "000000c3", 97.0),
        ((21, 5, 1, 1, 0, 0, 3), "000000c3", 300.0),
    ]
    # 23:13:20 where the clock is an hour ahead of UTC: as the message
    assert [(one[:7], one.unit) for one in (pef, fvc, fev1, fef)] == [
        ((stream, 0, 1, 1, 0, 0, 3), "000000d4") for stream in (25, 23, 24, 29)
    ]
    assert [number(one) for one in (pef, fvc, fev1, fef)] == pytest.approx([512, 4.23, 3.51, 3.1])
    assert [(note.kind, note.unit, dict(note.data)) for note in found.notes] == [
        (EventKind.STATUS_CHANGED, "000000c3", {"kind": "oximeter", "status": name, "on": on})
        for name, on in (
            ("pulse_wave_detected", False),
            ("sensor_defective", True),
            ("motion_artefact", True),
        )
    ]
    assert list(found.words) == [
        Word("identifier", "", {"kind": "core", "text": "core 1.0"}),
        Word("identifier", "0000a1b2", {"kind": "ecg", "text": "ecg"}),
        Word("data", "0000a1b2", {"kind": "ecg"}),
        Word("data", "0000a1b2", {"kind": "ecg"}),
        Word("data", "000000c3", {"kind": "oximeter"}),
        Word("data", "000000c3", {"kind": "oximeter"}),
        Word("error", "000000c3", {"kind": "oximeter"}),
        Word("result_header", "000000d4", {"kind": "spirometer", "count": 1, "ask": 0xCAFEF00D}),
        Word("result", "000000d4", {"kind": "spirometer", "index": 0}),
    ]


def test_smsg_v1_is_written_as_documented() -> None:
    taken = datetime(2023, 11, 14, 23, 13, 20)  # noqa: DTZ001 - the local time of a unit
    counts = struct.pack(
        ">10H", 0, 1, 32_767, 32_768, 65_535, 21_325, 21_319, 30_000, 40_000, 50_000
    )
    result = layout.Result(
        0, taken, 1, pef_l_min=512, fvc_ml=4_230, fev1_ml=3_510, fef75_25_ml_s=3_100
    )
    written = [
        layout.encode_identifier(2, 2, "core 1.0"),
        layout.encode_identifier(21, 0xA1B2, "ecg"),
        layout.encode_ecg(0xA1B2, counts),
        layout.encode_ecg(0xA1B2, struct.pack(">5H", 1, 2, 3, 4, 5)),
        layout.encode_spo2(0xC3, 97),
        layout.encode_pulse(0xC3, 300),
        layout.encode_error(0xC3, 0x0108),
        layout.encode_result_header(0xD4, 1, 0xCAFEF00D),
        layout.encode_result(0xD4, result),
    ]
    assert b"".join(written) == golden("smsg/up_v1")
    assert requests.who_is_there() == golden("smsg/status_request_v1")
    assert requests.switch("ecg", "start", 0xA1B2) == golden("smsg/start_ecg_v1")
    assert requests.switch("oximeter", "stop", 0xC3) == golden("smsg/stop_oximeter_v1")
    assert requests.ask_results(0xD4, 0xCAFEF00D) == golden("smsg/ask_results_v1")
    assert requests.clear_memory(0xD4, 1, 0xCAFEF00D) == golden("smsg/clear_memory_v1")


def test_chipox_v1_both_ways() -> None:
    found = read(CHIPOX, golden("chipox/v1"))
    wave, spo2, pulse = found.frames
    assert wave[:9] == (2, 5, 1, 5, 10_000_000, 0, 1, 1.0, 0.0)
    assert np.frombuffer(wave.data, "<i2").tolist() == [0, 127, 0xA8, 0xA9, 255]
    assert (spo2[:9], number(spo2)) == ((20, 5, 1, 1, 0, 0, 3, 1.0, 0.0), 98.0)
    assert (pulse[:9], number(pulse)) == ((21, 5, 1, 1, 0, 0, 3, 1.0, 0.0), 168.0)
    assert [(note.data["status"], note.data["on"]) for note in found.notes] == [
        ("pulse_wave_detected", False),
        ("searching_for_pulse", True),
        ("pulse_search_timeout", True),
        ("value_out_of_range", True),
    ]
    written = [
        packets.encode_spo2(98),
        packets.encode_pulse(168),
        packets.encode_status(0x0086),
        packets.encode_realtime(bytes([0, 127, 0xA8, 0xA9, 255])),
        packets.encode(packets.MessageId.UNKNOWN_MESSAGE, b""),
    ]
    assert b"".join(written) == golden("chipox/v1")


def test_am1_v1_both_ways() -> None:
    data = (VECTORS / "am1" / "v1.txt").read_bytes()
    told = (
        (datetime(2023, 11, 14, 23, 13, 20), "1", (512, 4_230, 3_510, 1_900, 4_400, 7_000, 3_900)),  # noqa: DTZ001
        (datetime(2023, 11, 15, 7, 30), "1", (498, 4_190, 3_490, 1_800, 4_300, 6_900, 3_800)),  # noqa: DTZ001
        (datetime(2023, 11, 16, 7, 31), "M2", (305, None, 2_000, 900, 2_100, 3_000, 1_900)),  # noqa: DTZ001
    )  # fmt: skip
    results = [Result(*one) for one in told]
    assert read_block(data) == (results, len(data))
    # we write years and seconds in full
    written = data.replace(b"039DATE", b"041DATE").replace(b":16.11.23\r", b":16.11.2023\r")
    written = written.replace(b"032TIME", b"035TIME").replace(b":07.31\r", b":07.31.00\r")
    assert encode_block(results) == written
    found = read(AM1, data, utc_offset_min=60.0)
    assert [(one.stream, one.dt_us) for one in found.frames[:7]] == [
        (stream, 0) for stream in (25, 23, 24, 28, 27, 26, 29)
    ]
    values = [number(one) for one in found.frames[:7]]
    assert values == pytest.approx([512, 4.23, 3.51, 1.9, 4.4, 7.0, 3.9])
    assert len(found.frames) == 7 + 7 + 6
    assert [(one.kind, one.data["told"]) for one in found.notes] == [
        (EventKind.CLOCK_ABSURD, "2023-11-15T07:30:00"),
        (EventKind.CLOCK_ABSURD, "2023-11-16T07:31:00"),
    ]
