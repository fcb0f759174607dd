"""Whether a living body is before the radar: movement, a pulse in it, and breath in one line.

Nothing moves in an empty room but noise, a curtain or somebody who passes by. A level is summed
from two things that such a movement does not have: harmonics of a pulse, and power in one
narrow line. It must be high twice running.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.radar.breath import Breath
from services.dsp.core.radar.demodulation import GRID_HZ, Chest
from services.dsp.core.radar.pulse import Pulse
from services.dsp.core.radar.segments import line_off
from services.dsp.core.windows import Samples

MOVED = 5.0  # times the noise: drift of a receiver alone comes to 3
ROUND = 0.2  # misfit above which there is no circle, only noise
LOOK_S, FIFTH = 30, 5  # five samples of the window are one fifth of a second
# RMS of the smallest breath of the requirements, 2 mm from peak to peak: 0.7 mm
SMALL_MM, BREATH_MM = 0.5, 0.8
# A narrow line counts by how long it was looked at: in 20 s a curtain often draws one too.
LINE_COUNTS = ((20.0, 30.0, 60.0), (0.0, 1.0, 2.0))
CONFIRMED = 5.2  # the highest of 668 empty rooms, twice running: 5.17 (a curtain of 0.8 mm RMS)
WHITE = 4.0  # power of the noise of samples over that of their means, were it white: 1; hum: more
LEAST_SEEN = 0.8  # of the half minute: less is no look at a room
UNREST_S = 5.0  # of quiet after a movement before it is looked at
HELD = 1.5  # enough when it was confirmed a moment ago


class Life(NamedTuple):
    """Of each device.

    Attributes
    ----------
    moved : movement of I and Q over their noise
    still : half a minute was seen in which nothing moved; noise that is not white counts as moving
    level : evidence of a living body, 0 where nothing moved
    """

    moved: Samples
    still: NDArray[np.bool_]
    level: Samples


def life(chest: Chest, breath: Breath, pulse: Pulse, iq: Samples, noise: Samples) -> Life:
    """Evidence of a living body in a window (devices, 2, n)."""
    moved = _moved(chest, iq, noise)
    line = -functions.log(np.maximum(1 - breath.concentration, 1e-3))
    line = line * np.clip((breath.mm - SMALL_MM) / (BREATH_MM - SMALL_MM), 0, 1)
    line = line * np.interp(breath.clean_s, *LINE_COUNTS)
    level = np.maximum(pulse.evidence, 0.0) + line
    unrest = breath.clean_s < UNREST_S
    there = ((moved > MOVED) | unrest) & (chest.misfit < ROUND)
    return Life(moved, _stands_still(iq, noise), np.where(there, level, 0.0))


def present(levels: Samples) -> NDArray[np.bool_]:
    """Whether somebody is there, by the levels of the last hops (devices, hops), newest last."""
    high = levels >= CONFIRMED
    confirmed = (high[:, 1:] & high[:, :-1]).any(axis=1)
    return np.asarray(confirmed & (levels[:, -1] >= HELD))


def _moved(chest: Chest, iq: Samples, noise: Samples) -> Samples:
    """RMS of the clean movement over half a minute, without lines, over the noise of a mean."""
    means = _fifths(iq)
    n = iq.shape[2]
    begin = np.maximum(chest.begin - (n - LOOK_S * GRID_HZ), 0) / FIFTH
    inside = np.asarray(np.isfinite(means).all(axis=1)) & (
        np.arange(means.shape[2]) >= begin[:, None]
    )
    power = _power(means, inside)
    floor = noise * noise / FIFTH
    return np.asarray(np.sqrt(power / np.where(floor > 0, floor, np.inf)))


def _stands_still(iq: Samples, noise: Samples) -> NDArray[np.bool_]:
    """Whether nothing moved for half a minute, clean or not, and nearly all of it was seen.

    Hum and saturation raise the noise of samples, and a chest may be less than that: so the
    movement must be small beside the noise of the means too.
    """
    means = _fifths(iq)
    seen = np.asarray(np.isfinite(means).all(axis=1))
    rough = np.diff(means, n=3, axis=2)
    known = np.isfinite(rough)
    squares = np.where(known, rough * rough, 0.0).sum(axis=2).sum(axis=1)
    low = squares / np.maximum(known.sum(axis=2).sum(axis=1), 1) / 20  # 1 + 9 + 9 + 1
    floor = np.minimum(noise * noise / FIFTH, low)
    is_white = noise * noise / FIFTH <= WHITE * low
    is_small = _power(means, seen) <= MOVED * MOVED * floor
    return np.asarray(is_white & is_small & (seen.mean(axis=1) >= LEAST_SEEN))


def _fifths(iq: Samples) -> Samples:
    """Means of a fifth of a second of the last half minute."""
    return np.asarray(iq[:, :, -LOOK_S * GRID_HZ :].reshape(len(iq), 2, -1, FIFTH).mean(axis=3))


def _power(means: Samples, inside: NDArray[np.bool_]) -> Samples:
    """Mean square of a channel without its line."""
    power = np.zeros(len(means))
    for channel in (0, 1):
        flat = line_off(means[:, channel], inside)
        power += (flat * flat).sum(axis=1)
    return np.asarray(power / np.maximum(inside.sum(axis=1), 1) / 2)
