"""A block gives back exactly the frames it was made of."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.frames import (
    FRAME,
    SAMPLE_DTYPES,
    Frame,
    FrameBatch,
    decode_frames,
    encode_frames,
)
from shared.contracts.records import BadBatch, BatchFault
from shared.contracts.sample_block import (
    block_start,
    decode_block,
    encode_block,
    in_order,
    join_frames,
)

T0 = 1_700_000_040_000_000


def frame(**fields: Any) -> Frame:
    plain = Frame(
        device=1,
        boot=7,
        n=0,
        part=0,
        stream=1,
        t0=T0,
        interval_ns=4_000_000,
        received=T0 + 900_000,
        flags=0,
        channels=1,
        format=1,
        place=0,
        scale=0.001,
        offset=0.0,
        samples=b"\1\0",
    )
    return plain._replace(**fields)


def batch(*frames: Frame) -> FrameBatch:
    read = decode_frames(encode_frames(frames))
    assert isinstance(read, FrameBatch)
    return read


def told(read: FrameBatch | BadBatch | None) -> list[tuple[Any, ...]]:
    """Frames as tuples whose floats are bits, so that NaN equals itself."""
    assert isinstance(read, FrameBatch)
    names = [name for name in FRAME.names or () if name not in ("start", "size")]
    return [
        (
            *(read.table[i][name].tobytes() for name in names),
            bytes(read.sample_bytes(i)),
        )
        for i in range(len(read))
    ]


U32 = st.integers(0, 2**32 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def any_frame(draw: st.DrawFn) -> Frame:
    form = draw(st.sampled_from(sorted(SAMPLE_DTYPES)))
    channels = draw(st.integers(1, 3))
    count = draw(st.integers(0, 40))
    width = SAMPLE_DTYPES[form].itemsize * channels
    return frame(
        device=draw(st.integers(0, 3)),
        boot=draw(U32),
        n=draw(U32),
        part=draw(st.integers(0, 3)),
        stream=draw(st.integers(0, 40)),
        t0=draw(st.one_of(st.integers(T0, T0 + 3_000_000), I64)),
        interval_ns=draw(st.sampled_from([0, 1, 2_777_778, 4_000_000, 2**63 - 1])),
        received=draw(I64),
        flags=draw(U32),
        channels=channels,
        format=form,
        place=draw(st.integers(0, 7)),
        scale=draw(st.floats(width=32)),
        offset=draw(st.floats(width=32)),
        samples=draw(st.binary(min_size=count * width, max_size=count * width)),
    )


@given(st.lists(any_frame(), min_size=1, max_size=8))
def test_any_frames_come_back_in_the_order_of_time(frames: list[Frame]) -> None:
    """Any numbers in any format, with gaps, overlaps and several intervals in one minute."""
    given_batch = batch(*frames)
    assert told(decode_block(encode_block(given_batch))) == told(in_order(given_batch))


@given(st.lists(any_frame(), min_size=1, max_size=8), st.randoms())
def test_the_order_of_the_frames_changes_nothing(frames: list[Frame], random: Any) -> None:
    ordered = sorted(frames, key=lambda f: (f.t0, f.boot, f.n, f.part, f.device, f.samples))
    unique = list({(f.t0, f.boot, f.n, f.part): f for f in ordered}.values())
    shuffled = list(unique)
    random.shuffle(shuffled)
    assert encode_block(batch(*shuffled)) == encode_block(batch(*unique))


@given(
    st.lists(any_frame(), min_size=1, max_size=8, unique_by=lambda f: (f.device, f.boot, f.n)),
    st.data(),
)
def test_what_is_hot_and_cold_is_met_once(frames: list[Frame], data: st.DataObject) -> None:
    """Whatever part of the frames is in a block, and whatever part is met in both tables."""
    cut = data.draw(st.integers(0, len(frames)))
    again = data.draw(st.integers(0, cut))
    hot, cold = frames[cut - again :], frames[:cut]
    parts = [batch(*hot)] if hot else []
    if cold:
        read = decode_block(encode_block(batch(*cold)))
        assert isinstance(read, FrameBatch)
        parts.append(read)
    assert sorted(told(join_frames(parts))) == sorted(told(batch(*frames)))


def test_of_one_identity_the_first_is_kept() -> None:
    first, second = frame(samples=b"\1\0"), frame(samples=b"\2\0")
    assert told(join_frames([batch(first), batch(second)])) == told(batch(first))
    assert told(join_frames([batch(second, first)])) == told(batch(second))
    assert join_frames([]) is None


def test_a_minute_of_noisy_ecg_becomes_small() -> None:
    random = np.random.default_rng(3)
    wave = 900 * np.sin(np.arange(15_000) / 40) + random.normal(0, 6, 15_000)
    samples = wave.astype("<i2").tobytes()
    frames = [
        frame(
            n=i,
            t0=T0 + i * 1_000_000,
            received=T0 + i * 1_000_000 + 1_050_000 + int(random.integers(9_000)),
            samples=samples[i * 500 : (i + 1) * 500],
        )
        for i in range(60)
    ]
    content = encode_block(batch(*frames))
    assert len(content) < 30_000 / 2.2
    assert told(decode_block(content)) == told(batch(*frames))


def test_the_minute_of_a_frame() -> None:
    assert block_start(T0) == T0
    assert block_start(T0 - 1) == T0 - 60_000_000
    assert block_start(T0 + 59_999_999) == T0


def test_no_frames_make_no_block() -> None:
    empty = FrameBatch(np.zeros(0, dtype=FRAME), memoryview(b""))
    with pytest.raises(ValueError, match="0 frames"):
        encode_block(empty)


@given(st.data())
@settings(max_examples=300)
def test_bytes_that_changed_are_refused(data: st.DataObject) -> None:
    content = encode_block(batch(*(frame(n=i, t0=T0 + i) for i in range(5))))
    place = data.draw(st.integers(0, len(content) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    read = decode_block(bytes(changed))
    reserved = place in (6, 7, 12, 13, 14, 15)
    assert isinstance(read, FrameBatch) if reserved else isinstance(read, BadBatch)


def test_bytes_that_were_cut_are_refused() -> None:
    content = encode_block(batch(frame(), frame(n=1, channels=2, samples=b"\1\0\2\0")))
    for end in range(len(content)):
        assert isinstance(decode_block(content[:end]), BadBatch)
    assert isinstance(decode_block(content + b"\0"), BadBatch)


def test_lies_under_a_right_checksum_are_refused() -> None:
    content = encode_block(batch(frame(), frame(n=1, t0=T0 + 1)))
    rest = content[20:]

    def with_rest(count: int, changed: bytes) -> FrameBatch | BadBatch:
        head = content[:8] + struct.pack("<II", count, 0)
        return decode_block(head + struct.pack("<I", zlib.crc32(changed)) + changed)

    assert isinstance(with_rest(2, rest), FrameBatch)
    for lie in (
        with_rest(3, rest),
        with_rest(0, rest),
        with_rest(2, rest + b"\1\0\0\0\0"),
        with_rest(2, struct.pack("<I", 2**31) + rest[4:]),
        with_rest(2, struct.pack("<I", 40) + bytes(40) + rest),
        with_rest(2, rest[:2]),
    ):
        assert isinstance(lie, BadBatch)
        assert lie.fault in (BatchFault.BAD_EXTENT, BatchFault.WRONG_COUNT)
