"""Whether a window shows more than noise: a line somewhere, and the told rate above the rest.

How likely a rate is, is told by the share of the power that a line explains; the slowest wave of a
random walk explains most of it, and is as good as a breath of 3 to 8 per minute. But the power of a
random walk falls with the square of the rate, and so does that of an electrode that dries out or is
touched. By the square of the rate it is flat: what is left uneven is that of chance. Breath, its
overtones and the heart make it more uneven than that.
"""

import numpy as np

from services.dsp.core.conditioning import functions
from services.dsp.core.respiration.likelihood import LONG_S, SHORT_S, power, rates
from services.dsp.core.windows import Samples

NEAR_PER_MIN = 1.0  # half the main lobe of a minute; of half a minute a quarter
# Logarithm of the mean over the geometric mean. Of flat noise 0.58 (Euler's constant) where each
# rate is independent: random walks have 0.54, one in ten above 0.66, one in a hundred above 0.79;
# of right rates of 26 people in bed one in fifty is below 0.68, one in twenty below 0.77.
UNEVEN = ((0.66, 0.70), (0.0, 1.0))
# Logarithm of the power at the told rate over the median by square of rate, the less of a minute
# and its second half: a rate that does not come up to the median is not there (any more).
ABOVE = ((-1.0, 0.0), (0.0, 1.0))


def trust(window: Samples, rate_hz: int, per_min: Samples) -> Samples:
    """0 where each window is like noise, 1 where it is not: (devices,).

    Parameters
    ----------
    window : (devices, LONG_S * rate_hz), NaN where missing
    per_min : (devices,), the told rate, NaN: none (0)
    """
    known = np.isfinite(per_min)
    told = np.clip(np.where(known, per_min, rates()[0]), rates()[0], rates()[-1])
    near = np.abs(rates()[None, :] - told[:, None]) <= NEAR_PER_MIN
    found = known.astype(np.float64)
    for seconds in (LONG_S, SHORT_S):
        weighed = power(window[:, -seconds * rate_hz :], rate_hz) * rates() ** 2
        some = weighed.min(axis=1) > 0
        weighed = np.where(some[:, None], weighed, 1.0)
        middle = np.sort(weighed, axis=1)[:, weighed.shape[1] // 2]
        above = functions.log(np.where(near, weighed, 0.0).max(axis=1) / middle)
        found = np.where(some, found * np.interp(above, *ABOVE), 0.0)
        if seconds == LONG_S:
            found = found * np.interp(_unevenness(weighed), *UNEVEN)
    return found


def _unevenness(weighed: Samples) -> Samples:
    n = weighed.shape[1]
    mean = weighed.sum(axis=1) / n
    return np.asarray(functions.log(mean) - functions.log(weighed).sum(axis=1) / n)
