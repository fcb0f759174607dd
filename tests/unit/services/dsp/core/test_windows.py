"""Rows of a state: gathered, or seen as a slice where they lie side by side."""

from dataclasses import dataclass

import numpy as np
import pytest

from services.dsp.core.windows import Floats, at_once, owned, put, take


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    last: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    history: Floats
    inner: Inner


def state() -> Outer:
    return Outer(history=np.arange(12.0).reshape(6, 2).copy(), inner=Inner(last=np.arange(6.0)))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([2, 3, 4], slice(2, 5)),
        ([5], slice(5, 6)),
        ([0, 2], None),
        ([1, 0], None),
        ([2, 1, 4], None),
        ([], None),
    ],
)
def test_rows_side_by_side_are_a_slice(rows: list[int], expected: slice | None) -> None:
    given = np.array(rows, dtype=np.intp)
    assert at_once(given) == expected if expected else at_once(given) is given


def test_what_is_a_view_of_what_was_may_be_put_back() -> None:
    """A step may hand parts of the old state on: none is spoilt by what is put before it."""
    whole = state()
    part = take(whole, slice(1, 4))
    assert np.shares_memory(part.history, whole.history)
    changed = Outer(history=part.history[::-1], inner=Inner(last=part.history[:, 0]))
    put(whole, slice(1, 4), owned(changed))
    assert whole.history.tolist() == [[0, 1], [6, 7], [4, 5], [2, 3], [8, 9], [10, 11]]
    assert whole.inner.last.tolist() == [0, 2, 4, 6, 4, 5]


def test_rows_that_are_gathered_are_a_copy() -> None:
    whole = state()
    part = take(whole, np.array([0, 2]))
    part.history[:] = -1
    assert whole.history.min() == 0
