"""Confidence of findings: in bounds, and more where more speaks for them."""

import math

import pytest

from services.dsp.core.ecg import finding_weights
from services.dsp.core.ecg.findings import EVIDENCE, Evidence, Rhythm, confidence, sureness


@pytest.mark.parametrize("kind", list(Rhythm))
def test_confidence_stays_within_what_was_shown(kind: Rhythm) -> None:
    family = EVIDENCE.get(kind, Evidence.ECTOPIC)
    if family not in finding_weights.WEIGHTS:
        assert confidence(kind, ()) is None
        return
    n = len(finding_weights.WEIGHTS[family]) - 1
    least, most = finding_weights.BOUNDS[family]
    assert 0 < least < most < 1
    for value in (-1e9, -6.0, 0.0, 6.0, 1e9):
        told = confidence(kind, (value,) * n)
        assert told is not None
        assert round(least, 2) <= told <= round(most, 2)


def test_doubt_halves_in_equal_steps() -> None:
    assert sureness(0.9) - sureness(0.8) == pytest.approx(math.log(2))
    assert sureness(1.0) == 6.0
