"""What may be found in the rhythm of the heart, how grave it is, and how sure.

Confidence is the share of such findings that are right, counted on annotated recordings
(`tests/accuracy/train_findings.py`). Where what speaks for a finding tells right from wrong on
people who were left out, it is a logistic line over that (docs/science/rhythm.md).
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


LASTING = tuple(Rhythm)[:8]
SEVERITY = {
    Rhythm.ASYSTOLE: Severity.HIGH,
    Rhythm.VENTRICULAR_TACHYCARDIA: Severity.HIGH,
    Rhythm.PAUSE: Severity.MEDIUM,
    Rhythm.RUN: Severity.MEDIUM,
    Rhythm.IRREGULAR: Severity.MEDIUM,
}
BOUND = 6.0  # of what speaks for a finding: beyond it more says nothing more


def sureness(quality: float) -> float:
    """How sure a beat is one, on a scale where equal steps are equal factors of doubt."""
    return min(-math.log(max(1 - quality, 1e-3)), BOUND)


def confidence(kind: Rhythm, speaks: Sequence[float]) -> float | None:
    """Share of such findings that are right, 0 to 1; None where nobody has counted.

    Parameters
    ----------
    speaks : of ventricular beats: logit of the class of the least sure beat, and how sure its
        beats are beats; of rates: distance from the limit (ln, times 10), and how sure the beats
        are; of irregular: entropy, height of the P wave (times 10), how sure the beats are; of
        stops: how quiet (ln, of what a beat would be), how long (ln), how sure the beats are
    """
    if kind not in finding_weights.WEIGHTS:
        return None
    offset, *weights = finding_weights.WEIGHTS[kind]
    odds = offset
    for value, weight in zip(speaks, weights, strict=True):
        odds += weight * max(-BOUND, min(BOUND, value))
    least, most = finding_weights.BOUNDS[kind]
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
