"""Confidence of findings: in bounds, and more where more speaks for them."""

import math

import pytest

from services.dsp.core.ecg import finding_weights
from services.dsp.core.ecg.findings import Rhythm, confidence, sureness


@pytest.mark.parametrize("kind", list(Rhythm))
def test_confidence_stays_within_what_was_shown(kind: Rhythm) -> None:
    if kind not in finding_weights.WEIGHTS:
        assert confidence(kind, ()) is None
        return
    n = len(finding_weights.WEIGHTS[kind]) - 1
    least, most = finding_weights.BOUNDS[kind]
    assert 0 < least < most < 1
    for value in (-1e9, -6.0, 0.0, 6.0, 1e9):
        told = confidence(kind, (value,) * n)
        assert told is not None
        assert round(least, 2) <= told <= round(most, 2)


def test_surer_beats_make_a_surer_finding() -> None:
    told = [confidence(Rhythm.COUPLET, (logit, 6.0)) for logit in (-1.0, 0.3, 2.0, 6.0)]
    assert all(told)
    assert told == sorted(told, key=lambda share: share or 0.0)
    assert (told[0] or 0.0) < (told[-1] or 0.0)


def test_doubt_halves_in_equal_steps() -> None:
    assert sureness(0.9) - sureness(0.8) == pytest.approx(math.log(2))
    assert sureness(1.0) == 6.0
