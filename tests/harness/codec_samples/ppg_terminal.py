"""Messages of codec `ppg_terminal`: JSON with and without identity, FIFO bytes, temperature."""

import struct
from zlib import crc32

import numpy as np

from shared.codecs.ppg_terminal.codec import Block, encode_fifo, encode_json
from shared.contracts.decoding import Decoded, DecodedFrame, Envelope, Word
from shared.contracts.frames import MISSING_INT32
from tests.harness.codecs import ENVELOPE, CodecSamples

_OWN = Envelope(boot=0xBEEF, n=5, t_us=1_700_000_000_250_000)
_LIGHT = np.array([[131_072, 98_304], [262_143, 0], [131_100, 98_280]], "<i4")
_HOLES = np.array([[131_072, MISSING_INT32], [MISSING_INT32, 7]], "<i4")
_LED = (Word("led_ma", data={"red": 6.4, "infrared": 12.0}),)


def _ppg(light: "np.ndarray[tuple[int, int], np.dtype[np.int32]]", interval: int) -> DecodedFrame:
    return DecodedFrame(2, 5, 2, len(light), interval, 0, 3, 1.0, 0.0, light.tobytes())


def _seal(data: bytes) -> bytes:
    return data[:-4] + struct.pack(">I", crc32(data[:-4])) if data.startswith(b"PF") else data


SAMPLES = CodecSamples(
    messages=(
        encode_fifo(Block(_LIGHT, 10_000_000, 36.61, (6.4, 12.0), flags=1)),
        encode_fifo(Block(_LIGHT[:0], 0, -0.5, (6.4, 12.0))),
        encode_json(Block(_HOLES, 20_000_000, 36.5, (6.4, 12.0), flags=2), _OWN),
        encode_json(Block(_LIGHT, 2_500_000)),
    ),
    told=(
        Decoded(
            *ENVELOPE, 1,
            [
                _ppg(_LIGHT, 10_000_000),
                DecodedFrame(5, 0, 1, 1, 0, 0, 1, 0.01, 0.0, struct.pack("<h", 3_661)),
            ],
            words=_LED,
        ),
        Decoded(
            *ENVELOPE, 0,
            [DecodedFrame(5, 0, 1, 1, 0, 0, 1, 0.01, 0.0, struct.pack("<h", -50))],
            words=_LED,
        ),
        Decoded(
            *_OWN, 2,
            [
                _ppg(_HOLES, 20_000_000),
                DecodedFrame(5, 0, 1, 1, 0, 0, 4, 1.0, 0.0, struct.pack("<f", 36.5)),
            ],
            words=_LED,
        ),
        Decoded(*ENVELOPE, 0, [_ppg(_LIGHT, 2_500_000)]),
    ),
    checksummed=True,
    unguarded=(2, 3),
    tokens=(b"PF\x01\x00", b'{"hz":100,"red":[1],"ir":[2]}', b'"temp":', b"null", b"[[[["),
    seal=_seal,
)  # fmt: skip
