"""Of several sources of one measure the one to show, and how coarse a history is. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.contracts.quality import Validity

# Bucket lengths in seconds that people know from clocks; a history uses the least that fits.
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_EMISSION_S = 5  # a value is stored every 5 s, and at each change of its state


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalPoint:
    """One value, or the summary of a bucket, of one device and method."""

    t_us: int
    device_id: int
    method: int
    value: float | None
    least: float | None
    greatest: float | None
    n: int
    quality: float
    validity: int
    flags: int


def resolution_s(span_us: int, points: int) -> int:
    """Length of a bucket so that a span has at most so many; 0: each stored value as it is."""
    span_s = span_us / 1e6
    if span_s / _EMISSION_S * 2 <= points:
        return 0
    for step in _STEPS_S:
        if span_s / step <= points:
            return step
    return -(-span_us // (points * 1_000_000))


def preferred(points: Iterable[VitalPoint]) -> list[VitalPoint]:
    """One point a time: the most trustworthy of those that stand side by side.

    A number before none, then the better validity, then the better quality, then the method and
    the device of the lower number, so that the choice is the same whenever it is asked.
    """
    chosen: dict[int, VitalPoint] = {}
    for point in points:
        known = chosen.get(point.t_us)
        if known is None or _rank(point) < _rank(known):
            chosen[point.t_us] = point
    return [chosen[t_us] for t_us in sorted(chosen)]


def _rank(point: VitalPoint) -> tuple[bool, int, float, int, int]:
    validity = point.validity if point.value is not None else int(Validity.ABSENT)
    return (point.value is None, validity, -point.quality, point.method, point.device_id)
