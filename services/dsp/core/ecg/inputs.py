"""What is no ECG in the samples of a second: stretches at the end of the range, pacemaker spikes.

An amplifier at the end of its range gives one value again and again: such a second is missing, not
flat. The spike of a pacemaker lasts 0.5 to 2 ms, as seen through the filters of a device some 8 ms:
shorter than any complex, and often taller. It is cut off, where it is taller than half of what is
left without it; the complex after it is a beat as any other. Nothing is kept from second to
second. Hot path: what nearly no row needs is only done for the rows that need it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.windows import Floats, Samples

AT_END = 0.2  # share of a second at the largest or the smallest value that is no body
FINE = 100  # steps in the range of a second, or a signal of few steps rests at one value too
SPIKE_S = 0.008
LEAST_HZ = 200
SUDDEN = 0.4  # of the range of the second, from one sample to the next: then there may be a spike
TALL = 0.5  # of the range without it
MOST = 5  # spikes a second: two chambers at 150 a minute; what has more is noise or mains


class Cleaned(NamedTuple):
    """Samples (rows, rate_hz), and which rows were at an end of the range or had spikes."""

    samples: Samples
    clipped: NDArray[np.bool_]
    spiked: NDArray[np.bool_]


def cleaned(samples: Samples) -> Cleaned:
    """The same samples, missing where clipped, without spikes."""
    rows, rate_hz = samples.shape
    size = samples.max(axis=1) - samples.min(axis=1)  # NaN where a sample is missing: left as it is
    steps = samples[:, 1:] - samples[:, :-1]
    clipped, spiked = np.zeros(rows, dtype=np.bool_), np.zeros(rows, dtype=np.bool_)
    resting = 1 + (steps == 0).astype(np.float32).sum(axis=1)  # whole numbers: exact
    for row in np.flatnonzero((resting >= AT_END * rate_hz / 2) & (size > 0)).tolist():
        clipped[row] = _is_clipped(samples[row], float(size[row]))
    asked = np.empty(0, dtype=np.intp)
    if rate_hz >= LEAST_HZ:  # below, a spike is as wide as a complex
        largest = np.maximum(steps.max(axis=1), -steps.min(axis=1))
        asked = np.flatnonzero((largest > SUDDEN * size) & ~clipped)
    if not len(asked) and not clipped.any():
        return Cleaned(samples, clipped, spiked)
    changed = samples.copy()
    changed[clipped] = np.nan
    changed[asked], spiked[asked] = _without_spikes(samples[asked])
    return Cleaned(changed, clipped, spiked)


def _is_clipped(samples: Samples, size: float) -> bool:
    """Whether much of a second lies at an end of its range, and not for want of finer steps."""
    at_end = max((samples == samples.max()).sum(), (samples == samples.min()).sum())
    steps = np.abs(np.diff(samples))
    smallest = float(steps[steps > 0].min())
    from_end_to_end = 2 * smallest > size
    return bool(at_end >= AT_END * len(samples) and (size >= FINE * smallest or from_end_to_end))


def _without_spikes(samples: Samples) -> tuple[Samples, NDArray[np.bool_]]:
    """What is wider than a spike: an opening and a closing, taken where they change much."""
    width = int(SPIKE_S * samples.shape[1]) + 1
    without = _closed(-_closed(-np.asarray(samples, dtype=np.float64), width), width)
    size = without.max(axis=1, keepdims=True) - without.min(axis=1, keepdims=True)
    height = np.abs(samples - without) / np.maximum(size, 1e-9)
    few = (height > TALL / 2).sum(axis=1, keepdims=True) <= MOST * width
    is_spike = few & (height > TALL)
    return np.where(is_spike, without, samples), np.asarray(is_spike.any(axis=1))


def _closed(samples: Floats, width: int) -> Floats:
    """Without dips that are narrower than `width` samples."""
    edge = np.full((len(samples), width - 1), -np.inf)
    dilated = np.concatenate((edge, samples, edge), axis=1)
    for _ in range(width - 1):
        dilated = np.maximum(dilated[:, :-1], dilated[:, 1:])
    for _ in range(width - 1):
        dilated = np.minimum(dilated[:, :-1], dilated[:, 1:])
    return dilated
