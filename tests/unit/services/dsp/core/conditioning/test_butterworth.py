import numpy as np
import pytest
from scipy import signal

from services.dsp.core.conditioning.butterworth import band_response


@pytest.mark.parametrize(("low_hz", "high_hz", "rate_hz"), [(0.4, 5.0, 25), (5.0, 15.0, 250)])
def test_the_response_is_that_of_scipy(low_hz: float, high_hz: float, rate_hz: float) -> None:
    order = signal.butter(2, (low_hz, high_hz), "bandpass", fs=rate_hz, output="sos")
    wanted = signal.sosfilt(order, np.eye(1, 200)[0])
    found = band_response(low_hz, high_hz, rate_hz, 200)
    assert np.abs(found - wanted).max() < 1e-12


def test_a_short_response_is_the_beginning_of_a_long_one() -> None:
    long = band_response(0.4, 5.0, 25, 50)
    for n in (1, 3, 7):
        assert band_response(0.4, 5.0, 25, n).tolist() == long[:n].tolist()
