import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.storage.core.receipt_ranges import receipt_ranges

IDENTITY = st.tuples(
    st.integers(1, 3),
    st.sampled_from([0, 7, 2**32 - 1]),
    st.one_of(st.integers(0, 40), st.integers(2**32 - 4, 2**32 - 1)),
)


def columns(identities: list[tuple[int, int, int]]) -> list[np.ndarray]:
    return list(np.array(identities, dtype=np.int64).reshape(-1, 3).T)


def test_nothing_stored_gives_no_receipt() -> None:
    assert receipt_ranges(*columns([])) == []


def test_a_gap_and_another_boot_begin_new_ranges() -> None:
    receipts = receipt_ranges(
        *columns([(2, 1, 5), (1, 9, 3), (1, 9, 4), (1, 9, 4), (1, 9, 6), (2, 0, 6)])
    )
    assert [(r.device, r.boot, r.ranges) for r in receipts] == [
        (1, 9, [(3, 4), (6, 6)]),
        (2, 0, [(6, 6)]),
        (2, 1, [(5, 5)]),
    ]


@given(st.lists(IDENTITY, max_size=60))
def test_ranges_hold_exactly_what_was_stored(identities: list[tuple[int, int, int]]) -> None:
    receipts = receipt_ranges(*columns(identities))
    told = {
        (receipt.device, receipt.boot, n)
        for receipt in receipts
        for first, last in receipt.ranges
        for n in range(first, last + 1)
    }
    assert told == set(identities)
    for receipt in receipts:
        ends = [n for pair in receipt.ranges for n in pair]
        assert ends == sorted(ends)
        for (_, last), (first, _) in zip(receipt.ranges, receipt.ranges[1:], strict=False):
            assert first > last + 1, "adjacent ranges are one"
