"""Breaths per minute in a displacement of the chest, and whether it stands still."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.spectra import parabola
from services.dsp.core.radar.demodulation import GRID_HZ, Chest
from services.dsp.core.radar.segments import hann, line_off
from services.dsp.core.windows import Samples

BREATH_HZ = 5
SIZE = 1024  # bins of 0.3/min
SHORT_S, LONG_S = 30, 60
LEAST_S = 10.0  # of clean signal
SLOWEST_HZ, FASTEST_HZ = 0.05, 1.25
SLOW_HZ, SLOWEST_LONG_HZ = 0.15, 0.0133  # under 9/min a minute is looked at, down to 1/min


STILL_S, STILL_MM = 12, 0.25  # a pulse alone moves the chest by 0.06 to 0.15 mm RMS
EARLIER_MM, EARLIER_HZ = 0.5, 6.5 / 60  # who breathes slower may rest as long between breaths


class Breath(NamedTuple):
    """Of each device.

    Attributes
    ----------
    hz : rate, NaN where too little is clean
    mm : RMS of the movement in the last clean 30 s
    concentration : of the last clean minute, share of the power of 0.04 to 2.5 Hz that lies at the
        rate, twice and thrice it
    clean_s : how long nothing was missing and no body moved
    """

    hz: Samples
    mm: Samples
    concentration: Samples
    clean_s: Samples


def breath(chest: Chest) -> Breath:
    """The highest peak of the last half minute; of the last minute where it is slow."""
    slow = _slow(chest)
    begin = -(-chest.begin * BREATH_HZ // GRID_HZ)
    n = slow.shape[1]
    clean_s = (n - begin) / BREATH_HZ
    short, rms, _ = _spectrum(slow, np.maximum(begin, n - SHORT_S * BREATH_HZ))
    long, _, length_s = _spectrum(slow, begin)
    hz = _peak(short, SLOWEST_HZ, FASTEST_HZ)
    is_slow = (clean_s >= LONG_S) & (hz < SLOW_HZ)
    hz = np.where(is_slow, _peak(long, SLOWEST_LONG_HZ, FASTEST_HZ), hz)
    enough = clean_s >= LEAST_S
    share = np.where(enough, _concentration(long, hz, length_s), 0.0)
    return Breath(np.where(enough, hz, np.nan), rms, share, clean_s)


def stands_still(chest: Chest, breath: Breath) -> tuple[NDArray[np.bool_], Samples]:
    """Whether who breathed before in the window has not for 12 s; the rate of the breath there is.

    Of who stands still that is the rate before: the highest line is the heart's then.
    """
    slow = _slow(chest)
    n, rest = slow.shape[1], STILL_S * BREATH_HZ
    begin = -(-chest.begin * BREATH_HZ // GRID_HZ)
    newest = slow[:, n - rest :]
    quiet = _bend_off(newest)
    rms = np.sqrt((quiet * quiet).mean(axis=1))
    enough = n - rest - begin >= LEAST_S * BREATH_HZ
    before = slow[:, : n - rest]
    power, earlier, _ = _spectrum(before, np.minimum(begin, n - rest - 1))
    hz = _peak(power, SLOWEST_HZ, FASTEST_HZ)
    breathed = enough & (earlier > EARLIER_MM) & (hz >= EARLIER_HZ)
    still = np.asarray(breathed & (rms < STILL_MM) & (breath.clean_s >= STILL_S))
    return still, np.where(still, hz, breath.hz)


def _slow(chest: Chest) -> Samples:
    return np.asarray(chest.mm.reshape(len(chest.mm), -1, GRID_HZ // BREATH_HZ).mean(axis=2))


def _bend_off(values: Samples) -> Samples:
    """Rows without their least-squares parabola."""
    t = np.linspace(-1, 1, values.shape[1])
    bend = t * t - (t * t).mean()
    flat = values - values.mean(axis=1, keepdims=True)
    for shape in (t, bend):
        part = (flat * shape).sum(axis=1) / (shape * shape).sum()
        flat = flat - part[:, None] * shape
    return np.asarray(flat)


def _spectrum(slow: Samples, begin: NDArray[np.intp]) -> tuple[Samples, Samples, Samples]:
    """Power from `begin` on, RMS, and the length in s."""
    n = slow.shape[1]
    inside = np.arange(n) >= begin[:, None]
    flat = line_off(slow, inside)
    length = np.maximum(n - begin, 1)
    rms = np.sqrt((flat * flat).sum(axis=1) / length)
    spectrum = np.fft.rfft(flat * hann(n, begin), SIZE, axis=1)
    return spectrum.real**2 + spectrum.imag**2, rms, length / BREATH_HZ


def _peak(power: Samples, low_hz: float, high_hz: float) -> Samples:
    first, last = int(np.ceil(low_hz * SIZE / BREATH_HZ)), int(high_hz * SIZE / BREATH_HZ)
    at = first + np.argmax(power[:, first : last + 1], axis=1)
    rows = np.arange(len(power))
    shift = parabola(power[rows, at - 1], power[rows, at], power[rows, at + 1])
    return np.asarray((at + shift) * (BREATH_HZ / SIZE))


def _concentration(power: Samples, hz: Samples, length_s: Samples) -> Samples:
    f = np.arange(power.shape[1]) * (BREATH_HZ / SIZE)
    band = power * (f >= 0.04)
    half = (2 / length_s)[:, None]  # of the main lobe of a Hann window
    near = np.zeros(power.shape, dtype=np.bool_)
    for k in (1, 2, 3):
        near |= np.abs(f - k * hz[:, None]) <= half + 0.03 * k * hz[:, None]
    total = band.sum(axis=1)
    return np.asarray(np.where(near, band, 0.0).sum(axis=1) / np.where(total > 0, total, 1.0))
