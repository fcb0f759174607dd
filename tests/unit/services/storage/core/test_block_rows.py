"""Frames cut into the minutes of blocks, with what a list or a far zoom needs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.storage.core.block_rows import (
    BlockKey,
    block_row,
    encode_rows,
    extent,
    minutes,
    read_block,
)
from services.storage.core.frame_rows import FrameContent, FrameKey, contents_of
from shared.contracts.frames import Frame
from shared.contracts.sample_block import block_start
from shared.errors import Invalid
from tests.unit.services.storage.core.frame_building import T0, batch, frame

MINUTE = 60_000_000


@st.composite
def frames_of_a_device(draw: st.DrawFn) -> list[Frame]:
    numbers = draw(st.lists(st.integers(0, 10_000), min_size=1, max_size=30, unique=True))
    return [
        frame(n=n, t0=T0 + draw(st.integers(0, 4 * MINUTE)))._replace(
            stream=draw(st.integers(1, 2)),
            place=draw(st.integers(0, 1)),
            interval_ns=draw(st.sampled_from([0, 2_777_778, 4_000_000])),
        )
        for n in numbers
    ]


@given(frames_of_a_device(), st.data())
def test_blocks_hold_all_frames_in_whatever_steps_they_came(
    frames: list[Frame], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(frames)))
    stored: dict[BlockKey, bytes] = {}
    for part in (frames[:cut], frames[cut:]):
        if part:
            encoded = encode_rows(batch(*part), stored)
            assert all(BlockKey(*row[:4]) not in stored for row in encoded.fresh)
            stored |= {BlockKey(*row[:4]): row.content for row in encoded.fresh}
            stored |= {BlockKey(*row[:4]): row.content for row in encoded.changed}
    found: dict[FrameKey, FrameContent] = {}
    for key, content in stored.items():
        minute = read_block(key, content)
        assert {block_start(int(t0)) for t0 in minute.table["t0"]} == {key.t0}
        found |= contents_of(minute)
    assert found == contents_of(batch(*frames))
    assert len(stored) == len(minutes(batch(*frames)))


def test_a_row_tells_what_its_frames_hold() -> None:
    first = frame(n=1, t0=T0, samples=np.array([5, -32_768, -7], "<i2").tobytes(), flags=8)
    second = frame(n=2, t0=T0 + 40, samples=np.array([90, 2, 1, 0], "<i2").tobytes(), flags=16)
    second = second._replace(interval_ns=2_777_778, channels=2)
    row = block_row(BlockKey(1, 1, 0, block_start(T0)), batch(second, first))
    assert (row.first_us, row.n_frames, row.n_samples) == (T0, 2, 5)
    assert row.end_us == T0 + 12_000
    assert (row.interval_ns, row.channels, row.flags) == (4_000_000, 1, 24)
    assert row.low == pytest.approx([-0.007, 0.0])
    assert row.high == pytest.approx([0.09, 0.002])


def test_a_channel_without_a_number_has_no_extent() -> None:
    gone = frame(samples=np.array([-32_768], "<i2").tobytes())
    assert extent(batch(gone)) == ([None], [None])
    empty = frame(samples=b"")
    assert extent(batch(empty)) == ([None], [None])
    floats = frame(samples=np.array([np.nan, np.inf, 2.0], "<f4").tobytes())
    assert extent(batch(floats._replace(format=4, scale=1.0))) == ([2.0], [2.0])


def test_a_block_that_cannot_be_read_is_told() -> None:
    with pytest.raises(Invalid, match="truncated"):
        read_block(BlockKey(1, 1, 0, 0), b"")
