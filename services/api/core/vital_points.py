"""Stored values and summaries of a vital sign, and the one of several sources to show. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from shared.contracts.measures import Measure
from shared.contracts.preference import Word, preferred, rank_of, waited_us
from shared.contracts.quality import Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalPoint:
    """One value, or the summary of a bucket, of one device and method.

    ``value``, ``least`` and ``greatest`` are None and ``n`` is 0 where the device and the method
    spoke and gave no number; ``n_questionable`` of the ``n`` numbers are doubtful. Of a measure
    whose values are codes ``codes`` counts each, and ``value`` is the most frequent one.
    """

    t_us: int
    device_id: int
    method: int
    value: float | None
    least: float | None
    greatest: float | None
    n: int
    n_questionable: int
    quality: float
    validity: int
    flags: int
    codes: Mapping[int, int] = field(default_factory=dict)


def joined(pieces: Iterable[VitalPoint]) -> list[VitalPoint]:
    """One point a time, device and method: what stands in several pieces is put together.

    A bucket is as doubtful as the most doubtful number in it.
    """
    found: dict[tuple[int, int, int], VitalPoint] = {}
    for piece in pieces:
        key = (piece.t_us, piece.device_id, piece.method)
        known = found.get(key)
        found[key] = piece if known is None else _sum(known, piece)
    return list(found.values())


def shown(points: Iterable[VitalPoint], *, measure: Measure) -> list[VitalPoint]:
    """One point a time at most: the one of the source that pages show and alarms judge.

    It is chosen by the rule of all (`shared.contracts.preference`), from the newest point of each
    source: while the best one is waited for, others stay out, as they did live. A bucket is valid
    when half of its numbers are. ``least`` and ``greatest`` are those of all devices that speak by
    the chosen method, so that a spike stays although another device comes first; other methods are
    shown when they are asked for.
    """
    by_time: dict[int, list[VitalPoint]] = {}
    for point in points:
        by_time.setdefault(point.t_us, []).append(point)
    waited, newest = waited_us(measure), dict[tuple[int, int], Word]()
    chosen: list[VitalPoint] = []
    for t_us in sorted(by_time):
        beside = by_time[t_us]
        for point in beside:
            newest[point.method, point.device_id] = _word(measure, point)
        best = preferred(newest.values(), waited_us=waited)
        chosen += [
            _with_extremes(point, beside)
            for point in beside
            if newest[point.method, point.device_id] is best
        ]
    return chosen


def _with_extremes(best: VitalPoint, points: list[VitalPoint]) -> VitalPoint:
    beside = [one for one in points if one.method == best.method]
    if len(beside) == 1:
        return best
    return replace(
        best,
        least=min((one.least for one in beside if one.least is not None), default=None),
        greatest=max((one.greatest for one in beside if one.greatest is not None), default=None),
    )


def _word(measure: Measure, point: VitalPoint) -> Word:
    if point.value is None:
        validity = int(Validity.ABSENT)
    elif point.n > 1 and 2 * point.n_questionable <= point.n:
        validity = int(Validity.VALID)
    else:
        validity = point.validity
    return Word(point.t_us, rank_of(measure, point.method), validity, point.device_id)


def _sum(one: VitalPoint, other: VitalPoint) -> VitalPoint:
    flags = one.flags | other.flags
    if other.value is None or other.least is None or other.greatest is None:
        return replace(one, flags=flags)
    if one.value is None or one.least is None or one.greatest is None:
        return replace(other, flags=flags)
    n = one.n + other.n
    codes = {
        code: one.codes.get(code, 0) + other.codes.get(code, 0)
        for code in (*one.codes, *other.codes)
    }
    mean = (one.value * one.n + other.value * other.n) / n
    return replace(
        one,
        value=max(sorted(codes), key=lambda code: codes[code]) if codes else mean,
        least=min(one.least, other.least),
        greatest=max(one.greatest, other.greatest),
        n=n,
        n_questionable=one.n_questionable + other.n_questionable,
        quality=(one.quality * one.n + other.quality * other.n) / n,
        validity=max(one.validity, other.validity),
        flags=flags,
        codes=codes,
    )
