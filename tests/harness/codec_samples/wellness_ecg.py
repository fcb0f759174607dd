"""A stream of codec `wellness_ecg`, with markers and tops where they mislead."""

import numpy as np

from shared.codecs.wellness_ecg.codec import encode
from shared.contracts.decoding import Decoded, DecodedFrame
from tests.harness.codecs import ENVELOPE, CodecSamples

_WORDS = np.array([512, 0x0A, 0x20A, 0x30A, 1_023, 0, 0x100, 10, 10, 522], "<i2")

SAMPLES = CodecSamples(
    messages=(encode(_WORDS[:4]), encode(_WORDS[4:])),
    told=(
        Decoded(
            *ENVELOPE, 0,
            [
                DecodedFrame(
                    1, 1, 1, len(_WORDS), 2_777_778, 0, 1, 3_300 / 1_024 / 500, -3.3,
                    _WORDS.tobytes(),
                )
            ],
        ),
    ),
    checksummed=False,
    tokens=(b"\x0a", b"\x0a\x0a", b"\x0a\x00\x01", b"\x0a\x0a\x03", b"\x00\x03", b"\x0a\x00\x01x"),
)  # fmt: skip
