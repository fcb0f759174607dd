"""The breathing rate followed over the last minute of likelihoods, with one hop of look-ahead.

A hidden Markov filter over the grid of rates, run anew over the likelihoods that are kept: it
forgets all that is older, exactly.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.respiration.likelihood import STEP_PER_MIN, rates
from services.dsp.core.windows import Floats, Instants, Samples, second_of, shifted

HOP_S = 5
HOPS = 12  # likelihoods kept: a minute
STEP_DEVIATION = 0.4  # /min a hop: breath varies by 3 to 5 % (0.6 /min at 15) within a window
LEAP = 1e-3  # chance a hop of any other rate: a sigh, speech, another person
NEAR_PER_MIN = 2.0
BLOCK = 64  # devices at once: what they take stays in the cache
EDGE_PER_MIN = 0.5  # a summit so near the lower end of the grid is the foot of something slower


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackState:
    """The last log-likelihoods, and what was told at the last hop.

    Attributes
    ----------
    likely : (devices, hops, rates)
    value, certainty : (devices,)
    """

    likely: Samples
    value: Samples
    certainty: Samples


class Tracked(NamedTuple):
    """Rate of each device (NaN: none) and how much of the belief lies within 2/min of it."""

    per_min: Samples
    certainty: Samples


def held_s(hops: int = HOPS) -> int:
    """How much older than the newest the oldest likelihood is that a told value rests on."""
    return (hops - 1) * HOP_S + HOP_S - 1


def init(devices: int, hops: int = HOPS) -> TrackState:
    """Nothing seen yet; so many likelihoods will be kept."""
    return TrackState(
        likely=np.zeros((devices, hops, len(rates())), dtype=np.float32),
        value=np.full(devices, np.nan),
        certainty=np.zeros(devices),
    )


def due(times: Instants) -> NDArray[np.intp]:
    """Rows whose second, which begins at `times`, ends on the grid of hops."""
    return np.flatnonzero((second_of(times) + 1) % HOP_S == 0)


def followed(kept: Samples, newest: Samples) -> tuple[Samples, Tracked]:
    """Take the newest log-likelihood (rows, rates); give the kept ones and the rate a hop ago."""
    kept = shifted(kept, newest[:, None].astype(np.float32))
    belief = np.full(newest.shape, 1 / newest.shape[1])
    for hop in range(kept.shape[1] - 1):
        belief = _moved(belief)
        belief *= _weights(kept[:, hop])
        belief /= belief.sum(axis=1)[:, None]
    belief = belief * _moved(_weights(kept[:, -1]))
    belief = belief / belief.sum(axis=1)[:, None]
    summit = rates()[np.argmax(belief, axis=1)]
    near = np.where(np.abs(rates()[None, :] - summit[:, None]) <= NEAR_PER_MIN, belief, 0.0)
    mass = near.sum(axis=1)
    is_summit = summit >= rates()[0] + EDGE_PER_MIN
    per_min = np.where(is_summit, (near * rates()).sum(axis=1) / mass, np.nan)
    return kept, Tracked(per_min, np.where(is_summit, mass, 0.0))


def _weights(likely: Samples) -> Samples:
    wide = likely.astype(np.float64)
    return np.asarray(functions.exp(wide - wide.max(axis=1)[:, None]))


def _moved(belief: Samples) -> Samples:
    """One hop later: a narrow Gaussian step, or a leap to anywhere."""
    kernel, n = _kernel(), belief.shape[1]
    reach = len(kernel) // 2
    padded = np.zeros((len(belief), n + 2 * reach))
    padded[:, reach:-reach] = belief
    parts = [weight * padded for weight in kernel[: reach + 1].tolist()]
    parts += parts[-2::-1]  # the bell has two like sides
    moved = parts[0][:, :n].copy()
    for shift, part in enumerate(parts[1:], 1):
        moved += part[:, shift : shift + n]
    moved *= 1 - LEAP
    moved += (LEAP * belief.sum(axis=1) / n)[:, None]
    return np.asarray(moved)


@cache
def _kernel() -> Floats:
    reach = int(np.ceil(3 * STEP_DEVIATION / STEP_PER_MIN))
    apart = np.arange(-reach, reach + 1) * STEP_PER_MIN
    bell = np.exp(-0.5 * (apart / STEP_DEVIATION) ** 2)
    return np.asarray(bell / bell.sum())


def advanced(
    state: TrackState, rows: NDArray[np.intp], newest: Samples, usable: NDArray[np.bool_]
) -> tuple[TrackState, Samples]:
    """Take the newest log-likelihood of `rows`; give the state and the rate of these rows.

    Rows that are not usable say nothing now, and forget as the others do.
    """
    likely, certainty = state.likely.copy(), state.certainty.copy()
    value = np.empty(len(rows))
    for begin in range(0, len(rows), BLOCK):
        part = slice(begin, begin + BLOCK)
        mine, is_usable = rows[part], usable[part]
        likely[mine], found = followed(state.likely[mine], newest[part])
        certainty[mine] = np.where(is_usable, found.certainty, 0.0)
        value[part] = np.where(is_usable, found.per_min, np.nan)
    return TrackState(likely=likely, value=state.value, certainty=certainty), value


def told(
    state: TrackState, rows: NDArray[np.intp], value: Samples, trust: Samples | None = None
) -> TrackState:
    """The state that goes on telling `value` of `rows` until the next hop.

    `trust`, 0 to 1, takes from the certainty what is known of the source besides.
    """
    values, certainty = state.value.copy(), state.certainty.copy()
    values[rows] = value
    if trust is not None:
        certainty[rows] *= trust
    return TrackState(likely=state.likely, value=values, certainty=certainty)
