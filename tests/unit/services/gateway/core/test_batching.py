"""When a batch leaves, and that its bytes are a batch of frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.core.batching import (
    LONGEST_WINDOW_S,
    MOST_BYTES,
    MOST_FRAMES,
    SHORTEST_WINDOW_S,
    Batch,
    BatchWindow,
)
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames


def frame(n: int, samples: bytes = b"\1\0") -> Frame:
    return Frame(3, 4, n, 0, 1, 1_000 + n, 4_000_000, 5_000 + n, 0, 1, 1, 1, 0.5, 0.0, samples)


def add(batch: Batch, one: Frame) -> None:
    batch.add_frame(one[:14], one.samples)


@given(st.lists(st.binary(min_size=2, max_size=20).map(lambda b: b[: len(b) // 2 * 2]), min_size=1))
def test_its_bytes_are_those_of_the_contract(samples: list[bytes]) -> None:
    frames = [frame(n, one) for n, one in enumerate(samples)]
    batch = Batch()
    for one in frames:
        add(batch, one)
        batch.end_message(one.n)
    closed = batch.close()
    assert closed.body == encode_frames(frames)
    assert isinstance(decode_frames(closed.body), FrameBatch)
    assert closed.numbers == list(range(len(samples)))
    assert closed.newest_received_us == frames[-1].received
    assert len(batch) == 0


def test_it_has_no_room_beyond_frames_or_bytes_but_an_empty_one_takes_anything() -> None:
    batch = Batch()
    assert batch.has_room_for(1, 10 * MOST_BYTES)
    add(batch, frame(0, bytes(MOST_BYTES - 100)))
    assert batch.has_room_for(1, 100)
    assert not batch.has_room_for(1, 101)
    assert not batch.has_room_for(MOST_FRAMES, 0)
    add(batch, frame(1, bytes(100)))
    assert not batch.has_room_for(1, 1)


def fed(rate_hz: float, seconds: float = 5.0) -> BatchWindow:
    window = BatchWindow()
    now_s, carry = 0.0, 0.0
    while now_s < seconds:
        step_s = window.window_s
        now_s += step_s
        carry += rate_hz * step_s
        n_frames, carry = int(carry), carry % 1
        if n_frames:
            window.observe(n_frames, now_s)
    return window


def test_a_new_lane_sends_at_once() -> None:
    assert BatchWindow().window_s == SHORTEST_WINDOW_S


@pytest.mark.parametrize(
    ("rate_hz", "window_s"),
    [(10, 0.024), (100, 0.055), (640, 0.125), (3_000, 0.125), (5_120, 0.087), (50_000, 0.010)],
)
def test_the_window_follows_the_rate(rate_hz: float, window_s: float) -> None:
    window = fed(rate_hz)
    assert window.rate_hz == pytest.approx(rate_hz, rel=0.1)
    assert window.window_s == pytest.approx(window_s, rel=0.15)


def test_a_window_of_a_loaded_lane_brings_one_batch() -> None:
    for rate_hz in range(700, 17_000, 100):
        assert rate_hz * fed(rate_hz).window_s < MOST_FRAMES


def test_only_a_lane_that_always_has_some_is_read_once_a_window() -> None:
    assert not fed(100).is_read_once
    assert fed(300).is_read_once


@given(st.lists(st.tuples(st.integers(1, 10_000), st.floats(0, 10))))
def test_the_window_stays_within_its_bounds(batches: list[tuple[int, float]]) -> None:
    window = BatchWindow()
    now_s = 0.0
    for n_frames, elapsed_s in batches:
        now_s += elapsed_s
        window.observe(n_frames, now_s)
        assert SHORTEST_WINDOW_S <= window.window_s <= LONGEST_WINDOW_S
