"""Comparison with references: beats after ANSI/AAMI EC57, rates on a grid of windows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MATCH_S = 0.150  # EC57
LEARNING_S = 300.0  # EC57: fed and not scored


class BeatScore(NamedTuple):
    """Counts of one record or of many."""

    found: int
    missed: int
    false: int

    @property
    def f1_percent(self) -> float:
        return 200 * self.found / max(2 * self.found + self.missed + self.false, 1)

    def plus(self, other: "BeatScore") -> "BeatScore":
        return BeatScore(*(a + b for a, b in zip(self, other, strict=True)))


def pairs(reference: Floats, test: Floats) -> list[tuple[int, int]]:
    """Beats matched one to one as the WFDB program bxb does; -1 stands for no partner."""
    out, i, j = [], 0, 0
    while i < len(reference) and j < len(test):
        apart = test[j] - reference[i]
        if apart < -MATCH_S:
            out.append((-1, j))
            j += 1
        elif apart > MATCH_S:
            out.append((i, -1))
            i += 1
        elif j + 1 < len(test) and abs(test[j + 1] - reference[i]) < abs(apart):
            out.append((-1, j))
            j += 1
        elif i + 1 < len(reference) and abs(reference[i + 1] - test[j]) < abs(apart):
            out.append((i, -1))
            i += 1
        else:
            out.append((i, j))
            i, j = i + 1, j + 1
    out += [(k, -1) for k in range(i, len(reference))]
    out += [(-1, k) for k in range(j, len(test))]
    return out


def beat_score(
    reference: Floats,
    test: Floats,
    *,
    end_s: float,
    start_s: float = LEARNING_S,
    left_out: list[tuple[float, float]] | None = None,
) -> BeatScore:
    """Beats from `start_s` on; a pair is judged by its reference beat."""

    def counts(times: Floats) -> NDArray[np.bool_]:
        keep = (times >= start_s) & (times < end_s)
        for begin, end in left_out or []:
            keep &= ~((times >= begin - MATCH_S) & (times <= end + MATCH_S))
        return keep

    wanted, told = counts(reference), counts(test)
    found = missed = false = 0
    for i, j in pairs(reference, test):
        if (i >= 0 and not wanted[i]) or (i < 0 and not told[j]):
            continue
        found += i >= 0 and j >= 0
        missed += j < 0
        false += i < 0
    return BeatScore(found, missed, false)


def rates(times: Floats, window_s: float, ends_s: Floats, *, least: int = 3) -> Floats:
    """Rate per minute of the events in each window before an end; NaN with too few."""
    out = np.full(len(ends_s), np.nan)
    for k, end in enumerate(ends_s):
        inside = times[(times > end - window_s) & (times <= end)]
        if len(inside) >= least:
            out[k] = 60 * (len(inside) - 1) / (inside[-1] - inside[0])
    return out


class RateScore(NamedTuple):
    """Of the windows that have a reference."""

    mean_error: float
    median_error: float
    answered_percent: float


def rate_score(told: Floats, reference: Floats) -> RateScore:
    known = np.isfinite(reference)
    error = np.abs(told - reference)[known & np.isfinite(told)]
    if not len(error):
        return RateScore(np.inf, np.inf, 0.0)
    return RateScore(
        float(error.mean()), float(np.median(error)), float(100 * len(error) / known.sum())
    )
