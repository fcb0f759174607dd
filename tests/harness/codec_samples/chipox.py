"""Messages of codec `chipox`: an oximeter that measures, moves and measures again."""

import struct

import numpy as np

from shared.codecs.chipox.packets import (
    DEFAULT,
    ESCAPED,
    LARGEST_VALUE,
    MessageId,
    encode,
    encode_pulse,
    encode_realtime,
    encode_spo2,
    encode_status,
)
from shared.contracts.decoding import Decoded, DecodedFrame, Note, Word
from shared.contracts.events import EventKind
from tests.harness.codecs import ENVELOPE, CodecSamples

_WAVE = [0, 0x88, 0xA8, 0xA9, 255]  # with what must be escaped, and what it becomes


def _reading(stream: int, value: int, dt_us: int) -> DecodedFrame:
    return DecodedFrame(stream, 5, 1, 1, 0, dt_us, 3, 1.0, 0.0, struct.pack("<i", value))


def _status(name: str, *, on: bool) -> Note:
    return Note(EventKind.STATUS_CHANGED, 0, "", {"status": name, "on": on})


def _seal(data: bytes) -> bytes:
    """Every packet between two flags anew, with the checksum of what it says."""
    parts = data.split(DEFAULT.start)
    sealed = []
    for part in parts:
        octets = bytearray()
        escaped = False
        for octet in part:
            if not escaped and octet == DEFAULT.escape[0]:
                escaped = True
                continue
            octets.append(octet ^ ESCAPED if escaped else octet)
            escaped = False
        is_packet = 4 <= len(octets) <= LARGEST_VALUE
        sealed.append(encode(octets[1], bytes(octets[2:-2]))[1:-1] if is_packet else part)
    return DEFAULT.start.join(sealed)


SAMPLES = CodecSamples(
    messages=(
        encode_spo2(97),
        encode_pulse(168),  # the low byte is a flag
        encode_realtime(bytes(_WAVE)),
        encode_status(0b1_0000_0011),
        encode_realtime(b"\x01\x02"),
        encode_status(0b1),
        encode(MessageId.UNKNOWN_MESSAGE, b"\x33"),
    ),
    told=(
        Decoded(
            *ENVELOPE,
            flags=0,
            frames=[
                DecodedFrame(
                    2, 5, 1, 7, 10_000_000, 0, 1, 1.0, 0.0,
                    np.array([*_WAVE, 1, 2], "<i2").tobytes(),
                ),
                _reading(20, 97, 0),
                _reading(21, 168, 0),
            ],
            notes=[
                _status("searching_for_pulse", on=True),
                _status("motion_artefact", on=True),
                _status("searching_for_pulse", on=False),
                _status("motion_artefact", on=False),
            ],
            words=[Word("unknown_message", "", {"value": "33"})],
        ),
    ),
    checksummed=True,
    tokens=(b"\xa8", b"\xa9", b"\x7f\x01", b"\x7f\x51", encode_spo2(1)),
    seal=_seal,
)  # fmt: skip
