"""How well the forced breaths of a session agree, and how they stand to the personal best.

Breaths of one device and method that follow each other within a quarter of an hour are a session.
Everything is read from the breaths, so one that comes late is judged with the others.

References
----------
Grades A to F and U: ATS/ERS standardization, Graham et al. 2019, Am J Respir Crit Care Med 200:e70,
table 10; what counts is judged by `shared/contracts/forced_breaths.py`. Zones at 80 and 50 percent
of the personal best, which two weeks of the same meter tell: National Asthma Education and
Prevention Program, Expert Panel Report 3, 2007. Departs from it: before the two weeks are over
yellow and red are told, since the personal best can only turn out to be higher; green is not.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from shared.contracts.forced_breaths import (
    NEARLY,
    YOUNG_YEARS,
    Fault,
    HowBlown,
    faults,
)
from shared.contracts.instants import DAY, MINUTE

PAUSE_MOST = 15 * MINUTE  # a bronchodilator is given so long before breaths are blown again
REPEATABLE_L = (0.150, 0.200, 0.250)  # the two largest apart, grades A and B, C, D
REPEATABLE_YOUNG_L = (0.100, 0.150, 0.200)  # or a tenth of the largest, whichever is greater
REPEATABLE_YOUNG_SHARE = 0.10
THREE, TWO = 3, 2
GREEN_SHARE, YELLOW_SHARE = 0.8, 0.5
BEST_LOOKS_BACK = 30 * DAY
BEST_NEEDS_DAYS = 14


class Grade(StrEnum):
    """Of a session, for FEV1 and FVC each."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    U = "U"
    F = "F"


class Zone(StrEnum):
    """Of a breath against the personal best."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Breath(NamedTuple):
    """One forced breath as it is stored.

    Attributes
    ----------
    source : device and method
    values : by the key of the measure
    years : age of the patient then; None where it is not known: the limits of adults hold
    how : None where nobody told how it was blown
    """

    t: int
    source: tuple[int, int]
    values: dict[str, float]
    years: float | None
    how: HowBlown | None


class Judged(NamedTuple):
    """A breath and what is wrong with it; None where nobody told how it was blown."""

    breath: Breath
    faults: tuple[Fault, ...] | None

    @property
    def fev1_counts(self) -> bool | None:
        """Whether its FEV1 is acceptable (and usable, which is the same by what is known)."""
        return self._is_free_of(Fault.SLOW_START, Fault.COUGH)

    @property
    def fvc_counts(self) -> bool | None:
        """Whether its FVC is acceptable."""
        return self._is_free_of(Fault.SLOW_START, Fault.EARLY_END)

    @property
    def starts_well(self) -> bool | None:
        """Whether its FVC is usable and its peak flow one of full force."""
        return self._is_free_of(Fault.SLOW_START)

    def _is_free_of(self, *some: Fault) -> bool | None:
        return None if self.faults is None else not set(some) & set(self.faults)


class Result(NamedTuple):
    """What a session says of FEV1 or FVC.

    Attributes
    ----------
    grade : None where nobody told how the breaths were blown
    best : the largest that counts; where nothing is known of that, the largest
    apart : how far the next one lies below it; None where there is one only
    counting, usable : numbers of breaths; usable ones count those that count. None as `grade`
    """

    grade: Grade | None
    best: float | None
    apart: float | None
    counting: int | None
    usable: int | None


class Standing(NamedTuple):
    """Where a session stands to the personal best.

    Attributes
    ----------
    measure : PEF, where there is none FEV1
    best_t : when the personal best was blown; None where somebody set it
    days : with breaths among those that it is the best of
    zone : None while these are too few to call a breath a good one
    """

    measure: str
    value: float
    best: float
    best_t: int | None
    days: int
    zone: Zone | None


class Session(NamedTuple):
    """Breaths of one device and method, blown one after the other: the oldest first."""

    breaths: tuple[Judged, ...]

    @property
    def start(self) -> int:
        """When the first was blown."""
        return self.breaths[0].breath.t

    @property
    def end(self) -> int:
        """When the last was blown."""
        return self.breaths[-1].breath.t

    @property
    def source(self) -> tuple[int, int]:
        """Their device and method."""
        return self.breaths[0].breath.source


def sessions(breaths: Iterable[Breath]) -> list[Session]:
    """The sessions of a patient's breaths, the newest first; breaths come in any order."""
    found: list[Session] = []
    run: list[Breath] = []
    for breath in sorted(breaths, key=lambda each: (each.source, each.t)):
        if run and (breath.source != run[-1].source or breath.t - run[-1].t > PAUSE_MOST):
            found.append(_judged(run))
            run = []
        run.append(breath)
    if run:
        found.append(_judged(run))
    return sorted(found, key=lambda each: (-each.end, each.source))


def fev1_result(session: Session) -> Result:
    """What a session says of FEV1."""
    return _result(
        [each.breath.values.get("fev1") for each in session.breaths],
        counts=[each.fev1_counts for each in session.breaths],
        usable=[each.fev1_counts for each in session.breaths],
        is_young=_is_young(session.breaths[0].breath),
    )


def fvc_result(session: Session) -> Result:
    """What a session says of FVC."""
    return _result(
        [each.breath.values.get("fvc") for each in session.breaths],
        counts=[each.fvc_counts for each in session.breaths],
        usable=[each.starts_well for each in session.breaths],
        is_young=_is_young(session.breaths[0].breath),
    )


def standing(
    session: Session, among: Iterable[Session], *, set_l_min: float | None = None
) -> Standing | None:
    """Where a session stands to the best of the 30 days up to its end, of the same device.

    A peak flow that somebody set, in L/min, is the personal best in its place.
    None where none of its breaths has a number that could be compared.
    """
    among = list(among)
    for measure in ("pef", "fev1"):
        own = _best(session, measure)
        if own is None:
            continue
        earlier = [
            (its, each)
            for each in among
            if each.source == session.source
            and session.end - BEST_LOOKS_BACK < each.end <= session.end
            and (its := _best(each, measure)) is not None
        ]
        best, best_t = max([own, *(its for its, _ in earlier)])
        days = len({session.end // DAY, *(each.end // DAY for _, each in earlier)})
        if measure == "pef" and set_l_min is not None:
            return Standing(measure, own[0], set_l_min, None, days, zone(own[0], set_l_min))
        found = zone(own[0], best)
        is_sure = found is not Zone.GREEN or days >= BEST_NEEDS_DAYS
        return Standing(measure, own[0], best, best_t, days, found if is_sure else None)
    return None


def grade(acceptable: Sequence[float], *, n_usable: int = 0, is_young: bool = False) -> Grade:
    """Of one session: acceptable values in L of FEV1 or of FVC, and how many more are usable."""
    if not acceptable:
        return Grade.U if n_usable else Grade.F
    if len(acceptable) < TWO:
        return Grade.E
    best, second = sorted(acceptable, reverse=True)[:TWO]
    limits = REPEATABLE_L
    if is_young:
        first, middle, last = REPEATABLE_YOUNG_L
        share = REPEATABLE_YOUNG_SHARE * best
        limits = (max(first, share), max(middle, share), max(last, share))
    apart = best - second
    if apart <= limits[0] + NEARLY:
        return Grade.A if len(acceptable) >= THREE else Grade.B
    if apart <= limits[1] + NEARLY:
        return Grade.C
    return Grade.D if apart <= limits[2] + NEARLY else Grade.E


def zone(value: float, personal_best: float) -> Zone:
    """Zone of a breath, both in the same unit.

    Raises
    ------
    ValueError : the personal best is not above 0
    """
    if personal_best <= 0:
        raise ValueError("a personal best is above 0")
    share = value / personal_best
    if share >= GREEN_SHARE - NEARLY:
        return Zone.GREEN
    return Zone.YELLOW if share >= YELLOW_SHARE - NEARLY else Zone.RED


def _judged(run: Sequence[Breath]) -> Session:
    largest: float | None = None
    judged = []
    for breath in run:
        if breath.how is None:
            judged.append(Judged(breath, None))
            continue
        wrong = faults(breath.how, largest_before=largest, is_young=_is_young(breath))
        judged.append(Judged(breath, wrong))
        if Fault.SLOW_START not in wrong:
            largest = max(largest or 0.0, breath.how.fvc)
    return Session(tuple(judged))


def _is_young(breath: Breath) -> bool:
    return breath.years is not None and breath.years <= YOUNG_YEARS


def _result(
    values: Sequence[float | None],
    *,
    counts: Sequence[bool | None],
    usable: Sequence[bool | None],
    is_young: bool,
) -> Result:
    known = [
        (value, counting, use)
        for value, counting, use in zip(values, counts, usable, strict=True)
        if value is not None
    ]
    is_told = any(counting is not None for _, counting, _ in known)
    good = sorted((v for v, counting, _ in known if counting or not is_told), reverse=True)
    best = good[0] if good else None
    apart = good[0] - good[1] if len(good) >= TWO else None
    if not is_told:
        return Result(None, best, apart, None, None)
    n_usable = sum(bool(use) for _, _, use in known)
    found = grade(good, n_usable=n_usable, is_young=is_young)
    return Result(found, best, apart, len(good), n_usable)


def _best(session: Session, measure: str) -> tuple[float, int] | None:
    """The best of a session and when; of breaths that were not blown with full force none."""
    told = [
        (each.breath.values[measure], each.breath.t)
        for each in session.breaths
        if each.breath.values.get(measure, 0) > 0
        and (each.starts_well if measure == "pef" else each.fev1_counts) is not False
    ]
    return max(told, default=None)
