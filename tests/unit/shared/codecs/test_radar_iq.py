"""The codec `radar_iq`: both widths both ways, and each refusal with its reason."""

import math
import struct
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.radar_iq.codec import CODEC, HEAD, Block, encode
from shared.contracts.decoding import Decoded, Refused
from shared.contracts.parking import Reason
from tests.harness.codecs import ENVELOPE, new_decoder


def block(
    body: bytes = bytes(4),
    *,
    version: int = 1,
    bits: int = 16,
    pairs: int = 1,
    full_scale_v: float = 2.5,
    gain: float = 6.0,
) -> bytes:
    whole = HEAD.pack(b"IQ", version, 0, bits, 0, 1_000_000, pairs, full_scale_v, gain, 1.0) + body
    return whole + struct.pack(">I", crc32(whole))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.MALFORMED),
        (b"QI" + block()[2:], Reason.MALFORMED),
        (block(version=9), Reason.UNSUPPORTED_VERSION),
        (block(bits=20), Reason.MALFORMED),
        (block(bits=0), Reason.MALFORMED),
        (block(pairs=2), Reason.MALFORMED),
        (block(bits=24), Reason.MALFORMED),
        (block(b"", pairs=0), Reason.EMPTY_SAMPLES),
        (block()[:-1] + b"x", Reason.BAD_CHECKSUM),
        (block(full_scale_v=math.nan), Reason.NOT_FINITE),
        (block(full_scale_v=math.inf), Reason.NOT_FINITE),
        (block(full_scale_v=-1.0), Reason.NOT_FINITE),
        (block(gain=0.0), Reason.NOT_FINITE),
        (block(gain=1e-30, full_scale_v=1e30), Reason.NOT_FINITE),
    ],
)
def test_a_bad_block_is_refused_with_its_reason(data: bytes, reason: Reason) -> None:
    (refused,) = new_decoder(CODEC).feed(data, ENVELOPE)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.boot, refused.n) == (reason, ENVELOPE.boot, ENVELOPE.n)


@given(
    bits=st.sampled_from([16, 24]),
    values=st.lists(st.floats(-1, 1), min_size=2, max_size=60),
    interval_ns=st.integers(1, 2**32 - 1),
    range_m=st.sampled_from([math.nan, 0.0, 1.5, 12.25]),
    flags=st.sampled_from([0, 2, 4, 8, 14]),
)
def test_what_is_written_is_read(
    bits: int, values: list[float], interval_ns: int, range_m: float, flags: int
) -> None:
    most = (1 << bits - 1) - 1
    samples = np.array([round(value * most) for value in values[: len(values) // 2 * 2]], "<i4")
    one = Block(samples.reshape(-1, 2), bits, interval_ns, 2.5, 6.0, range_m, flags)
    (message,) = new_decoder(CODEC).feed(encode(one), ENVELOPE)
    assert isinstance(message, Decoded)
    assert message[:4] == (*ENVELOPE, flags)
    (frame,) = message.frames
    assert frame.interval_ns == interval_ns
    read = np.frombuffer(frame.data, "<i2" if bits == 16 else "<i4")
    assert read.tolist() == samples.tolist()
    assert frame.scale == pytest.approx(2.5 / (most + 1) / 6)
    told = message.words[0].data
    assert told.get("range_m", math.nan) == pytest.approx(range_m, nan_ok=True)


@pytest.mark.parametrize(
    "one",
    [
        Block(np.array([[0, 32_768]]), bits=16),
        Block(np.array([[0, -8_388_609]]), bits=24),
        Block(np.array([[0, 0]]), bits=12),
        Block(np.array([[0, 0]]), interval_ns=-1),
        Block(np.zeros((11_000, 2), "<i4")),
    ],
)
def test_what_does_not_fit_is_not_written(one: Block) -> None:
    with pytest.raises(ValueError):
        encode(one)
