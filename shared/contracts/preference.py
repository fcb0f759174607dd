"""Which of several sources of a measure is shown and judged: one rule for pages and alarms.

The best-ranked source that has an admissible value now. A source speaks while its newest word is
not older than an interval of the measure and `LATER_S` against the newest word of any source; who
says that there is no value has spoken, and is not waited for. The page's `preference.ts` is the
same rule over the same tables, and passes the same cases.
"""

from collections.abc import Iterable
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from shared.contracts.instants import SECOND
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import PREFERENCE, Nature

LATER_S = 5.0
"""So long after the newest source of a moment the slowest may speak of it: a fused value waits for
all of its sources, of which the slowest comes 5 s after the others. With the interval of a rate
(1 s) and the way to the page (3 s) it stays below the 10 s after which a rate is shown no more."""

LATE_S: MappingProxyType[Measure, float] = MappingProxyType({Measure.RESPIRATION_RATE: 5.0})
"""So long after the moment that it speaks of a measure is told, by whatever method: the estimators
of breath look at what comes after. A page does not call it old for that."""
OFTEN_S = 60.0  # what is told less often speaks of its own moment: the newest is not held up
_BEHIND_ALL = 1_000


class Word(NamedTuple):
    """The newest that a source has said, in order of time.

    Attributes
    ----------
    rank : of its method, by `rank_of`
    validity : number of `Validity`; absent where there is no value
    device : decides between devices that speak by the same method: the lower goes first
    """

    t: int
    rank: tuple[int, int]
    validity: int
    device: int


@cache
def waited_us(measure: Measure) -> int:
    """So long the best source is waited for before the next one takes its place."""
    return round((min(MEASURES[measure].interval_s, OFTEN_S) + LATER_S) * SECOND)


def rank_of(measure: Measure, method: int) -> tuple[int, int]:
    """Place of a method among those of a measure, the least first.

    What is told for comparison goes behind all others even where these have no value: it would
    put a number where we say that there is none.
    """
    return _RANKS.get((measure, method), (0, _BEHIND_ALL + method))


def nature_of(measure: Measure, method: int) -> Nature:
    """How close a method is to what it tells of; direct, where the order does not have it."""
    return _NATURES.get((measure, method), Nature.DIRECT)


def preferred(words: Iterable[Word], *, waited_us: int) -> Word | None:
    """The one to show and to judge by; None where nobody has said anything."""
    said = list(words)
    newest = max((word.t for word in said), default=0)
    return min((word for word in said if newest - word.t <= waited_us), key=_order, default=None)


def _order(word: Word) -> tuple[int, int, int, int]:
    last, place = word.rank
    return last, word.validity, place, word.device


_NATURES: MappingProxyType[tuple[int, int], Nature] = MappingProxyType(
    {
        (measure, ranked.method): ranked.nature
        for measure, order in PREFERENCE.items()
        for ranked in order
    }
)
_RANKS: MappingProxyType[tuple[int, int], tuple[int, int]] = MappingProxyType(
    {
        (measure, ranked.method): (int(ranked.nature is Nature.COMPARISON), place)
        for measure, order in PREFERENCE.items()
        for place, ranked in enumerate(order)
    }
)
