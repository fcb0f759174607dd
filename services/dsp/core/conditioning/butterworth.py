"""The impulse response of a Butterworth band, without what scipy.signal takes to load."""

import numpy as np
from numpy.typing import NDArray


def band_response(low_hz: float, high_hz: float, rate_hz: float, n: int) -> NDArray[np.float64]:
    """The first `n` samples of what a band of the second order at each edge makes of an impulse.

    Its gain is 1 in the middle and 0.71 at the edges, of which `high_hz` is below half of
    `rate_hz`. The same as `scipy.signal.butter(2, ..., "bandpass")`, to the last bits; loading that
    takes nearly half of the start of a process.

    References
    ----------
    Oppenheim, Schafer: Discrete-Time Signal Processing, 7.1 (bilinear transform)
    """
    edges = 2 * rate_hz * np.tan(np.pi * np.array([low_hz, high_hz]) / rate_hz)
    width, middle = edges[1] - edges[0], np.sqrt(edges[0] * edges[1])
    lowpass = np.exp(1j * np.pi * np.array([3, 5]) / 4) * width / 2
    apart = np.sqrt(lowpass**2 - middle**2)
    poles = np.concatenate((lowpass + apart, lowpass - apart))
    gain = float((width**2 * (2 * rate_hz) ** 2 / np.prod(2 * rate_hz - poles)).real)
    back = np.poly((2 * rate_hz + poles) / (2 * rate_hz - poles)).real[1:]
    ahead = gain * np.array([1.0, 0.0, -2.0, 0.0, 1.0])  # two zeros at 0 Hz, two at half the rate
    response = np.zeros(n)
    response[: len(ahead)] = ahead[:n]
    for k in range(1, n):
        known = min(k, len(back))
        response[k] -= back[:known] @ response[k - known : k][::-1]
    return response
