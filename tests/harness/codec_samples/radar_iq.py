"""Messages of codec `radar_iq`: 24 bits with a range, 16 bits without, and the rail."""

import math
import struct
from zlib import crc32

import numpy as np

from shared.codecs.radar_iq.codec import Block, encode
from shared.contracts.decoding import Decoded, DecodedFrame, Word
from tests.harness.codecs import ENVELOPE, CodecSamples

_WIDE = np.array([[1, -1], [8_388_607, -8_388_608], [0, 70_000]], "<i4")
_NARROW = np.array([[1, -1], [32_767, -32_768]], "<i2")
_READ = np.array([[1, -1], [32_767, -32_767]], "<i2")


def _seal(data: bytes) -> bytes:
    return data[:-4] + struct.pack(">I", crc32(data[:-4])) if data.startswith(b"IQ") else data


SAMPLES = CodecSamples(
    messages=(
        encode(Block(_WIDE, bits=24, range_m=1.5, flags=2)),
        encode(Block(_NARROW, bits=16, interval_ns=4_000_000, gain=1.0, range_m=math.nan)),
    ),
    told=(
        Decoded(
            *ENVELOPE, 2,
            [
                DecodedFrame(
                    6, 0, 2, 3, 1_000_000, 0, 3, 2.5 / 8_388_608 / 6, 0.0, _WIDE.tobytes()
                )
            ],
            words=(Word("radar_settings", data={"gain": 6.0, "range_m": 1.5}),),
        ),
        Decoded(
            *ENVELOPE, 0,
            [DecodedFrame(6, 0, 2, 2, 4_000_000, 0, 1, 2.5 / 32_768, 0.0, _READ.tobytes())],
            words=(Word("radar_settings", data={"gain": 1.0}),),
        ),
    ),
    checksummed=True,
    tokens=(b"IQ\x01\x00\x18", b"IQ\x01\x00\x10"),
    seal=_seal,
)  # fmt: skip
