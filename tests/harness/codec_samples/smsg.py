"""Messages of codec `smsg`: two ECG units, an oximeter and a spirometer behind one hub."""

import struct
from datetime import UTC, datetime

import numpy as np

from shared.codecs.smsg.layout import (
    DeviceType,
    Result,
    encode_ecg,
    encode_error,
    encode_identifier,
    encode_pulse,
    encode_result,
    encode_result_header,
    encode_spo2,
)
from shared.contracts.decoding import Decoded, DecodedFrame, Note, Word
from shared.contracts.events import EventKind
from tests.harness.codecs import ENVELOPE, CodecSamples

_ECG, _OTHER, _OXIMETER, _SPIROMETER = 0xA1B2, 0xFFFF_FFFE, 7, 0x53
_TAKEN = datetime(2023, 11, 14, 7, 8, 9)  # noqa: DTZ001 - a local time
_DT_US = int(_TAKEN.replace(tzinfo=UTC).timestamp()) * 1_000_000 - ENVELOPE.t_us
_COUNTS = [0, 32_767, 65_535, 0x534D, 0x5347]  # the last two are 'SMSG'
_MORE = [1, 2, 3]
_SCALE, _OFFSET = 5 / 65_535 * 1e3 / 600, -2.5 * 1e3 / 600


def _ecg(unit: str, counts: list[int]) -> DecodedFrame:
    data = np.array(counts, "<i4").tobytes()
    return DecodedFrame(1, 1, 1, len(counts), 5_000_000, 0, 3, _SCALE, _OFFSET, data, unit)


def _one(unit: str, stream: int, place: int, value: int, dt_us: int, scale: float) -> DecodedFrame:
    data = struct.pack("<i", value)
    return DecodedFrame(stream, place, 1, 1, 0, dt_us, 3, scale, 0.0, data, unit)


def _status(name: str, *, on: bool) -> Note:
    data = {"kind": "oximeter", "status": name, "on": on}
    return Note(EventKind.STATUS_CHANGED, 0, "00000007", data)


_WORDS = [
    Word("identifier", "0000a1b2", {"kind": "ecg", "text": "v1"}),
    Word("data", "0000a1b2", {"kind": "ecg"}),
    Word("data", "fffffffe", {"kind": "ecg"}),
    Word("data", "0000a1b2", {"kind": "ecg"}),
    Word("data", "00000007", {"kind": "oximeter"}),
    Word("data", "00000007", {"kind": "oximeter"}),
    Word("error", "00000007", {"kind": "oximeter"}),
    Word("error", "00000007", {"kind": "oximeter"}),
    Word("result_header", "00000053", {"kind": "spirometer", "count": 1, "ask": 0xCAFE_0001}),
    Word("result", "00000053", {"kind": "spirometer", "index": 0}),
    Word("identifier", "", {"kind": "core", "text": ""}),
]

SAMPLES = CodecSamples(
    messages=(
        encode_identifier(DeviceType.ECG, _ECG, "v1"),
        encode_ecg(_ECG, struct.pack(">5H", *_COUNTS)),
        encode_ecg(_OTHER, struct.pack(">2H", 5, 6)),
        encode_ecg(_ECG, struct.pack(">3H", *_MORE)),
        encode_spo2(_OXIMETER, 97),
        encode_pulse(_OXIMETER, 61),
        encode_error(_OXIMETER, 0b1_0000_0011),
        encode_error(_OXIMETER, 0b1),
        encode_result_header(_SPIROMETER, 1, 0xCAFE_0001),
        encode_result(
            _SPIROMETER, Result(0, _TAKEN, 1, pef_l_min=512, fvc_ml=4_230, fef75_25_ml_s=3_100)
        ),
        encode_identifier(DeviceType.CORE, 2),
    ),
    told=(
        Decoded(
            *ENVELOPE,
            flags=0,
            frames=[
                _ecg("0000a1b2", _COUNTS + _MORE),
                _ecg("fffffffe", [5, 6]),
                _one("00000007", 20, 5, 97, 0, 1.0),
                _one("00000007", 21, 5, 61, 0, 1.0),
                _one("00000053", 25, 0, 512, _DT_US, 1.0),
                _one("00000053", 23, 0, 4_230, _DT_US, 1e-3),
                _one("00000053", 29, 0, 3_100, _DT_US, 1e-3),
            ],
            notes=[
                _status("searching_for_pulse", on=True),
                _status("motion_artefact", on=True),
                _status("searching_for_pulse", on=False),
                _status("motion_artefact", on=False),
            ],
            words=_WORDS,
        ),
    ),
    checksummed=False,
    tokens=(
        b"SMSG",
        b"SMSG\x00\x1e\x15\x02\x00\x00\xa1\xb2\x00\x00\x00\x01",
        b"SMSG\x10\x00\x15\x02\x00\x00\xa1\xb2\x00\x00\x00\x01",
        b"\x17\x03",
    ),
)
