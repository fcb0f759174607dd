"""Blocks of codec `telecare_file`."""

import struct
from zlib import crc32

import numpy as np

from shared.codecs.telecare_file.blocks import Status, block, encode_block
from shared.contracts.decoding import Decoded, DecodedFrame, Note, Word
from shared.contracts.events import EventKind
from tests.harness.codecs import ENVELOPE, CodecSamples

_WORDS = np.array([[-416, -736, -320], [-392, -443, -51]], np.int16)
_SCALE = 2_000 * 1.8 / 1.4 / 65_536  # mV
_LEADS = np.array([[-96, -416, -320], [-341, -392, -51]], "<i2")
_ECG = DecodedFrame(1, 1, 3, 2, 2_000_000, 0, 1, _SCALE, 0.0, _LEADS.tobytes())
_MOTION = np.array([[0, 0, 1_024]], np.int16)
_STILL = DecodedFrame(4, 1, 3, 1, 20_000_000, 0, 1, 1 / 1_024, 0.0, _MOTION.tobytes())
_WARM = DecodedFrame(5, 0, 1, 1, 0, 0, 1, 1.0, 0.0, b"\x1c\0")


def _seal(data: bytes) -> bytes:
    return data[:-4] + struct.pack(">I", crc32(data[:-4])) if data.startswith(b"TB") else data


SAMPLES = CodecSamples(
    messages=(
        encode_block(
            block(
                _WORDS, _MOTION, rate_hz=500, motion_hz=50, leads_off=4, leads_changed=5,
                temperature_c=28,
            )
        ),
        encode_block(
            block(status=Status.CARD_ERROR, status_changed=Status(0b11), battery=40)
        ),
    ),
    told=(
        Decoded(
            *ENVELOPE,
            1,
            [_ECG, _STILL, _WARM],
            (
                Note(EventKind.LEAD_ON, data={"electrode": "LA"}),
                Note(EventKind.LEAD_OFF, data={"electrode": "RA"}),
            ),
            (Word("state", data={"leads_off": ["RA"], "status": []}),),
        ),
        Decoded(
            *ENVELOPE,
            0,
            [],
            (
                Note(EventKind.STATUS_CHANGED, data={"status": "position_wrong", "on": False}),
                Note(EventKind.CARD_ERROR),
            ),
            (Word("state", data={"battery": 40, "leads_off": [], "status": ["card_error"]}),),
        ),
    ),
    checksummed=True,
    tokens=(b"TB\x01", b"\xff\xff"),
    seal=_seal,
)  # fmt: skip
