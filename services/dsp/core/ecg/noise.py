"""What disturbs an ECG, by name: wander of the baseline, muscle, mains, motion of the electrodes,
the end of the range, and the spikes of a pacemaker.

Each second is measured between the complexes (by medians, which a complex of a tenth of a second
does not move) and against the height of the complexes: gain and unit do not matter. Each kind
votes by the medians of the last ten seconds; the last vote of half a minute counts, so that a kind
begins and ends once, and nothing is remembered for longer.

Muscle is broad, motion of electrodes lies where the complexes and T waves lie: they are told apart
by the height at 30 Hz against that at 7 Hz. Of two leads the better one counts, as for the beats.

References
----------
Moody, Muldrow and Mark 1984, Computers in Cardiology 11:381 (the three kinds of noise of the noise
stress test); Clifford, Azuaje and McSharry 2006, ch. 3 (their bands).
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered
from services.dsp.core.ecg.bands import ENVELOPE_HZ, MAINS_HZ
from services.dsp.core.ecg.candidates import CandidatesState
from services.dsp.core.ecg.inputs import Cleaned
from services.dsp.core.outputs import Finding
from services.dsp.core.windows import SECOND_US, Floats, Instants, Samples, present, shifted
from shared.contracts.events import EventKind, Severity

WINDOW_S = 10
KNOWN_S = 6  # of them with samples, or nothing is said
VOTES_S = 30
MEMORY_S = WINDOW_S + VOTES_S + 2
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

_TOP, _QRS, _AT_7, _AT_30, _LEVEL, _MAINS, _CLIPPED, _SPIKED = range(8)
_MEASURED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseState:
    """What was measured of each second, and the votes: 1 begun, -1 ended, 0 unknown.

    Attributes
    ----------
    seen : (devices, leads, WINDOW_S, _MEASURED), NaN where samples were missing
    votes : (devices, VOTES_S + 1, len(KINDS))
    """

    seen: Samples
    votes: NDArray[np.int8]


def init(devices: int, n_leads: int = 1) -> NoiseState:
    """Nothing seen yet."""
    return NoiseState(
        seen=np.full((devices, n_leads, WINDOW_S, _MEASURED), np.nan, dtype=np.float32),
        votes=np.zeros((devices, VOTES_S + 1, len(KINDS)), dtype=np.int8),
    )


def step(
    state: NoiseState, candidates: CandidatesState, rows: Cleaned, times: Instants
) -> tuple[NoiseState, list[Finding]]:
    """Take one second of all leads, (devices x leads, rate_hz); tell what begins or ends.

    Parameters
    ----------
    candidates : what the search for beats has made of the same second
    """
    devices, n_leads = state.seen.shape[:2]
    newest = _measured(candidates, rows)
    seen = np.concatenate((state.seen[:, :, 1:], newest.reshape(devices, n_leads, 1, -1)), axis=2)
    vote = votes_of(ratios(seen))
    changed = NoiseState(seen=seen, votes=shifted(state.votes, vote[:, None]))
    was, is_now = _standing(state.votes[:, 1:]), _standing(changed.votes[:, 1:])
    found = []
    for row, kind in zip(*np.nonzero(was != is_now), strict=True):
        t = (int(times[row]) + SECOND_US // 2) // SECOND_US * SECOND_US + SECOND_US
        has_ended = not is_now[row, kind]
        severity = Severity.INFO if has_ended else Severity.LOW
        name = KINDS[kind].value
        found.append(Finding(int(row), EventKind.SIGNAL_NOISE, t, name, has_ended, severity))
    return changed, found


def _measured(candidates: CandidatesState, cleaned: Cleaned) -> Samples:
    """(rows, _MEASURED): largest and median QRS envelope, medians at 7 and 30 Hz, and so on."""
    rows = cleaned.samples
    envelopes = candidates.envelopes[..., -ENVELOPE_HZ:].reshape(len(rows), -1, ENVELOPE_HZ)
    qrs = candidates.qrs[..., -ENVELOPE_HZ:].reshape(len(rows), ENVELOPE_HZ)
    told = np.empty((len(rows), _MEASURED), dtype=np.float32)
    told[:, _CLIPPED], told[:, _SPIKED] = cleaned.clipped, cleaned.spiked
    told[:, _TOP] = qrs.max(axis=1)
    middle = np.stack((qrs, envelopes[:, 1], envelopes[:, 4]))
    told[:, _QRS : _AT_30 + 1] = np.partition(middle, ENVELOPE_HZ // 2, axis=2)[
        :, :, ENVELOPE_HZ // 2
    ].T
    offset = present(rows[:, :1])
    lines = filtered(rows - offset, _lines(rows.shape[1]))
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


def ratios(seen: Samples) -> Samples:
    """Each kind of noise against the height of the complexes: (devices, len(KINDS)).

    NaN where too little was seen. Of two leads the one that is disturbed less by each kind.
    """
    known = np.isfinite(seen[..., _TOP]).sum(axis=-1) >= KNOWN_S
    ordered = np.sort(seen, axis=2)  # NaN last
    n = np.isfinite(seen).sum(axis=2)
    middle = _at(ordered, n, 0.5)
    height = np.maximum(_at(ordered, n, HEIGHT_SHARE)[..., _TOP], 1e-9)
    lowest, highest = ordered[:, :, 0, _LEVEL], _at(ordered, n, 1.0)[..., _LEVEL]
    is_broad = middle[..., _AT_30] > BROAD * middle[..., _AT_7]
    parts = np.stack(
        (
            highest - lowest,
            np.where(is_broad, middle[..., _AT_30], 0),
            middle[..., _MAINS],
            np.where(is_broad, 0, middle[..., _QRS]),
        ),
        axis=-1,
    )
    of_leads = np.where(known[..., None], parts / height[..., None], np.inf)
    best = of_leads.min(axis=1)
    shares = present(seen[..., _CLIPPED:]).sum(axis=2) / WINDOW_S
    told = np.stack((shares[..., 0].min(axis=1), shares[..., 1].max(axis=1)), axis=1)
    told[~known.any(axis=1)[:, None] & (told == 0)] = np.nan
    both = np.concatenate((best, told), axis=1)
    return np.where(np.isfinite(both), both, np.nan)


def _at(ordered: Samples, n: NDArray[np.intp], share: float) -> Samples:
    place = np.clip((share * n).astype(np.intp), 0, np.maximum(n - 1, 0))
    return np.asarray(np.take_along_axis(ordered, place[:, :, None], axis=2)[:, :, 0])


def votes_of(ratio: Samples) -> NDArray[np.int8]:
    """1 where a kind of noise is there, -1 where it is not, 0 between and where unknown."""
    begin, end = np.array(LIMITS).T
    return np.asarray((ratio > begin).astype(np.int8) - (ratio < end).astype(np.int8))


def _standing(votes: NDArray[np.int8]) -> NDArray[np.bool_]:
    backwards = votes[:, ::-1]
    last = np.argmax(backwards != 0, axis=1)
    return np.asarray(np.take_along_axis(backwards, last[:, None], axis=1)[:, 0] > 0)
