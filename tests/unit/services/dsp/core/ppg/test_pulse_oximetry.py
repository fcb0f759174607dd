"""What red and infrared light give together, where the sensor or its curve ends."""

import numpy as np

from services.dsp.core.ppg import pulse_oximetry
from services.dsp.core.windows import Samples
from shared.contracts.measures import Measure
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import SECOND_US, Floats

RATE_HZ, SECONDS = 100, 24
PAIR = (Measure.SPO2, Measure.PERFUSION_INDEX)


def made(spo2: float, seed: int = 0) -> Floats:
    return signals.ppg(signals.beat_times(72, SECONDS, seed=seed), SECONDS, RATE_HZ, spo2=spo2)


def told(light: Floats) -> list[dict[Measure, tuple[Samples, Samples]]]:
    """Value and quality of each second."""
    state = pulse_oximetry.init(len(light), RATE_HZ)
    seconds = []
    for second in range(light.shape[2] // RATE_HZ):
        block = light[:, :, second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.full(len(light), second * SECOND_US)
        state, output = pulse_oximetry.step(state, block, times)
        seconds.append({each.measure: (each.value, each.quality) for each in output.readings})
    return seconds


def test_light_that_the_sensor_cut_has_no_perfusion_and_no_saturation() -> None:
    """Of one light alone neither: their ratio is that of what was left."""
    good = made(95.0)
    low, high = np.quantile(good, (0.3, 0.7), axis=1, keepdims=True)
    both, red = np.clip(good, low, high), good.copy()
    red[0] = np.minimum(good[0], high[0])
    newest = told(np.array([good, both, red]))[-1]
    for measure in PAIR:
        quality = newest[measure][1]
        assert quality[0] >= 0.7
        assert quality[1:].max() < 0.3, measure


def test_the_quality_comes_back_when_the_sensor_follows_again() -> None:
    good = made(95.0)
    begun = np.arange(good.shape[1]) < 8 * RATE_HZ
    cut = np.where(
        begun, np.clip(good, *np.quantile(good, (0.3, 0.7), axis=1, keepdims=True)), good
    )
    seconds = told(cut[None])
    assert seconds[8][Measure.PERFUSION_INDEX][1][0] < 0.3
    assert seconds[-1][Measure.PERFUSION_INDEX][1][0] >= 0.7


def test_a_saturation_below_what_curves_are_made_of_is_doubtful_and_told() -> None:
    newest = told(np.array([made(72.0), made(64.0)]))[-1]
    value, quality = newest[Measure.SPO2]
    np.testing.assert_allclose(value, [72.0, 64.0], atol=2.0)
    assert quality[0] >= 0.7
    assert 0.3 <= quality[1] < 0.7
