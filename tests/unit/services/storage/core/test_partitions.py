import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.storage.core.partitions import (
    WIDTH_US,
    Partitioned,
    admitted,
    partition_starts,
    partitions_ahead,
)


@given(st.lists(st.integers(0, 2**53), max_size=30), st.sampled_from(list(Partitioned)))
def test_each_time_lies_in_one_of_the_partitions(times: list[int], table: Partitioned) -> None:
    starts = partition_starts(table, np.array(times, dtype=np.int64))
    assert starts == sorted(set(starts))
    width = WIDTH_US[table]
    assert {t - t % width for t in times} == set(starts)


def test_live_data_finds_the_next_partition_before_it_begins() -> None:
    just_before = 3 * 3_600_000_000 - 1
    starts = partitions_ahead(Partitioned.FRAME, just_before)
    assert starts == [2 * 3_600_000_000, 3 * 3_600_000_000]


def test_times_outside_the_bounds_are_not_let_in() -> None:
    times = np.array([-(2**62), 899, 900, 1_000, 1_010, 1_011, 2**62])
    mask = admitted(times, now_us=1_000, back_us=100, ahead_us=10)
    assert mask.tolist() == [False, False, True, True, True, False, False]
