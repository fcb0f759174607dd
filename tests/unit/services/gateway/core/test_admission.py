"""What is let in, and under which name the rest is refused."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.core.admission import (
    FRAME_FLAGS,
    RateLimit,
    TimeLimits,
    admits_plain,
    refuse_message,
    refuse_time,
)
from shared.contracts.decoding import Decoded, DecodedFrame
from shared.contracts.instants import DAY, HOUR, SECOND
from shared.contracts.parking import Reason
from shared.contracts.quality import FrameFlag

NOW = 1_790_000_000_000_000
GOOD = DecodedFrame(1, 1, 1, 2, 4_000_000, 0, 1, 0.005, 0.0, b"\1\0\2\0")


def message(*frames: DecodedFrame, t_us: int = NOW) -> Decoded:
    return Decoded(5, 6, t_us, 0, list(frames))


def test_a_good_message_is_let_in() -> None:
    assert refuse_message(message(GOOD, GOOD)) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"stream": 99}, Reason.UNKNOWN_STREAM),
        ({"stream": 0}, Reason.UNKNOWN_STREAM),
        ({"samples": 0, "data": b""}, Reason.EMPTY_SAMPLES),
        ({"channels": 0}, Reason.MALFORMED),
        ({"channels": 13}, Reason.MALFORMED),
        ({"place": 8}, Reason.MALFORMED),
        ({"interval_ns": 0}, Reason.BAD_RATE),
        ({"interval_ns": 1}, Reason.BAD_RATE),
        ({"interval_ns": 9_999}, Reason.BAD_RATE),
        ({"interval_ns": 86_400_000_000_001}, Reason.BAD_RATE),
        ({"interval_ns": 2_000_000_000_000}, Reason.BAD_RATE),
        ({"scale": float("nan")}, Reason.NOT_FINITE),
        ({"offset": float("inf")}, Reason.NOT_FINITE),
        ({"scale": 1e300}, Reason.NOT_FINITE),
        ({"offset": -4e38}, Reason.NOT_FINITE),
        ({"scale": 0.0}, Reason.MALFORMED),
        ({"scale": 1e-300}, Reason.MALFORMED),
        ({"dt_us": DAY + 1}, Reason.BAD_TIME),
        ({"dt_us": -DAY - 1}, Reason.BAD_TIME),
        ({"format": 4, "data": struct.pack("<2f", 1, float("inf"))}, Reason.NOT_FINITE),
        ({"format": 4, "data": struct.pack("<2f", 1, float("-inf"))}, Reason.NOT_FINITE),
    ],
)
def test_nonsense_is_refused_by_name_wherever_it_stands(
    change: dict[str, Any], reason: Reason
) -> None:
    bad = GOOD._replace(**change)
    for frames in ((bad,), (GOOD, bad), (bad, GOOD)):
        refusal = refuse_message(message(*frames))
        assert refusal is not None
        assert (refusal.reason, refusal.boot, refusal.n) == (reason, 5, 6)


def test_a_message_without_frames_is_empty() -> None:
    refusal = refuse_message(message())
    assert refusal is not None
    assert refusal.reason is Reason.EMPTY_SAMPLES


def test_a_missing_float_sample_is_let_in() -> None:
    data = struct.pack("<2f", 1, float("nan"))
    assert refuse_message(message(GOOD._replace(format=4, data=data))) is None


def test_a_single_reading_needs_no_rate() -> None:
    assert refuse_message(message(GOOD._replace(samples=1, interval_ns=0, data=b"\1\0"))) is None


@pytest.mark.parametrize(
    ("t_us", "admitted"),
    [
        (NOW - DAY, True),
        (NOW - DAY - 1, False),
        (NOW + HOUR, True),
        (NOW + HOUR + 1, False),
        (-(2**62), False),
        (2**62, False),
    ],
)
def test_time_is_bounded_on_both_sides(t_us: int, *, admitted: bool) -> None:
    refusal = refuse_time(message(GOOD, t_us=t_us - 7), 7, NOW, TimeLimits(back_us=DAY))
    assert (refusal is None) == admitted
    if refusal is not None:
        assert refusal.reason is Reason.BAD_TIME


def test_one_part_out_of_time_refuses_the_message_whole() -> None:
    bad = message(GOOD, GOOD._replace(dt_us=-DAY), t_us=NOW - DAY // 2)
    assert refuse_time(bad, 0, NOW, TimeLimits(back_us=DAY)) is not None


def test_flags_of_a_message_become_flags_of_its_frames() -> None:
    assert FRAME_FLAGS[0] == 0
    assert FRAME_FLAGS[0b1] == FrameFlag.LEAD_OFF
    assert FRAME_FLAGS[0b110] == FrameFlag.SIMULATED | FrameFlag.SENSOR_FAULT
    assert FRAME_FLAGS[0b11111000] == 0  # receipt wanted, and bits that nobody knows yet


def test_a_device_may_burst_and_then_keep_its_rate() -> None:
    limit = RateLimit(per_s=10, burst=3)
    assert [limit.admit(NOW) for _ in range(4)] == [True, True, True, False]
    assert [limit.admit(NOW + SECOND // 10) for _ in range(2)] == [True, False]
    assert [limit.admit(NOW + 10 * SECOND) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_steps_back_gives_no_messages() -> None:
    limit = RateLimit(per_s=10, burst=1)
    assert limit.admit(NOW)
    assert not limit.admit(NOW - HOUR)
    assert limit.admit(NOW + SECOND // 10)


HEAD = np.dtype(
    [
        ("stream", "u1"), ("place", "u1"), ("channels", "u1"), ("samples", "<u2"),
        ("interval_ns", "<u8"), ("dt_us", "<i4"), ("scale", "<f4"), ("offset", "<f4"),
    ]
)  # fmt: skip
EDGES = [0, 1, 9_999, 10_000, 4_000_000, 3_600_000_000_000, 86_400_000_000_000, 2**62]
heads = st.tuples(
    st.sampled_from([0, 1, 2, 3, 20, 29, 30, 255]),
    st.sampled_from([0, 7, 8, 255]),
    st.integers(0, 13),
    st.sampled_from([0, 1, 2, 65_535]),
    st.sampled_from(EDGES) | st.integers(0, 2**63 - 1),
    st.integers(-(2**31), 2**31 - 1),
    st.sampled_from([0.0, 1.0, 0.005, float("nan"), float("inf")]),
    st.sampled_from([0.0, -1.0, float("nan"), float("-inf")]),
)
GOOD_HEAD = (1, 1, 1, 250, 4_000_000, 0, 0.005, 0.0)


@given(st.lists(heads | st.just(GOOD_HEAD), max_size=8), st.integers(0, 7), heads)
def test_columns_are_let_in_as_single_messages_are(
    rows: list[tuple[Any, ...]], changed: int, other: tuple[Any, ...]
) -> None:
    rows.append((*GOOD_HEAD[:changed], other[changed], *GOOD_HEAD[changed + 1 :]))
    admitted = admits_plain(np.array(rows, HEAD))
    for row, is_in in zip(np.array(rows, HEAD).tolist(), admitted.tolist(), strict=True):
        *first, scale, offset = row
        stream, place, channels, samples, interval_ns, dt_us = first
        frame = DecodedFrame(
            stream, place, channels, samples, interval_ns, dt_us, 1, scale, offset,
            bytes(2 * channels * samples),
        )  # fmt: skip
        assert is_in == (refuse_message(message(frame)) is None)
