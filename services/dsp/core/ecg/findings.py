"""What may be found in the rhythm of the heart, how grave it is, and how sure.

Confidence is the share of such findings that are right, from what speaks for each of them:
logistic, with weights learned from annotated recordings (`tests/accuracy/train_findings.py`) and
judged on people who were left out (docs/science/rhythm.md).
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from services.dsp.core.ecg import finding_weights
from services.dsp.core.outputs import Finding
from shared.contracts.events import EventKind, Severity


class Rhythm(StrEnum):
    """Names of what is found."""

    BRADYCARDIA = "bradycardia"
    TACHYCARDIA = "tachycardia"
    IRREGULAR = "irregular_as_in_atrial_fibrillation"
    BIGEMINY = "bigeminy"
    TRIGEMINY = "trigeminy"
    FREQUENT = "frequent_ventricular_beats"
    VENTRICULAR_TACHYCARDIA = "ventricular_tachycardia"
    ASYSTOLE = "asystole"
    PAUSE = "pause"
    COUPLET = "couplet"
    RUN = "ventricular_run"


class Evidence(StrEnum):
    """Kinds of findings that rest on the same things, and what these are.

    - ectopic: logit of the class of the least sure beat, and how sure its beats are beats
    - rate: distance from the limit (ln, times 10), and how sure the beats are
    - irregular: entropy, height of the P wave (times 10), and how sure the beats are
    - stop: how quiet (ln, of what a beat would be), how long (ln), how sure the beats are
    """

    ECTOPIC = "ectopic"
    RATE = "rate"
    IRREGULAR = "irregular"
    STOP = "stop"


LASTING = tuple(Rhythm)[:8]
SEVERITY = {
    Rhythm.ASYSTOLE: Severity.HIGH,
    Rhythm.VENTRICULAR_TACHYCARDIA: Severity.HIGH,
    Rhythm.PAUSE: Severity.MEDIUM,
    Rhythm.RUN: Severity.MEDIUM,
    Rhythm.IRREGULAR: Severity.MEDIUM,
}
EVIDENCE = {
    Rhythm.BRADYCARDIA: Evidence.RATE,
    Rhythm.TACHYCARDIA: Evidence.RATE,
    Rhythm.IRREGULAR: Evidence.IRREGULAR,
    Rhythm.ASYSTOLE: Evidence.STOP,
    Rhythm.PAUSE: Evidence.STOP,
}
"""Of those that are not ectopic beats."""

_BOUND = 6.0  # of what speaks for a finding: beyond it more says nothing more


def sureness(quality: float) -> float:
    """How sure a beat is one, on a scale where equal steps are equal factors of doubt."""
    return min(-math.log(max(1 - quality, 1e-3)), _BOUND)


def confidence(kind: Rhythm, speaks: Sequence[float]) -> float | None:
    """Share of such findings that are right, 0 to 1; None where nobody has counted."""
    family = EVIDENCE.get(kind, Evidence.ECTOPIC)
    if family not in finding_weights.WEIGHTS:
        return None
    offset, *weights = finding_weights.WEIGHTS[family]
    odds = offset
    for value, weight in zip(speaks, weights, strict=True):
        odds += weight * max(-_BOUND, min(_BOUND, value))
    least, most = finding_weights.BOUNDS[family]
    return round(min(max(1 / (1 + math.exp(-odds)), least), most), 2)


def begun(row: int, kind: Rhythm, t: int, speaks: Sequence[float], **data: Any) -> Finding:
    """What is found, with what speaks for it."""
    severity = SEVERITY.get(kind, Severity.LOW)
    sure = confidence(kind, speaks)
    if sure is not None:
        data["confidence"] = sure
    return Finding(row, EventKind.RHYTHM, t, kind.value, severity=severity, data=data)


def ended(row: int, kind: Rhythm, t: int) -> Finding:
    """The end of what was found."""
    return Finding(row, EventKind.RHYTHM, t, kind.value, has_ended=True)
