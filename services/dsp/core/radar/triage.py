"""What START asks: breathing, above 30 a minute, pulse; within 15 s, each with its confidence.

These do not wait until presence is confirmed, so they may be wrong where something else moves;
their confidence says how far. A moving body, an empty place and too short a look have no answer.
That there is no pulse is only said of a chest at rest: a breath can hide one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.radar.breath import LEAST_S, Breath
from services.dsp.core.radar.presence import HELD, Life
from services.dsp.core.radar.pulse import Pulse
from services.dsp.core.windows import Samples

MINUTE_S = 60
FAST_PER_MIN = 30.0  # START: above 30 a minute is immediate, 30 itself is not
AT_THRESHOLD = ((0.0, 2.0, 4.0), (0.55, 0.8, 1.0))  # 28 to 32 is marked on the sheet
BREATH_MM = 0.35  # half the RMS of the smallest breath of the requirements
PULSE_EVIDENCE, NO_PULSE_EVIDENCE = 3.0, 1.0
# Confidence: a curtain has 0.3 to 0.9 of its power in one line and evidence of 0 to 3; see
# docs/science/radar.md for the share of right answers.
LINE = ((0.5, 0.7, 0.9, 0.95), (0.2, 0.5, 0.8, 1.0))
PULSE = ((2.0, 3.0, 4.0, 5.5), (0.6, 0.65, 0.8, 0.95))
NO_BREATH, NO_PULSE = 0.8, 0.6


class Answer(NamedTuple):
    """1, 0 or NaN, and how sure: (devices,)."""

    value: Samples
    confidence: Samples


class Triage(NamedTuple):
    """The three answers."""

    breathing: Answer
    fast: Answer
    pulse: Answer


def triage(breath: Breath, pulse: Pulse, life: Life, still: NDArray[np.bool_]) -> Triage:
    """Answers of each device, from what is clean of the window."""
    looked = (breath.clean_s >= LEAST_S) & (life.level > 0)
    seen = looked & ~still & (breath.mm >= BREATH_MM)
    without = looked & still & (life.level >= HELD)
    alive = np.interp(pulse.recent, *PULSE)
    sure = np.interp(breath.concentration, *LINE) * alive
    breathing = _answer(seen, sure, without, np.full(len(sure), NO_BREATH))
    per_min = breath.hz * MINUTE_S
    apart = np.interp(np.abs(per_min - FAST_PER_MIN), *AT_THRESHOLD)
    is_fast = seen & (per_min > FAST_PER_MIN)
    slow_sure = np.where(seen, sure * apart, NO_BREATH)
    fast = _answer(is_fast, sure * apart, (seen & ~is_fast) | without, slow_sure)
    beating = looked & (pulse.recent >= PULSE_EVIDENCE)
    none = looked & still & (pulse.recent < NO_PULSE_EVIDENCE)
    return Triage(breathing, fast, _answer(beating, alive, none, np.full(len(sure), NO_PULSE)))


def _answer(
    yes: NDArray[np.bool_], yes_sure: Samples, no: NDArray[np.bool_], no_sure: Samples
) -> Answer:
    value = np.where(yes, 1.0, np.where(no, 0.0, np.nan))
    return Answer(value, np.where(yes, yes_sure, np.where(no, no_sure, 0.0)))
