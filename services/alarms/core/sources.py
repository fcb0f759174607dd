"""Which of several sources of a measure is judged: the one that history and page show.

The rule and the order are those of all (`shared.contracts.preference`). Here it is asked of one
value after the other, so only sources whose newest word is valid are remembered. Two things are
asked of alarms beside it: what is told for comparison is not judged, and a value that is derived
from another signal speaks only a minute after one that sees the thing itself (decision 0018).
"""

from functools import lru_cache
from typing import NamedTuple

from services.alarms.core.alarm_state import SECOND_US
from services.alarms.core.memory import Memory, Reading
from shared.contracts.measures import Measure
from shared.contracts.methods import Nature
from shared.contracts.preference import Word, nature_of, preferred, rank_of, waited_us
from shared.contracts.quality import Validity

DIRECT_HOLDS_US = 60 * SECOND_US  # a minute of breath: what was measured is still known
_FORGET_US = 120 * SECOND_US  # longer than any source is waited for
_VALID = int(Validity.VALID)
_MEASURE_STEP = 100_000  # more than a measure has places


class _Source(NamedTuple):
    measure: int
    method: int
    device: int


class Basis(NamedTuple):
    """What a value rests on.

    ``derived``: nothing that sees the thing itself stands behind it.
    """

    method: int
    derived: bool


@lru_cache(maxsize=16_384)
def _name(measure: int, method: int, device: int) -> str:
    """Key of a source in the memory."""
    return f"{int(measure)}.{method}.{device}"


@lru_cache(maxsize=16_384)
def _source(name: str) -> _Source:
    measure, method, device = map(int, name.split("."))
    return _Source(measure, method, device)


def basis_of(memory: Memory, reading: Reading) -> Basis:
    """What a value rests on; a fused one on what its sources see."""
    nature = nature_of(reading.measure, reading.method)
    derived = nature is Nature.DERIVED or (
        nature is Nature.FUSED
        and reading.t - memory.direct.get(int(reading.measure), 0) > waited_us(reading.measure)
    )
    return Basis(reading.method, derived)


def may_be_judged(memory: Memory, reading: Reading, basis: Basis) -> bool:
    """Whether an alarm may rest on this value, as far as its method goes."""
    if nature_of(reading.measure, reading.method) is Nature.COMPARISON:
        return False
    seen = memory.direct.get(int(reading.measure))
    return not basis.derived or seen is None or reading.t - seen > DIRECT_HOLDS_US


def governs(
    memory: Memory, measures: tuple[Measure, ...], reading: Reading, *, is_usable: bool
) -> bool:
    """Whether this reading is the one to judge.

    A usable one is, when it comes from the preferred source; another one is, unless any other
    source is usable: it then says that there is nothing to judge by.
    """
    mine = _name(reading.measure, reading.method, reading.device)
    words = [
        Word(t, rank, _VALID, device)
        for name, t in memory.speaking.items()
        if name != mine
        for rank, device in _standing(name, measures)
    ]
    waited = waited_us(reading.measure)
    if not is_usable:
        return all(reading.t - word.t > waited for word in words)
    if not words:
        return True
    ((rank, device),) = _standing(mine, measures)
    own = Word(reading.t, rank, _VALID, device)
    return preferred([own, *words], waited_us=waited) is own


def note(memory: Memory, reading: Reading, *, is_usable: bool) -> None:
    """Remember whether the newest word of this source can be judged."""
    speaking = memory.speaking
    name = _name(reading.measure, reading.method, reading.device)
    if not is_usable:
        if speaking.get(name, reading.t) <= reading.t:
            speaking.pop(name, None)
        return
    speaking[name] = max(reading.t, speaking.get(name, 0))
    if nature_of(reading.measure, reading.method) is Nature.DIRECT:
        measure = int(reading.measure)
        memory.direct[measure] = max(reading.t, memory.direct.get(measure, 0))
    if len(speaking) > 1:
        for other in [name for name, t in speaking.items() if reading.t - t > _FORGET_US]:
            del speaking[other]


@lru_cache(maxsize=16_384)
def _standing(name: str, measures: tuple[Measure, ...]) -> tuple[tuple[tuple[int, int], int], ...]:
    """Rank and device of a source, nothing when it is of another measure.

    Of two measures the one that the rules prefer goes first.
    """
    source = _source(name)
    if source.measure not in measures:
        return ()
    measure = Measure(source.measure)
    last, place = rank_of(measure, source.method)
    return (((last, measures.index(measure) * _MEASURE_STEP + place), source.device),)
