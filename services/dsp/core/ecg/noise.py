"""What disturbs an ECG, by name: wander of the baseline, muscle, mains, motion of the electrodes,
the end of the range, and the spikes of a pacemaker.

Every other second is measured between the complexes (by medians, which a complex of a tenth of a
second does not move) and against the height of the complexes: gain and unit do not matter. Each
kind votes by the medians of the last ten seconds; the last vote of half a minute counts, so that a
kind begins and ends once, and nothing is remembered for longer.

Muscle is broad, motion of electrodes lies where the complexes and T waves lie: they are told apart
by the height at 30 Hz against that at 7 Hz. Of two leads the better one counts, as for the beats.

References
----------
Moody, Muldrow and Mark 1984, Computers in Cardiology 11:381 (the three kinds of noise of the noise
stress test); Clifford, Azuaje and McSharry 2006, ch. 3 (their bands).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered
from services.dsp.core.ecg.bands import CENTRES_HZ, ENVELOPE_HZ, MAINS_HZ
from services.dsp.core.ecg.candidates import CandidatesState
from services.dsp.core.ecg.inputs import Cleaned
from services.dsp.core.outputs import Finding
from services.dsp.core.windows import (
    SECOND_US,
    Floats,
    Instants,
    Rows,
    Samples,
    present,
    second_of,
    shifted,
)
from shared.contracts.events import EventKind, Severity

WINDOW_S, HOP_S = 10, 2
HOPS = WINDOW_S // HOP_S
KNOWN = 3  # of them with samples, or nothing is said
VOTES_S = 30
HEIGHT_SHARE = (
    0.75  # quantile of the largest envelope of each second: a slow heart, an ectopic beat
)
SIDE_HZ = 5  # from the mains, where it is not: two bins of a Hann window are its own
STANDS_OUT = 3.0  # times as high as on both sides of it
NEAREST = 0.48  # of the rate: what lies above is not seen


class Noise(StrEnum):
    """Names of what disturbs."""

    WANDER = "baseline_wander"
    MUSCLE = "muscle"
    MAINS = "mains"
    MOTION = "electrode_motion"
    CLIPPED = "clipped"
    PACEMAKER = "pacemaker"


KINDS = tuple(Noise)
# Shares of the height of the complexes, then of the seconds: to begin and to end, by kind.
# The first four lie above what 15 clean records show between 280 and 420 s, but for two that wander
# (docs/science/ecg.md).
LIMITS = ((1.5, 1.0), (0.08, 0.06), (0.10, 0.07), (0.21, 0.17), (0.05, 0.05), (0.25, 0.05))
BROAD = 0.5  # height at 30 Hz against 7 Hz from which it is muscle rather than motion

LOWEST_BETWEEN = 0.01  # of the height of the complexes: less says nothing more

_TOP, _QRS, _AT_7, _AT_30, _LEVEL, _MAINS = range(6)
_MEASURED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseState:
    """What was measured in every other second, and the votes: 1 begun, -1 ended, 0 unknown.

    Attributes
    ----------
    seen : (devices, leads, _MEASURED, HOPS), NaN where samples were missing
    flags : (devices, leads, 2, WINDOW_S), seconds that were clipped, and that had spikes
    votes : (devices, VOTES_S / HOP_S + 1, len(KINDS))
    """

    seen: Samples
    flags: NDArray[np.bool_]
    votes: NDArray[np.int8]


def init(devices: int, n_leads: int = 1) -> NoiseState:
    """Nothing seen yet."""
    return NoiseState(
        seen=np.full((devices, n_leads, _MEASURED, HOPS), np.nan, dtype=np.float32),
        flags=np.zeros((devices, n_leads, 2, WINDOW_S), dtype=np.bool_),
        votes=np.zeros((devices, VOTES_S // HOP_S + 1, len(KINDS)), dtype=np.int8),
    )


def step(
    state: NoiseState, candidates: CandidatesState, cleaned: Cleaned, times: Instants
) -> tuple[NoiseState, list[Finding]]:
    """Take one second of all leads, (devices x leads, rate_hz); tell what begins or ends.

    Parameters
    ----------
    candidates : what the search for beats has made of the same second
    """
    devices, n_leads = state.seen.shape[:2]
    newest = np.stack((cleaned.clipped, cleaned.spiked), axis=1).reshape(devices, n_leads, 2, 1)
    flags = np.concatenate((state.flags[..., 1:], newest), axis=3)
    due = np.flatnonzero(second_of(times) % HOP_S == 0)
    if not len(due):
        return replace(state, flags=flags), []
    seen, votes = state.seen.copy(), state.votes.copy()
    rows = (due[:, None] * n_leads + np.arange(n_leads)).ravel()
    measured = _measured(candidates, cleaned.samples, rows).reshape(len(due), n_leads, _MEASURED, 1)
    seen[due] = np.concatenate((seen[due][..., 1:], measured), axis=3)
    vote = votes_of(ratios(seen[due], flags[due]))
    before, votes[due] = votes[due], shifted(votes[due], vote[:, None])
    was, is_now = _standing(before[:, 1:]), _standing(votes[due][:, 1:])
    found = []
    for place, kind in zip(*np.nonzero(was != is_now), strict=True):
        row = int(due[place])
        t = (int(times[row]) + SECOND_US // 2) // SECOND_US * SECOND_US + SECOND_US
        has_ended = not is_now[place, kind]
        severity = Severity.INFO if has_ended else Severity.LOW
        name = KINDS[kind].value
        found.append(Finding(row, EventKind.SIGNAL_NOISE, t, name, has_ended, severity))
    return NoiseState(seen=seen, flags=flags, votes=votes), found


def _measured(candidates: CandidatesState, samples: Samples, rows: Rows) -> Samples:
    """(rows, _MEASURED): largest and median QRS envelope, medians at 7 and 30 Hz, and so on."""
    envelopes = candidates.envelopes.reshape(len(samples), len(CENTRES_HZ), -1)
    qrs = candidates.qrs.reshape(len(samples), -1)[rows, -ENVELOPE_HZ:]
    newest = slice(-ENVELOPE_HZ, None)
    middle = np.stack((qrs, envelopes[rows, 1, newest], envelopes[rows, 4, newest]))
    middle.partition(ENVELOPE_HZ // 2, axis=2)
    told = np.empty((len(rows), _MEASURED), dtype=np.float32)
    told[:, _TOP] = qrs.max(axis=1)
    told[:, _QRS : _AT_30 + 1] = middle[:, :, ENVELOPE_HZ // 2].T
    mine = samples[rows]
    offset = present(mine[:, :1])
    lines = filtered(mine - offset, _lines(mine.shape[1]))
    told[:, _LEVEL] = lines[:, 0] + offset[:, 0]
    parts = lines[:, 1:].reshape(len(rows), len(MAINS_HZ), 3, 2)
    below, on, above = np.sqrt((parts**2).sum(axis=3)).transpose(2, 0, 1)
    stands_out = on > STANDS_OUT * np.maximum(below, above)
    told[:, _MAINS] = np.where(stands_out, on, 0).max(axis=1)
    return told


@lru_cache(maxsize=64)
def _lines(rate_hz: int) -> FilterBank:
    """Mean of a second, and its cosine and sine below, on and above 50 and 60 Hz."""
    t = np.arange(rate_hz) / rate_hz
    hann = np.hanning(rate_hz + 1)[:-1]
    columns: list[Floats] = [np.full(rate_hz, 1 / rate_hz)]
    for mains in MAINS_HZ:
        for hz in (mains - SIDE_HZ, mains, mains + SIDE_HZ):
            is_seen = mains < NEAREST * rate_hz and hz < NEAREST * rate_hz
            for wave in (np.cos, np.sin):
                kernel = hann * wave(2 * np.pi * hz * t) * (2 / hann.sum())
                columns.append(kernel if is_seen else np.zeros(rate_hz))
    return filter_bank(np.stack(columns, axis=1))


def ratios(seen: Samples, flags: NDArray[np.bool_]) -> Samples:
    """Each kind of noise, as `LIMITS` has it: (devices, len(KINDS)).

    NaN where too little was seen. Of two leads the one that is disturbed less.
    """
    ordered = np.sort(seen, axis=3)  # NaN last
    n = np.isfinite(seen).sum(axis=3)
    known = n[:, :, _TOP] >= KNOWN
    middle = _at(ordered, n, 0.5)
    height = np.maximum(_at(ordered, n, HEIGHT_SHARE)[:, :, _TOP], 1e-9)
    drift = _at(ordered, n, 1.0)[:, :, _LEVEL] - ordered[:, :, _LEVEL, 0]
    is_broad = middle[:, :, _AT_30] > BROAD * middle[:, :, _AT_7]
    parts = np.stack(
        (
            drift,
            np.where(is_broad, middle[:, :, _AT_30], 0),
            middle[:, :, _MAINS],
            np.where(is_broad, 0, middle[:, :, _QRS]),
        ),
        axis=2,
    )
    best = np.where(known[:, :, None], parts / height[:, :, None], np.inf).min(axis=1)
    clipped, spiked = flags.sum(axis=3).transpose(2, 0, 1) / WINDOW_S
    told = np.column_stack((best, clipped.min(axis=1), spiked.max(axis=1)))
    told[~known.any(axis=1) & (told[:, -2] == 0)] = np.nan
    return np.where(np.isfinite(told), told, np.nan)


def between(state: NoiseState) -> Samples:
    """Logarithms of how high it is between the complexes, against them: (devices, 2).

    The QRS bands, where electrodes that move are, and 30 Hz, where muscle is: medians of what was
    measured in the last `WINDOW_S`, of two leads the lower. As high (0) where nothing was.
    """
    seen = state.seen[:, :, : _AT_30 + 1]
    ordered = np.sort(seen, axis=3)  # NaN last
    n = np.isfinite(seen).sum(axis=3)
    height = np.maximum(_at(ordered, n, HEIGHT_SHARE)[:, :, _TOP], 1e-9)
    share = _at(ordered, n, 0.5)[:, :, [_QRS, _AT_30]] / height[:, :, None]
    best = np.where(n[:, :, [_QRS, _AT_30]] > 0, share, 1).min(axis=1)
    return functions.log(np.clip(best, LOWEST_BETWEEN, 1))


def _at(ordered: Samples, n: NDArray[np.intp], share: float) -> Samples:
    place = np.clip((share * n).astype(np.intp), 0, np.maximum(n - 1, 0))
    rows = np.arange(place.size).reshape(place.shape)
    return np.asarray(ordered.ravel().take(rows * ordered.shape[3] + place))


def votes_of(ratio: Samples) -> NDArray[np.int8]:
    """1 where a kind of noise is there, -1 where it is not, 0 between and where unknown."""
    begin, end = np.array(LIMITS).T
    return np.asarray((ratio > begin).astype(np.int8) - (ratio < end).astype(np.int8))


def _standing(votes: NDArray[np.int8]) -> NDArray[np.bool_]:
    rows, length, kinds = votes.shape
    last = length - 1 - np.argmax(votes[:, ::-1] != 0, axis=1)
    return np.asarray(votes[np.arange(rows)[:, None], last, np.arange(kinds)] > 0)
