"""Messages of codec `json`."""

import numpy as np

from shared.codecs.json_frames.codec import encode
from shared.contracts.decoding import Decoded, DecodedFrame
from tests.harness.codecs import CodecSamples

_ONE = DecodedFrame(2, 5, 2, 3, 10_000_000, 0, 1, 0.5, 1.0, np.arange(6, dtype="<i2").tobytes())
_TWO = Decoded(7, 8, 1_700_000_000_000_000, 0, [_ONE, _ONE._replace(stream=4, dt_us=5)])

SAMPLES = CodecSamples(
    messages=(encode(_TWO),),
    told=(_TWO,),
    checksummed=False,
    tokens=(b'{"b":"1","n":1,"t":1,"s":"ecg","x":[[1]]}', b"null", b"1e9", b"[[", b"NaN", b"\xff"),
)
