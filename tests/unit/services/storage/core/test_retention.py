"""What goes, what stays, and what a certificate says of it."""

import hashlib
import itertools
import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.storage.core.block_rows import BlockKey, block_row, minutes, read_block
from services.storage.core.compaction import rest_s
from services.storage.core.erased import Erased
from services.storage.core.frame_rows import contents_of
from services.storage.core.partitions import Partitioned, compactable, outlived
from services.storage.core.retention import (
    STEP_US,
    DeviceTime,
    Erasure,
    Keeping,
    added,
    certificate,
    is_inside,
    steps,
    without,
)
from shared.contracts.vitals import vital_table
from tests.unit.services.storage.core.frame_building import T0, batch, frame

HOUR, DAY, MINUTE = 3_600_000_000, 86_400_000_000, 60_000_000


@given(st.integers(0, 2**52), st.integers(0, 40 * DAY))
def test_steps_cover_a_time_in_days(start: int, length: int) -> None:
    found = list(steps(start, start + length))
    assert sum(end - begin for begin, end in found) == length
    assert all(end == begin for (_, end), (begin, _) in itertools.pairwise(found))
    assert all(0 < end - begin <= STEP_US for begin, end in found)


@given(
    st.lists(st.integers(0, MINUTE - 1), min_size=1, max_size=9, unique=True),
    st.integers(-MINUTE, MINUTE),
    st.integers(1, MINUTE),
)
def test_a_block_without_a_time_holds_the_other_frames(
    offsets: list[int], start: int, length: int
) -> None:
    first = T0 // MINUTE * MINUTE
    frames = [frame(n=n, t0=first + offset) for n, offset in enumerate(offsets)]
    ((key, minute),) = minutes(batch(*frames))
    time = DeviceTime(1, first + start, first + start + length)
    left = without(key, block_row(key, minute).content, time)
    stays = [one for one in frames if not time.start_us <= one.t0 < time.end_us]
    if not stays:
        assert left is None
    else:
        assert left is not None
        assert contents_of(read_block(key, left.content)) == contents_of(batch(*stays))


def test_a_block_is_inside_only_as_a_whole() -> None:
    key = BlockKey(1, 1, 0, MINUTE)
    assert is_inside(key, DeviceTime(1, MINUTE, 2 * MINUTE))
    assert not is_inside(key, DeviceTime(1, MINUTE + 1, 9 * MINUTE))
    assert not is_inside(key, DeviceTime(1, 0, 2 * MINUTE - 1))


def test_partitions_go_when_their_last_row_is_too_old() -> None:
    keeping = Keeping(
        partitions={Partitioned.BLOCK: 2 * DAY}, events_us=1, conflicts_us=1, commands_us=1
    )
    starts = [3 * DAY, 0, DAY, 2 * DAY]
    assert keeping.is_outlived(Partitioned.BLOCK, starts, now_us=4 * DAY) == [0, DAY]
    assert keeping.is_outlived(Partitioned.BLOCK, starts, now_us=4 * DAY - 1) == [0]
    assert keeping.is_outlived(Partitioned.FRAME, starts, now_us=99 * DAY) == []
    assert outlived(Partitioned.VITAL_MINUTE, [0], now_us=7 * DAY, keep_us=0) == [0]


def test_hours_are_compacted_when_they_are_no_longer_hot() -> None:
    starts = [2 * HOUR, 0, HOUR]
    assert compactable(starts, now_us=4 * HOUR, hot_us=2 * HOUR) == [0, HOUR]
    assert compactable(starts, now_us=4 * HOUR - 1, hot_us=2 * HOUR) == [0]


def test_work_takes_its_share() -> None:
    assert rest_s(2.0, 1.0) == 0
    assert rest_s(2.0, 0.25) == 6


def test_the_fence_lets_nothing_of_the_erased_in() -> None:
    erased = Erased([7], [DeviceTime(3, 100, 200), DeviceTime(3, 500, 600)])
    device = np.array([3, 3, 3, 3, 4], dtype=np.int32)
    t = np.array([99, 100, 200, 599, 150], dtype=np.int64)
    assert erased.of_devices(device, t).tolist() == [False, True, False, True, False]
    values = vital_table((1, 1, 1, patient, 1.0, 1.0, 1, 0, 0, 1, 0) for patient in (6, 7, 8))
    assert erased.of_patients(values).tolist() == [False, True, False]
    assert erased.of_event(7, 0, 0)
    assert erased.of_event(0, 3, 100)
    assert not erased.of_event(6, 3, 200)
    assert not Erased().of_devices(device, t).any()
    assert not Erased().of_patients(values).any()


def test_a_certificate_says_what_was_removed_and_can_be_checked() -> None:
    erasure = Erasure(1, 7, "p-7kd2m", "asked", "admin", 0, 1_000_000, {"signal.vital": 3})
    text, digest = certificate(erasure, done_us=2_000_000)
    assert hashlib.sha256(text.encode()).hexdigest() == digest
    said = json.loads(text)
    assert said["patient"] == "p-7kd2m"
    assert said["removed_rows"] == {"signal.vital": 3}
    assert said["nothing_let_in_since"] == "1970-01-01T00:00:01.000000Z"
    assert certificate(erasure, done_us=2_000_000) == (text, digest)


def test_counts_are_added_by_table() -> None:
    assert added({"a": 1, "b": 2}, {"b": 3, "c": 4}) == {"a": 1, "b": 5, "c": 4}
