"""What is let in, and under which name the rest is refused."""

import struct
from typing import Any

import pytest

from services.gateway.core.admission import (
    FRAME_FLAGS,
    RateLimit,
    TimeLimits,
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
        ({"scale": 0.0}, Reason.MALFORMED),
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
