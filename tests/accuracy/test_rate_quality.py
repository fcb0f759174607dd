"""What the quality of a heart rate is worth under the movement of an electrode."""

from typing import Any

import numpy as np

from services.dsp.core.ecg import heart_rate
from shared.contracts.measures import Measure
from tests.accuracy.recorded_scenes import noisy_hearts
from tests.accuracy.recordings import MITDB, NSTDB, needed
from tests.accuracy.streams import run

SECONDS = 240
LIKELY, NEAR_PER_MIN = 0.5, 5.0


def test_as_many_rates_are_right_as_their_quality_tells(floors: dict[str, Any]) -> None:
    needed(NSTDB)
    (scene,) = noisy_hearts(needed(MITDB).parent, SECONDS)
    rows = scene.main.samples[:, 0, : SECONDS * scene.main.rate_hz]
    told = run(heart_rate.init, heart_rate.step, rows, scene.main.rate_hz)
    value, quality = (each[Measure.HEART_RATE][:, :SECONDS] for each in (told.value, told.quality))
    truth = scene.truth[Measure.HEART_RATE][:, :SECONDS]
    is_likely = np.isfinite(truth) & (quality >= LIKELY)
    right = np.abs(value - truth)[is_likely] <= NEAR_PER_MIN
    assert right.mean() >= quality[is_likely].mean() - floors["nstdb"]["quality_above_right_most"]
    assert is_likely.mean() >= floors["nstdb"]["likely_share_least"]
