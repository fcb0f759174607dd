"""State of many devices as arrays, on an absolute grid of whole seconds of UTC.

Everything an estimator sees is cut at whole seconds of UTC, never at the edges of what came:
`step` takes one second of each device, whatever the second. What it gives is a function of the
seconds before, of bounded number (`MEMORY_S` at most), so that a run that starts anew so long
before gives the same numbers, bit for bit. Nothing may run on for ever: no recursive filter, no
running sum, no level that learns without end.

The state of an estimator is a frozen dataclass whose fields are arrays (or such states) with the
devices along the first axis; `take`, `put` and `join` work on all of them.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Samples = NDArray[np.floating[Any]]
"""Samples in the unit of their stream, NaN where missing: (devices, samples)."""
Instants = NDArray[np.int64]
"""us UTC, one a device."""
Rows = NDArray[np.intp]

SECOND_US = 1_000_000

MEMORY_S = 330  # no estimator may look back further; a test holds each one to what it says

State = TypeVar("State")


def at_once(rows: Rows) -> Rows | slice:
    """The same rows, as a slice where one follows the other: then nothing is gathered."""
    if not len(rows) or rows[-1] - rows[0] != len(rows) - 1 or (np.diff(rows) != 1).any():
        return rows
    return slice(int(rows[0]), int(rows[-1]) + 1)


def take(state: State, rows: Rows | slice) -> State:
    """The state of some devices only: a copy, of a slice a view."""
    return each_array(state, lambda array: array[rows])


def owned(state: State) -> State:
    """The same state with no view of another one in it: what was taken as a view may be put."""
    return each_array(state, lambda array: array if array.base is None else array.copy())


def put(state: State, rows: Rows | slice, part: State) -> None:
    """Write the state of some devices back, in place."""
    for name in _names(state):
        mine, theirs = getattr(state, name), getattr(part, name)
        if isinstance(mine, np.ndarray):
            mine[rows] = theirs
        else:
            put(mine, rows, theirs)


def join(states: list[State]) -> State:
    """The state of all devices of several states, in their order."""
    first = states[0]
    changes: dict[str, Any] = {}
    for name in _names(first):
        parts = [getattr(state, name) for state in states]
        changes[name] = np.concatenate(parts) if isinstance(parts[0], np.ndarray) else join(parts)
    return replace(first, **changes)  # type: ignore[type-var]  # a dataclass, see `_names`


def shifted(history: NDArray[Any], newest: NDArray[Any]) -> NDArray[Any]:
    """A history (devices, length, ...) after `newest` (devices, n, ...) came in at its end."""
    length, n = history.shape[1], newest.shape[1]
    if n >= length:
        return newest[:, n - length :].astype(history.dtype)
    return np.concatenate((history[:, n:], newest), axis=1, dtype=history.dtype)


def second_of(times: Instants) -> Instants:
    """Seconds since 1970 whose first samples were taken then, up to half a sample early or late."""
    return (times + SECOND_US // 2) // SECOND_US


def present(values: Samples) -> Samples:
    """The values, 0 where missing."""
    return np.where(np.isnan(values), 0, values)


def each_array(state: State, change: Callable[[NDArray[Any]], NDArray[Any]]) -> State:
    """A state whose arrays are changed one by one."""
    changes: dict[str, Any] = {}
    for name in _names(state):
        value = getattr(state, name)
        changes[name] = (
            change(value) if isinstance(value, np.ndarray) else each_array(value, change)
        )
    return replace(state, **changes)  # type: ignore[type-var]  # a dataclass, see `_names`


def _names(state: object) -> list[str]:
    assert is_dataclass(state)
    return [field.name for field in fields(state)]
