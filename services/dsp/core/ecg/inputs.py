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
LEAST_HZ = 200  # below, a spike is as wide as a complex
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
    high, low = samples.max(axis=1, keepdims=True), samples.min(axis=1, keepdims=True)
    size = high - low  # NaN where a sample is missing: such seconds stay as they are
    clipped, spiked = np.zeros(rows, dtype=np.bool_), np.zeros(rows, dtype=np.bool_)
    resting = np.maximum((samples == high).sum(axis=1), (samples == low).sum(axis=1))
    asked = np.flatnonzero((resting >= AT_END * rate_hz) & (size[:, 0] > 0))
    clipped[asked] = _is_fine(samples[asked], size[asked, 0])
    if rate_hz >= LEAST_HZ:
        largest_step = np.abs(np.diff(samples, axis=1)).max(axis=1)
        asked = np.flatnonzero((largest_step > SUDDEN * size[:, 0]) & ~clipped)
    else:
        asked = np.empty(0, dtype=np.intp)
    if not len(asked) and not clipped.any():
        return Cleaned(samples, clipped, spiked)
    changed = samples.copy()
    changed[clipped] = np.nan
    changed[asked], spiked[asked] = _without_spikes(samples[asked])
    return Cleaned(changed, clipped, spiked)


def _is_fine(samples: Samples, size: Samples) -> NDArray[np.bool_]:
    """Whether a value that comes again and again is no sign of few steps."""
    steps = np.abs(np.diff(samples, axis=1))
    smallest = np.where(steps > 0, steps, np.inf).min(axis=1)
    from_end_to_end = 2 * smallest > size
    return np.asarray((size >= FINE * smallest) | from_end_to_end)


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
    padded = np.concatenate((edge, samples, edge), axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)
    dilated = windows.max(axis=2)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(dilated, width, axis=1).min(axis=2))
