"""A message of codec `am1`: two results of which one lacks a value."""

import struct
from datetime import UTC, datetime

from shared.codecs.am1.export import Result, encode_block
from shared.contracts.decoding import Decoded, DecodedFrame
from tests.harness.codecs import ENVELOPE, CodecSamples

_TAKEN = (
    datetime(2023, 11, 13, 7, 8, 9),  # noqa: DTZ001 - a local time
    datetime(2023, 11, 14, 20, 0, 1),  # noqa: DTZ001
)
_VALUES = ((512, 4_230, 3_510, 1_900, 4_400, 7_000, 3_900), (498, 4_190, None, 0, 1, 2, 3))
_STREAMS = ((25, 1.0), (23, 1e-3), (24, 1e-3), (28, 1e-3), (27, 1e-3), (26, 1e-3), (29, 1e-3))


def _frames() -> list[DecodedFrame]:
    found = []
    for taken, values in zip(_TAKEN, _VALUES, strict=True):
        dt_us = int(taken.replace(tzinfo=UTC).timestamp()) * 1_000_000 - ENVELOPE.t_us
        for (stream, scale), value in zip(_STREAMS, values, strict=True):
            if value is not None:
                data = struct.pack("<i", value)
                found.append(DecodedFrame(stream, 0, 1, 1, 0, dt_us, 3, scale, 0.0, data))
    return found


SAMPLES = CodecSamples(
    messages=(encode_block([Result(_TAKEN[k], f"M{k}", _VALUES[k]) for k in range(2)]),),
    told=(Decoded(*ENVELOPE, 0, _frames()),),
    checksummed=False,
    tokens=(b"013PEF ", b":", b"\r\n", b"009END \r\n", b"31.12.2026"),
)
