"""Messages of codec `packed`."""

import struct
from zlib import crc32

import numpy as np

from shared.codecs.packed.codec import encode
from shared.contracts.decoding import Decoded, DecodedFrame
from tests.harness.codecs import CodecSamples

_ONE = DecodedFrame(2, 5, 2, 3, 10_000_000, 0, 1, 0.5, 1.0, np.arange(6, dtype="<i2").tobytes())
_TWO = Decoded(7, 8, 1_700_000_000_000_000, 0, [_ONE, _ONE._replace(stream=4, dt_us=5)])


def _seal(data: bytes) -> bytes:
    return data[:-4] + struct.pack("<I", crc32(data[:-4]))


SAMPLES = CodecSamples(
    messages=(encode(_TWO), encode(_TWO, delta=True)),
    told=(_TWO, _TWO),
    checksummed=True,
    tokens=(b"VW\x01",),
    seal=_seal,
)
