"""The codec `packed`: each refusal with its reason, and the delta-varint."""

import struct
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.packed.codec import FRAME, HEAD, LARGEST_BYTES, decode, encode, read_plain
from shared.contracts.decoding import Decoded, DecodedFrame, Refused
from shared.contracts.parking import Reason


def sealed(body: bytes) -> bytes:
    return body + struct.pack("<I", crc32(body))


def head(*, count: int = 1, version: int = 1) -> bytes:
    return HEAD.pack(b"VW", version, 0, 5, 6, 7, count)


def frame(*, layout: int = 1, samples: int = 1, interval: int = 0, data: bytes = b"\1\0") -> bytes:
    return FRAME.pack(1, 0, 1, samples, interval, 0, layout, 1.0, 0.0) + data


@pytest.mark.parametrize(
    ("data", "reason", "n"),
    [
        (b"", Reason.MALFORMED, None),
        (b"WV" + sealed(head() + frame())[2:], Reason.MALFORMED, None),
        (sealed(head(version=2) + frame()), Reason.UNSUPPORTED_VERSION, None),
        (sealed(head() + frame())[:-1] + b"\0", Reason.BAD_CHECKSUM, None),
        (sealed(head(count=2) + frame()), Reason.MALFORMED, 6),
        (sealed(head(count=0) + frame()), Reason.MALFORMED, 6),
        (sealed(head() + frame(layout=9)), Reason.MALFORMED, 6),
        (sealed(head() + frame(layout=0)), Reason.MALFORMED, 6),
        (sealed(head() + frame(samples=2)), Reason.MALFORMED, 6),
        (sealed(head() + frame(interval=2**63)), Reason.BAD_RATE, 6),
        (sealed(head() + frame(layout=5, data=b"\x80")), Reason.MALFORMED, 6),
        (sealed(head() + frame(layout=5, data=b"\x80\x80\x80\x01")), Reason.MALFORMED, 6),
        (sealed(head() + frame(layout=5, data=b"\xfe\xff\x07")), Reason.MALFORMED, 6),  # 65535
        (bytes(LARGEST_BYTES + 1), Reason.TOO_LARGE, None),
    ],
)
def test_a_bad_message_is_refused_with_its_reason(
    data: bytes, reason: Reason, n: int | None
) -> None:
    refused = decode(data)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.n) == (reason, n)


def test_every_single_changed_bit_is_noticed() -> None:
    whole = sealed(head() + frame())
    for position in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[position // 8] ^= 1 << position % 8
        assert isinstance(decode(bytes(changed)), Refused)


@given(
    values=st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=300),
    channels=st.integers(1, 4),
)
def test_delta_varint_gives_back_the_same_samples(values: list[int], channels: int) -> None:
    values = values[: len(values) // channels * channels] or [0] * channels
    data = np.array(values, "<i2").tobytes()
    samples = len(values) // channels
    one = DecodedFrame(1, 0, channels, samples, 1_000_000, 0, 1, 1.0, 0.0, data)
    message = Decoded(1, 2, 3, 0, [one, one])
    assert decode(encode(message, delta=True)) == message


def test_delta_varint_is_shorter_for_a_smooth_signal() -> None:
    wave = (1_000 * np.sin(np.arange(250) / 25)).astype("<i2").tobytes()
    one = DecodedFrame(1, 0, 1, 250, 4_000_000, 0, 1, 1.0, 0.0, wave)
    message = Decoded(1, 2, 3, 0, [one])
    assert len(encode(message, delta=True)) < 0.62 * len(encode(message))


@pytest.mark.parametrize(
    "change",
    [
        {"samples": 3},
        {"format": 7},
        {"scale": float("nan")},
        {"channels": 0},
        {"dt_us": 2**31},
        {"interval_ns": -1},
        {"samples": 40_000, "data": bytes(80_000)},
    ],
)
def test_what_does_not_fit_is_not_written(change: dict[str, object]) -> None:
    one = DecodedFrame(1, 0, 1, 2, 0, 0, 1, 1.0, 0.0, b"1234")
    with pytest.raises(ValueError):
        encode(Decoded(1, 2, 3, 0, [one._replace(**change)]))  # type: ignore[arg-type]  # wrong on purpose


@st.composite
def packed_messages(draw: st.DrawFn) -> bytes:
    """Plain messages, others, and broken ones."""
    frames = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 0, 2]))):
        layout = draw(st.sampled_from([1, 1, 2, 3, 4, 5]))
        width = {1: 2, 2: 3, 3: 4, 4: 4, 5: 2}[layout]
        channels, samples = draw(st.integers(1, 3)), draw(st.integers(0, 4))
        data = draw(st.binary(min_size=width * channels * samples, max_size=width * channels * 4))
        numbers = draw(st.tuples(st.integers(0, 2**64 - 1), st.integers(-(2**31), 2**31 - 1)))
        scale = draw(st.floats(width=32))
        frames.append(FRAME.pack(1, 2, channels, samples, *numbers, layout, scale, 0.5) + data)
    count = draw(st.sampled_from([len(frames)] * 4 + [1]))
    head = HEAD.pack(b"VW", draw(st.sampled_from([1, 1, 1, 2])), 3, 4, 5, 6, count)
    whole = bytearray(sealed(head + b"".join(frames)))
    if draw(st.integers(0, 9)) == 0:
        whole[draw(st.integers(0, len(whole) - 1))] ^= 1
    return bytes(whole[: draw(st.sampled_from([len(whole)] * 9 + [3]))])


@given(st.lists(packed_messages(), max_size=6))
def test_columns_give_what_the_decoder_gives(payloads: list[bytes]) -> None:
    read = read_plain(payloads)
    for index, payload in enumerate(payloads):
        one = decode(payload)
        if isinstance(one, Refused) or len(one.frames) != 1:
            assert not read.is_plain[index]
            continue
        frame = one.frames[0]
        layout = payload[HEAD.size + FRAME.size - 9]
        plain = layout in {1, 3} and frame.samples > 0
        assert bool(read.is_plain[index]) == plain
        if plain:
            head = read.heads[index]
            told = [head[name].item() for name in ("boot", "n", "t_us", "flags")]
            assert told == [one.boot, one.n, one.t_us, one.flags]
            fields = [head[name].item() for name in DecodedFrame._fields[:-2]]
            assert repr(fields) == repr(list(frame[:-2]))  # NaN is NaN
            assert read.data[index] == frame.data
