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
UNREST_S = 5.0  # of quiet after a movement before it is looked at
HELD = 1.5  # enough when it was confirmed a moment ago


class Life(NamedTuple):
    """Of each device.

    Attributes
    ----------
    moved : movement of I and Q over their noise
    level : evidence of a living body, 0 where nothing moved
    """

    moved: Samples
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
    return Life(moved, np.where(there, level, 0.0))


def present(levels: Samples) -> NDArray[np.bool_]:
    """Whether somebody is there, by the levels of the last hops (devices, hops), newest last."""
    high = levels >= CONFIRMED
    confirmed = (high[:, 1:] & high[:, :-1]).any(axis=1)
    return np.asarray(confirmed & (levels[:, -1] >= HELD))


def _moved(chest: Chest, iq: Samples, noise: Samples) -> Samples:
    """RMS of the clean movement over half a minute, without lines, over the noise of a mean."""
    means = iq[:, :, -LOOK_S * GRID_HZ :].reshape(len(iq), 2, -1, FIFTH).mean(axis=3)
    n = iq.shape[2]
    begin = np.maximum(chest.begin - (n - LOOK_S * GRID_HZ), 0) / FIFTH
    inside = np.isfinite(means).all(axis=1) & (np.arange(means.shape[2]) >= begin[:, None])
    power = np.zeros(len(iq))
    for channel in (0, 1):
        flat = line_off(means[:, channel], inside)
        power += (flat * flat).sum(axis=1)
    count = np.maximum(inside.sum(axis=1), 1)
    floor = noise * noise / FIFTH
    return np.asarray(np.sqrt(power / count / 2 / np.where(floor > 0, floor, np.inf)))
