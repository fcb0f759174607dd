"""What is early, and how irregular all is, beside the same told beat by beat."""

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg import prematurity
from services.dsp.core.ecg.ring import RING, masked_median
from tests.unit.services.dsp.signals import Floats

ROWS = 40


def rhythms() -> tuple[Floats, NDArray[np.bool_]]:
    """Logarithms of intervals with early ones in them, and which count: some rows have few."""
    rng = np.random.default_rng(1)
    rr = np.log(0.8 + 0.02 * rng.standard_normal((ROWS, RING)))
    rr -= 0.5 * (rng.random(rr.shape) < np.linspace(0, 0.6, ROWS)[:, None])
    free = rng.random(rr.shape) < np.linspace(1, 0, ROWS)[:, None]
    rr[~free] = np.nan
    return rr.astype(np.float32), free


def test_irregularity_counts_every_pair_of_pairs() -> None:
    rr, free = rhythms()
    expected = []
    for row, is_free in zip(rr, free, strict=True):
        pairs = [k for k in range(RING - 1) if is_free[k] and is_free[k + 1]]
        near = nearer = 0
        for one in pairs:
            for other in pairs:
                if one != other and abs(row[one] - row[other]) < prematurity.ENTROPY_NEAR:
                    near += 1
                    nearer += abs(row[one + 1] - row[other + 1]) < prematurity.ENTROPY_NEAR
        expected.append(-np.log((nearer + 1) / (near + 2)))
    np.testing.assert_allclose(prematurity.irregularity(rr, free), expected, rtol=1e-12)


def test_the_usual_interval_is_the_median_of_those_near_it() -> None:
    rr, free = rhythms()
    usual = prematurity.usual_interval(rr, free)
    for row in range(ROWS):
        values = np.sort(rr[row][free[row]])
        expected = values[int(prematurity.USUAL * (len(values) - 1))] if len(values) else 0
        for _ in range(3):
            near = free[row] & (np.abs(rr[row] - expected) < prematurity.USUAL_NEAR)
            if near.any():
                expected = masked_median(rr[row][None], near[None])[0]
        assert usual[row] == expected


def test_the_pace_is_that_of_before_where_it_was_much_slower() -> None:
    usual = np.log([0.5, 0.5, 0.5, 0.5])
    intervals = np.full((4, 90), np.nan, dtype=np.float32)
    intervals[0, :20], intervals[0, 20:] = np.log(1.0), np.log(0.5)
    intervals[1, :10], intervals[1, 10:] = np.log(1.0), np.log(0.5)  # too few of that kind
    intervals[2, :20], intervals[2, 20:] = np.log(0.6), np.log(0.5)  # a little slower
    intervals[3, :4] = np.log(1.0)  # too few at all
    pace = prematurity.pace(usual, intervals)
    np.testing.assert_allclose(np.exp(pace), [1.0, 0.5, 0.5, 0.5], rtol=1e-6)


def test_a_run_is_called_from_its_first_leap_on() -> None:
    rr, free = rhythms()
    usual = prematurity.usual_interval(rr, free)
    is_early = prematurity.early(rr, free, usual)
    assert is_early.any()
    got = prematurity.sudden(rr, free, usual, is_early)
    for row in range(ROWS):
        called, begin = False, 0
        for k in range(RING):
            if not is_early[row, k]:
                called = False
                assert not got[row, k]
                continue
            if k == 0 or not is_early[row, k - 1]:
                begin = k
            before = rr[row, k - 1] if k and free[row, k - 1] else usual[row]
            below = min(before, usual[row] + np.float32(prematurity.SUDDEN)) - rr[row, k]
            called |= k == 0 or bool(below > prematurity.SUDDEN)
            end = begin
            while end < RING and is_early[row, end]:
                end += 1
            deep = usual[row] - rr[row, k] > prematurity.RUN_EARLY
            assert got[row, k] == (called and (deep or end - begin < prematurity.RUN)), (row, k)


def test_nothing_is_sudden_where_nothing_is_early() -> None:
    rr, free = rhythms()
    nothing = np.zeros(rr.shape, dtype=np.bool_)
    assert not prematurity.sudden(rr, free, prematurity.usual_interval(rr, free), nothing).any()
