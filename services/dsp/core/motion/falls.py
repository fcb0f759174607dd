"""Falls from one accelerometer, at the waist or in a pocket, six seconds after the impact.

Each second asks of the second five seconds ago whether the strongest moment of the seconds
around stood in it: an impact. What was before, during and after it goes to a small network. None is
a sensor that jumps from one value to another, or that feels no gravity once it is still.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.resampling import Resampler, ResamplerState
from services.dsp.core.motion import alive
from services.dsp.core.motion.fall_features import (
    AFTER_S,
    BEFORE_S,
    GRID_HZ,
    IMPACT,
    WINDOW,
    features,
)
from services.dsp.core.motion.fall_network import FallNetwork, probability
from services.dsp.core.motion.wearing import possible
from services.dsp.core.outputs import Finding, Output
from services.dsp.core.windows import SECOND_US, Floats, Instants, Rows, Samples, second_of, shifted
from shared.contracts.events import EventKind, Severity

N_CHANNELS = 3
RESAMPLING_DELAY = 5  # of GRID_HZ
CUT_HZ = 4.0
IMPACT_G = 1.3  # a step reaches it: what is below has shaken nobody
AROUND = 15  # samples either side in which an impact is the strongest: one in a second and a half
SMOOTH = 2  # samples either side
WAIT_S = AFTER_S + 1
LENGTH = (BEFORE_S + WAIT_S) * GRID_HZ
# Seconds of samples, the resampling among them: those before an impact and those after it.
SECONDS = BEFORE_S + WAIT_S + 1
BEFORE, AFTER = slice(0, BEFORE_S), slice(BEFORE_S + 2, SECONDS)
HELD_S = 2  # of one value before or after it: no sensor with fine steps does so twice by chance
LATE = slice(IMPACT + 3 * GRID_HZ, IMPACT + 5 * GRID_HZ)  # as the numbers of the network
OFF_G = 0.4  # of the mean size then
# Probability from which an impact counts as a fall. Nets learn from falls and others weighed alike:
# half would be in between. Chosen by people not seen. docs/science/motion.md
SURE_AT_WAIST, SURE_IN_POCKET = 0.6, 0.8
MEMORY_S = LENGTH // GRID_HZ + 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FallState:
    """What is remembered of each device.

    Attributes
    ----------
    tail : of the resampler, (devices, 3, n)
    window : the last seconds at GRID_HZ, (devices, 3, LENGTH)
    held : whether each of the last seconds had one value, (devices, SECONDS)
    finest : the smallest change in each, (devices, SECONDS)
    """

    tail: Samples
    window: Samples
    held: NDArray[np.bool_]
    finest: Samples


class Impacts(NamedTuple):
    """Impacts that stood in one second: device, sample of that second, what was around, numbers."""

    row: Rows
    sample: Rows
    around: Floats
    numbers: Floats


def init(devices: int, rate_hz: int) -> FallState:
    """Nothing seen yet."""
    tail = _resampler(rate_hz).init(1).tail.shape[1]
    return FallState(
        tail=np.full((devices, N_CHANNELS, tail), np.nan),
        window=np.full((devices, N_CHANNELS, LENGTH), np.nan),
        held=np.zeros((devices, SECONDS), dtype=np.bool_),
        finest=np.full((devices, SECONDS), np.inf),
    )


def step(
    state: FallState, samples: Samples, times: Instants, *, network: FallNetwork, sure: float
) -> tuple[FallState, Output]:
    """Take one second of (devices, 3, rate_hz) in g; tell falls."""
    rate_hz = samples.shape[2]
    changed, found = impacts(state, samples)
    probable = probability(network, found.numbers)
    late_us = WAIT_S * SECOND_US + (0 if rate_hz == GRID_HZ else _late_us())
    begin = (second_of(times) + 1) * SECOND_US - late_us
    findings = [
        Finding(
            row=int(row),
            kind=EventKind.FALL,
            t=int(begin[row] + sample * SECOND_US // GRID_HZ),
            severity=Severity.HIGH,
            data={"confidence": round(float(confidence), 3)},
        )
        for row, sample, confidence in zip(found.row, found.sample, probable, strict=True)
        if confidence >= sure
    ]
    return changed, Output((), findings=findings)


def impacts(state: FallState, samples: Samples) -> tuple[FallState, Impacts]:
    """The state after a second, and the impacts of the second that is asked now."""
    devices, _, rate_hz = samples.shape
    tail, newest = state.tail, possible(samples)
    held = shifted(state.held, alive.is_held(newest)[:, None])
    finest = shifted(state.finest, alive.finest(newest)[:, None])
    if rate_hz != GRID_HZ:
        flat = ResamplerState(tail=tail.reshape(devices * N_CHANNELS, -1))
        flat, brought = _resampler(rate_hz).step(flat, newest.reshape(-1, rate_hz))
        tail = flat.tail.reshape(devices, N_CHANNELS, -1)
        newest = brought.reshape(devices, N_CHANNELS, GRID_HZ)
    window = np.concatenate((state.window[:, :, GRID_HZ:], newest), axis=2)
    changed = FallState(tail=tail, window=window, held=held, finest=finest)
    size = np.sqrt((window * window).sum(axis=1))
    size = np.where(np.isnan(size), 1.0, size)
    strength = _around((size - 1) ** 2)
    asked = slice(IMPACT, IMPACT + GRID_HZ)
    sample = strength[:, asked].argmax(axis=1)
    rows = np.arange(devices)
    at = IMPACT + sample
    reach = at[:, None] + np.arange(-AROUND, AROUND + 1)
    strongest = strength[rows, at] >= strength[rows[:, None], reach].max(axis=1)
    row = np.flatnonzero(strongest & _hit(size, at) & ~_jumped(held, finest))
    place = at[row, None] + np.arange(WINDOW) - IMPACT
    around = window[row[:, None, None], np.arange(N_CHANNELS)[None, :, None], place[:, None]]
    weighs = _weighs(around)
    row, around = row[weighs], around[weighs]
    return changed, Impacts(row, sample[row], around, features(around))


def _jumped(held: NDArray[np.bool_], finest: Samples) -> NDArray[np.bool_]:
    """Whether the sensor had one value before the asked second, or after it: (devices,).

    A sensor with coarse steps may: of one that lies still that says nothing.
    """
    smallest = finest.min(axis=1)
    is_stuck = (held[:, BEFORE].sum(axis=1) >= HELD_S) | (held[:, AFTER].sum(axis=1) >= HELD_S)
    return np.asarray(is_stuck & ((smallest <= alive.FINE_G) | np.isinf(smallest)))


def _weighs(around: Floats) -> NDArray[np.bool_]:
    """Whether gravity is felt some seconds after an impact; where nothing is known it may be."""
    size = np.sqrt((around[:, :, LATE] ** 2).sum(axis=1))
    seen = np.isfinite(size).sum(axis=1)
    mean = np.where(seen > 0, np.nan_to_num(size).sum(axis=1) / np.maximum(seen, 1), 1.0)
    return np.asarray(np.abs(mean - 1) <= OFF_G)


def _around(energy: Floats) -> Floats:
    """Sum over SMOOTH samples either side, 0 beyond the ends."""
    n = energy.shape[1]
    padded = np.pad(energy, ((0, 0), (SMOOTH, SMOOTH)))
    near = np.stack([padded[:, k : k + n] for k in range(2 * SMOOTH + 1)])
    return np.asarray(near.sum(axis=0))


def _hit(size: Floats, at: Rows) -> Floats:
    """Whether the size rose above IMPACT_G about a sample (rows,)."""
    reach = at[:, None] + np.arange(-SMOOTH, SMOOTH + 1)
    return np.asarray(size[np.arange(len(at))[:, None], reach].max(axis=1) > IMPACT_G)


def _resampler(rate_hz: int) -> Resampler:
    cut_hz = min(CUT_HZ, 0.45 * rate_hz)
    return Resampler(rate_hz=rate_hz, to_hz=GRID_HZ, delay=RESAMPLING_DELAY, cut_hz=cut_hz)


def _late_us() -> int:
    return RESAMPLING_DELAY * SECOND_US // GRID_HZ
