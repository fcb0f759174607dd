"""Which candidates are beats: the best path through them, by their odds and this heart's intervals.

A path is a choice of candidates. It gains the log odds of each that it takes, and for each
interval the logarithm of how usual it is for this heart: a histogram of the sure intervals of a
minute and a half, which bears bigeminy and atrial fibrillation where one expected interval does
not. How much the intervals count, and how sure a beat must be, goes with the doubt of the last
seconds: in clean signals the shape decides, in noise the rhythm.

Two chains of paths run side by side and begin anew in turn, so that nothing depends on more than
`CHAIN_S` seconds: the older one is asked.

References
----------
Viterbi 1967, IEEE Trans Inform Theory 13:260, with a fixed lag. Hot path.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.ecg.bands import ENVELOPE_HZ
from services.dsp.core.ecg.candidates import AHEAD, order_in_row
from services.dsp.core.windows import Floats, Instants, Rows, Samples, shifted

KEPT_S = 96  # of intervals
PER_SECOND = 5  # intervals that a second can hold: refractory time
BINS = 48  # of the logarithm of the interval, 0.2 to 3.2 s: 6 % each
SHORTEST, LONGEST = 13, 205  # of ENVELOPE_HZ: 0.2 s, no second QRS before; 3.2 s
FLOOR = 0.05  # share of intervals that the histogram knows nothing of
SURE = 4.0  # log odds of beats between which an interval is learned
DOUBTED = -2.0  # a candidate of such odds between them spoils it
HOPELESS = -6.0  # log odds of what no path takes, not even in noise
RING = 32  # candidates kept, at least two and a half seconds
CHAIN_S = 16
DOUBT_S = 4
DOUBT_FULL = 0.1  # mean doubt at which the rhythm counts fully
RHYTHM = (0.2, 2.5)  # weight of the intervals, without doubt and in full doubt
LEAST_ODDS = (-1.0, 2.0)
TRUST = (1.0, 0.7)  # of the log odds: in noise they are too sure of themselves
COMMIT = 4  # of ENVELOPE_HZ: what is decided begins so much after a whole second, because the
# largest deflection of a QRS complex may lie so much before the middle of its envelope
SCALE = 4096.0  # odds and doubts are whole numbers of 1/4096: sums are exact
NEVER = -1e12
_CHAINS = np.arange(2) * RING
SEEN = 3  # numbers that go with a candidate and are told of a beat


@dataclass(frozen=True, slots=True, kw_only=True)
class PathsState:
    """Candidates of late with the best path to each, and the intervals of `KEPT_S`.

    Attributes
    ----------
    at : (devices, RING), in 1 / ENVELOPE_HZ since 1970, 0 in empty places
    summit_us : (devices, RING), from `at` to the largest deflection
    odds : (devices, RING), log odds as they counted
    seen : (devices, RING, SEEN), what else is told of a beat
    score, before : (devices, 2, RING), of the best path to each by chain; place of the beat
        before it, -1 for none
    filled : (devices,), number of candidates written so far, modulo `RING`
    interval : (devices, KEPT_S, PER_SECOND), bin and one, 0 in empty places
    count : (devices, BINS), of `interval`
    sure_at : (devices,), the last sure beat; spoilt : whether a doubtful one came after it
    doubt : (devices, DOUBT_S, 2), sum and number by second
    """

    at: Instants
    summit_us: Instants
    odds: Floats
    seen: Samples
    score: Floats
    before: NDArray[np.int8]
    filled: NDArray[np.int8]
    interval: NDArray[np.uint8]
    count: NDArray[np.int32]
    sure_at: Instants
    spoilt: NDArray[np.bool_]
    doubt: Floats


class Decided(NamedTuple):
    """Beats of one second that begins `COMMIT` after a whole one, by device, then by time.

    Attributes
    ----------
    t : us UTC of the largest deflection, less the phase of the samples
    odds : log odds
    seen : (beats, SEEN), as given
    doubt : (devices,), expected number of wrong verdicts in that second
    noise : (devices,), 0 to 1: how far the odds of the last seconds are in doubt
    """

    row: Rows
    t: Instants
    odds: Samples
    seen: Samples
    doubt: Samples
    noise: Samples


def init(devices: int) -> PathsState:
    """Nothing seen yet."""
    return PathsState(
        at=np.zeros((devices, RING), dtype=np.int64),
        summit_us=np.zeros((devices, RING), dtype=np.int64),
        odds=np.zeros((devices, RING)),
        seen=np.zeros((devices, RING, SEEN), dtype=np.float32),
        score=np.full((devices, 2, RING), NEVER),
        before=np.full((devices, 2, RING), -1, dtype=np.int8),
        filled=np.zeros(devices, dtype=np.int8),
        interval=np.zeros((devices, KEPT_S, PER_SECOND), dtype=np.uint8),
        count=np.zeros((devices, BINS), dtype=np.int32),
        sure_at=np.zeros(devices, dtype=np.int64),
        spoilt=np.ones(devices, dtype=np.bool_),
        doubt=np.zeros((devices, DOUBT_S, 2)),
    )


def step(
    state: PathsState,
    row: Rows,
    place: Rows,
    summit_us: Instants,
    odds: Floats,
    learning: Floats,
    seen: Samples,
    second: Instants,
) -> tuple[PathsState, Decided]:
    """Take the candidates of the second that ended `AHEAD` before the end of `second`.

    Parameters
    ----------
    row, place : as in `Candidates`
    summit_us : (candidates,), from its place to its largest deflection
    odds : (candidates,), log odds
    learning : (candidates,), log odds that choose the intervals to learn from
    seen : (candidates, SEEN), handed on with those that are beats
    second : (devices,), number of the second whose samples came last
    """
    devices = len(second)
    doubt = _doubt(state.doubt, row, odds, devices)
    of_late = doubt.sum(axis=1)
    mean_doubt = of_late[:, 0] / np.maximum(of_late[:, 1], 1) / SCALE
    noise = np.minimum(mean_doubt / DOUBT_FULL, 1.0)
    hopeful = np.flatnonzero(odds > HOPELESS)
    row, place, summit_us, odds = row[hopeful], place[hopeful], summit_us[hopeful], odds[hopeful]
    learning, seen, order = learning[hopeful], seen[hopeful], order_in_row(row)
    low, high = LEAST_ODDS
    trust = TRUST[0] + (TRUST[1] - TRUST[0]) * noise
    gain = np.rint((odds * trust[row] - (low + (high - low) * noise[row])) * SCALE)
    at = (second[row] + 1) * ENVELOPE_HZ - AHEAD - ENVELOPE_HZ + place
    usual = _usual(state.count)
    usual *= (RHYTHM[0] + (RHYTHM[1] - RHYTHM[0]) * noise)[:, None]
    log_usual = np.rint(usual * SCALE)
    changed = PathsState(
        at=state.at.copy(), summit_us=state.summit_us.copy(), odds=state.odds.copy(),
        seen=state.seen.copy(), score=state.score.copy(), before=state.before.copy(),
        filled=state.filled.copy(), interval=state.interval.copy(), count=state.count.copy(),
        sure_at=state.sure_at.copy(), spoilt=state.spoilt.copy(), doubt=doubt,
    )  # fmt: skip
    every = np.arange(devices)
    _begin_anew(changed, second)
    _forget_intervals(changed, every, second)
    slot = (state.filled[row] + order) % RING
    for mine in _in_turn(order):
        _extend(changed, row[mine], slot[mine], at[mine], gain[mine], log_usual)
    changed.summit_us[row, slot] = summit_us
    changed.odds[row, slot] = odds * trust[row]
    changed.seen[row, slot] = seen
    changed.filled[:] = (state.filled + np.bincount(row, minlength=devices)) % RING
    telling = np.flatnonzero(learning > DOUBTED)  # the others teach nothing and spoil nothing
    learned = np.zeros(devices, dtype=np.intp)
    for mine in _in_turn(order_in_row(row[telling])):
        which = telling[mine]
        _learn(changed, row[which], at[which], learning[which], second, learned)
    return changed, _decided(changed, second, noise)


def _in_turn(order: Rows) -> list[Rows]:
    """The first candidates of all devices, then the second ones, and so on."""
    return [np.flatnonzero(order == k) for k in range(int(order.max(initial=-1)) + 1)]


def _doubt(history: Floats, row: Rows, odds: Floats, devices: int) -> Floats:
    wrong = np.rint(SCALE / (1 + functions.exp(np.abs(odds))))
    newest = np.stack((np.bincount(row, wrong, devices), np.bincount(row, None, devices)), axis=1)
    return shifted(history, newest[:, None])


def _begin_anew(state: PathsState, second: Instants) -> None:
    for chain in range(2):
        fresh = second % CHAIN_S == chain * (CHAIN_S // 2)
        state.score[fresh, chain] = NEVER


def _forget_intervals(state: PathsState, every: Rows, second: Instants) -> None:
    place = second % KEPT_S
    gone = state.interval[every, place]
    which, n = np.nonzero(gone)
    np.subtract.at(state.count, (which, gone[which, n].astype(np.intp) - 1), 1)
    state.interval[every, place] = 0


def _usual(count: NDArray[np.int32]) -> Floats:
    """Logarithm of how usual each interval is, against all alike: (devices, BINS + 1)."""
    smooth = count.astype(np.float64) @ _deposit()
    total = np.maximum(count.sum(axis=1), 1)[:, None] * DEPOSIT_UNIT
    table = np.full((len(count), BINS + 1), FLOOR)
    table[:, :BINS] += (1 - FLOOR) * BINS * smooth / total
    table[count.sum(axis=1) == 0] = 1.0
    return np.asarray(functions.log(table))


def _extend(
    state: PathsState, rows: Rows, slot: Rows, at: Instants, gain: Floats, log_usual: Floats
) -> None:
    """Best path to each new candidate (one a device)."""
    apart = at[:, None] - state.at.take(rows, axis=0)
    bins = _bin_of().take(apart, mode="clip")
    bins += (rows * log_usual.shape[1])[:, None]
    step_gain = log_usual.ravel().take(bins, mode="clip")
    step_gain += _refractory().take(apart, mode="clip")
    scores = state.score.take(rows, axis=0)
    scores += step_gain[:, None]
    nearest = _nearest().take(apart, mode="clip")
    best = np.argmax(scores + nearest[:, None], axis=2)
    reached = scores.ravel().take(np.arange(best.size).reshape(best.shape) * RING + best)
    alone = reached < 0
    place = (rows * (2 * RING) + slot)[:, None] + _CHAINS
    state.score.reshape(-1)[place] = np.where(alone, 0, reached) + gain[:, None]
    state.before.reshape(-1)[place] = np.where(alone, -1, best)
    state.at.reshape(-1)[rows * RING + slot] = at


def _learn(
    state: PathsState,
    rows: Rows,
    at: Instants,
    odds: Floats,
    second: Instants,
    learned: Rows,
) -> None:
    """Keep the interval between two sure beats with nothing doubtful between them."""
    apart = at - state.sure_at[rows]
    sure = (odds > SURE) & (apart >= SHORTEST)
    good = sure & ~state.spoilt[rows] & (apart <= LONGEST) & (learned[rows] < PER_SECOND)
    at_row, which = rows[good], _bin_of()[apart[good]]
    state.interval[at_row, second[at_row] % KEPT_S, learned[at_row]] = which + 1
    state.count[at_row, which] += 1
    learned[at_row] += 1
    doubtful = (odds > DOUBTED) & (odds <= SURE)
    state.spoilt[rows] = ~sure & (state.spoilt[rows] | doubtful)
    state.sure_at[rows] = np.where(sure, at, state.sure_at[rows])


def _decided(state: PathsState, second: Instants, noise: Samples) -> Decided:
    every = np.arange(len(second))
    chain = np.where(second % CHAIN_S < CHAIN_S // 2, 1, 0)
    start = (second - 1) * ENVELOPE_HZ + COMMIT
    scores = state.score[every, chain]
    before = state.before[every, chain]
    inside = (state.at >= start[:, None]) & (state.at < start[:, None] + ENVELOPE_HZ)
    accepted = np.zeros(state.at.shape, dtype=np.bool_)
    latest = np.clip(state.at - start[:, None], 0, 4 * ENVELOPE_HZ) / SCALE  # at a tie
    # Back along the best path, with those rows that are not at its end; places in all rows.
    ats, befores, rows = state.at.ravel(), before.ravel(), every * RING
    here = rows + np.argmax(scores + latest, axis=1)
    on = np.flatnonzero((scores.ravel().take(here) > 0) & (ats.take(here) >= start))
    here, rows, start_of = here[on], rows[on], start[on]
    for _ in range(RING):
        if not len(here):
            break
        accepted.reshape(-1)[here] = True
        earlier = befores.take(here)
        there = rows + earlier
        place = ats.take(there)  # of -1: of another row, not asked
        on = np.flatnonzero((earlier >= 0) & (place < ats.take(here)) & (place >= start_of))
        here, rows, start_of = there[on], rows[on], start_of[on]
    accepted &= inside
    wrong = 1 / (1 + functions.exp(np.where(accepted, state.odds, -state.odds)))
    doubt = np.rint(np.where(inside, wrong, 0) * SCALE).sum(axis=1) / SCALE
    row, slot = np.nonzero(accepted)
    t = state.at[row, slot] * 1_000_000 // ENVELOPE_HZ + state.summit_us[row, slot]
    in_time = np.lexsort((t, row))
    row, slot, t = row[in_time], slot[in_time], t[in_time]
    return Decided(row, t, state.odds[row, slot], state.seen[row, slot], doubt, noise)


DEPOSIT_UNIT = 1024.0


@cache
def _deposit() -> Floats:
    """Each interval speaks for its neighbours too: a bell of one bin, whole numbers."""
    bins = np.arange(BINS)
    bell = np.exp(-0.5 * (bins[:, None] - bins[None, :]) ** 2.0)
    return np.asarray(np.rint(bell / bell[BINS // 2].sum() * DEPOSIT_UNIT))


@cache
def _bin_of() -> NDArray[np.intp]:
    """Bin of each interval in 1 / ENVELOPE_HZ; `BINS` beyond the longest."""
    apart = np.maximum(np.arange(LONGEST + 2), SHORTEST)
    log = np.log(apart / SHORTEST) / np.log(LONGEST / SHORTEST)
    bins = np.minimum((log * BINS).astype(np.intp), BINS - 1)
    bins[LONGEST + 1] = BINS
    return np.asarray(bins)


@cache
def _nearest() -> Floats:
    """What decides at a tie: the nearer one; scores are whole numbers."""
    return np.asarray(np.minimum(np.arange(LONGEST + 2), LONGEST) / -SCALE)


@cache
def _refractory() -> Floats:
    """What a short interval costs: all below 0.2 s, from 2 there to nothing at 0.34 s."""
    apart = np.arange(LONGEST + 2) / ENVELOPE_HZ
    cost = -2.0 * np.clip((0.34 - apart) / 0.14, 0, 1) * SCALE
    cost[:SHORTEST] = NEVER
    return np.asarray(np.rint(cost))
