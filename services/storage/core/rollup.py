"""Which minutes and hours of vital signs are to be computed, and when.

A minute is closed some time after its end. From then on whoever writes a value into it notes it
as dirty in the same transaction, and it is computed again; so minutes and hours are at last a
function of the stored values alone, in whatever order these came.
"""

from collections.abc import Iterable
from typing import NamedTuple

from shared.contracts.instants import DAY, HOUR, MINUTE


class RollupPosition(NamedTuple):
    """Minutes before `closed_us` are closed, those before `done_us` are computed."""

    closed_us: int
    done_us: int


class MinuteOfPatient(NamedTuple):
    """The minute or hour of a patient that begins at `t`."""

    patient: int
    t: int


FIRST_STRETCH_US = 5 * MINUTE
LONG_STEP_S = 5.0  # a sixth of the timeout of a statement
SHORT_STEP_S = 1.0

NOT_OPEN = 0
"""`closed_us` before the first minute ever."""


def first_to_compute(first_values_us: int | None, now_us: int) -> int:
    """Where rolling up begins: a whole hour, before all values that there are."""
    return now_us // DAY * DAY if first_values_us is None else first_values_us // HOUR * HOUR


def close_to(now_us: int, settle_us: int) -> int:
    """Minutes before it are closed: those that ended at least `settle_us` ago."""
    return (now_us - settle_us) // MINUTE * MINUTE


def next_stretch(position: RollupPosition, most_us: int) -> tuple[int, int] | None:
    """What is computed next, at most to the end of its hour; None when all is computed."""
    start = position.done_us
    end = min(position.closed_us, start + most_us, (start // HOUR + 1) * HOUR)
    return (start, end) if start < end else None


def fitting_stretch(most_us: int, took_s: float) -> int:
    """How much to compute at once, after so much took so long: minutes, up to an hour."""
    if took_s > LONG_STEP_S:
        return max(most_us // 2 // MINUTE * MINUTE, MINUTE)
    return min(most_us * 2, HOUR) if took_s < SHORT_STEP_S else most_us


def whole_hour(end_us: int) -> tuple[int, int] | None:
    """The hour that is complete when minutes are computed up to here."""
    return (end_us - HOUR, end_us) if end_us % HOUR == 0 else None


def hours_of(minutes: Iterable[MinuteOfPatient]) -> list[MinuteOfPatient]:
    """The hours that hold these minutes, each once."""
    return sorted({MinuteOfPatient(one.patient, one.t // HOUR * HOUR) for one in minutes})


def minutes_of(times: Iterable[tuple[int, int]], *, before_us: int) -> list[MinuteOfPatient]:
    """The closed minutes of values given as patient and time, each once."""
    return sorted(
        {MinuteOfPatient(patient, t // MINUTE * MINUTE) for patient, t in times if t < before_us}
    )
