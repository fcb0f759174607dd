"""From I and Q of a continuous-wave radar to the displacement of the chest in mm.

An ellipse through the last minute of I and Q gives DC, gain and phase error together; on it the
angle, unwrapped, is the displacement. All is worked out anew from the window each time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.functions import WHOLE
from services.dsp.core.windows import Floats, Samples

GRID_HZ = 25  # of the window: each sample the mean of 40 ms, which also nulls hum of 50 Hz
WAVELENGTH_MM = 12.49  # 24.0 GHz in air; NJR4262J: 24.05 to 24.25
MM_PER_RADIAN = WAVELENGTH_MM / (4 * np.pi)
# Module data: gain of the channels equal within 12 %, phase within 8 degrees. As standard
# deviations of the terms of the ellipse that they move (uniform: limit / sqrt(3)).
GAIN_SPREAD, SKEW_SPREAD = 0.07, 0.14
# The largest breath of the requirements, 12.6 mm at 24/min with a sigh, comes to 38 mm/s.
BODY_MM_PER_S = 45.0
AROUND_MOTION_S = 1.0
BLURRED = 0.6  # of the radius: a mean of 40 ms comes to that at 79 mm/s, whatever the turns
BRIDGED = 2  # samples of GRID_HZ: in 0.1 s a chest moves less than a quarter of a wave
THIN = 2  # every second sample is enough for five numbers


class Chest(NamedTuple):
    """What moved before the radar.

    Attributes
    ----------
    mm : (devices, n) displacement, any constant added
    clean : (devices, n) where nothing is missing and no body moved in the second before
    begin : (devices,) sample from which on all is clean; n: nothing is
    radius : (devices,) of the circle, unit of the samples
    noise : (devices,) of one sample of the window in mm, 0 where there is no circle
    misfit : (devices,) RMS distance from the circle, share of its radius
    """

    mm: Samples
    clean: NDArray[np.bool_]
    begin: NDArray[np.intp]
    radius: Samples
    noise: Samples
    misfit: Samples


def demodulated(iq: Samples, noise: Samples, rough: NDArray[np.bool_]) -> Chest:
    """The displacement behind a window.

    Parameters
    ----------
    iq : (devices, 2, n) at GRID_HZ, NaN where missing
    noise : (devices,) standard deviation of the noise of a sample, unit of the samples
    rough : (devices, seconds) where something moved so fast that the means are blurred
    """
    x, y, seen, broken = _bridged(iq)
    centre_x, centre_y = _mean(x, seen), _mean(y, seen)
    x = np.where(seen, x - centre_x[:, None], 0.0)
    y = np.where(seen, y - centre_y[:, None], 0.0)
    size = np.sqrt(_mean(x * x + y * y, seen))
    scale = np.where(size > 0, size, 1.0)
    x, y = x / scale[:, None], y / scale[:, None]
    u, v, radius = _on_circle(x, y, seen, noise / scale)
    far = np.sqrt(u * u + v * v)
    misfit = np.sqrt(_mean((far / radius[:, None] - 1) ** 2, seen))
    mm = turned(v, u) * MM_PER_RADIAN
    blurred = far < BLURRED * radius[:, None]
    clean = _clean(broken | blurred | _moving(mm) | np.repeat(rough, GRID_HZ, axis=1))
    n = mm.shape[1]
    begin = np.where(clean.all(axis=1), 0, n - np.argmin(clean[:, ::-1], axis=1))
    seen_noise = noise / scale / radius * MM_PER_RADIAN
    return Chest(mm, clean, begin, radius * scale, seen_noise, misfit)


def turned(v: Samples, u: Samples) -> Samples:
    """How far the point (u, v) has turned around zero since the first one, without jumps."""
    turn = np.diff(_angle(v, u), axis=1, prepend=0.0)
    turn[:, 0] = 0.0
    turn -= 2 * np.pi * np.rint(turn / (2 * np.pi))
    return np.cumsum(turn, axis=1)


def _bridged(iq: Samples) -> tuple[Samples, Samples, NDArray[np.bool_], NDArray[np.bool_]]:
    """I, Q with short holes bridged by a line; what is seen then; what is not."""
    x, y = iq[:, 0], iq[:, 1]
    missing = np.isnan(x) | np.isnan(y)
    if not missing.any():
        return x, y, ~missing, missing
    n = missing.shape[1]
    at = np.arange(n)
    last = np.maximum.accumulate(np.where(missing, -1, at), axis=1)
    following = np.minimum.accumulate(np.where(missing, n, at)[:, ::-1], axis=1)[:, ::-1]
    short = missing & (last >= 0) & (following < n) & (following - last <= BRIDGED + 1)
    before, after = np.maximum(last, 0), np.minimum(following, n - 1)
    part = (at - before) / np.maximum(after - before, 1)
    lines = []
    for line in (x, y):
        low = np.take_along_axis(line, before, axis=1)
        high = np.take_along_axis(line, after, axis=1)
        lines.append(np.where(short, low + part * (high - low), line))
    broken = missing & ~short
    return lines[0], lines[1], ~broken, broken


def _on_circle(
    x: Samples, y: Samples, seen: NDArray[np.bool_], noise: Samples
) -> tuple[Samples, Samples, Samples]:
    """Both channels moved, stretched and turned onto a circle around zero, and its radius."""
    px, py, weight = x[:, ::THIN], y[:, ::THIN], seen[:, ::THIN].astype(np.float64)
    square = px * px + py * py
    columns = (px, py, weight, px * px - py * py, px * py)
    products = [[_sum(a * b) for b in columns[: i + 1]] for i, a in enumerate(columns)]
    right = [-_sum(square * column) for column in columns]
    circle = _solved([row[:] for row in products[:3]], right[:3])
    radius2 = 0.25 * (circle[0] ** 2 + circle[1] ** 2) - circle[2]
    radius2 = np.maximum(radius2, noise * noise)
    ridge = 4 * radius2 * np.maximum(noise * noise, 1e-12)
    products[3][3] = products[3][3] + ridge / GAIN_SPREAD**2
    products[4][4] = products[4][4] + ridge / SKEW_SPREAD**2
    d, e, f, a, b = _solved(products, right)
    stretched = np.abs(a) + 0.5 * np.abs(b) < 0.5
    a, b = np.where(stretched, a, 0.0), np.where(stretched, b, 0.0)
    d, e, f = (np.where(stretched, new, old) for new, old in zip((d, e, f), circle, strict=True))
    determinant = 4 * (1 - a * a) - b * b
    x0 = -(2 * (1 - a) * d - b * e) / determinant
    y0 = -(2 * (1 + a) * e - b * d) / determinant
    # (1 + a) x^2 + b x y + (1 - a) y^2 as a sum of two squares
    first = np.sqrt(1 + a)
    shear = 0.5 * b / first
    second = np.sqrt(1 - a - shear * shear)
    dx, dy = x - x0[:, None], y - y0[:, None]
    u = first[:, None] * dx + shear[:, None] * dy
    v = second[:, None] * dy
    radius2 = (1 + a) * x0 * x0 + b * x0 * y0 + (1 - a) * y0 * y0 - f
    return u, v, np.sqrt(np.maximum(radius2, 1e-12))


def _solved(lower: list[list[Floats]], right: list[Floats]) -> list[Floats]:
    """Solutions of many small symmetric systems: Cholesky, one step for all rows."""
    n = len(right)
    for j in range(n):
        for k in range(j):
            lower[j][j] = lower[j][j] - lower[j][k] ** 2
        lower[j][j] = np.sqrt(np.maximum(lower[j][j], 1e-9))
        for i in range(j + 1, n):
            for k in range(j):
                lower[i][j] = lower[i][j] - lower[i][k] * lower[j][k]
            lower[i][j] = lower[i][j] / lower[j][j]
    out = list(right)
    for i in range(n):
        for k in range(i):
            out[i] = out[i] - lower[i][k] * out[k]
        out[i] = out[i] / lower[i][i]
    for i in reversed(range(n)):
        for k in range(i + 1, n):
            out[i] = out[i] - lower[k][i] * out[k]
        out[i] = out[i] / lower[i][i]
    return out


def _moving(mm: Samples) -> NDArray[np.bool_]:
    """Where something moved faster than a chest does, over an eighth of a second."""
    step = GRID_HZ // 8
    far = np.abs(mm[:, step:] - mm[:, :-step]) * (GRID_HZ / step)
    moving = np.zeros(mm.shape, dtype=np.bool_)
    moving[:, step:] = far > BODY_MM_PER_S
    return moving


def _clean(bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where nothing was bad in the second before and is none in the second after."""
    if not bad.any():
        return ~bad
    n = bad.shape[1]
    at = np.arange(n)
    last = np.maximum.accumulate(np.where(bad, at, -n), axis=1)
    following = np.minimum.accumulate(np.where(bad, at, 2 * n)[:, ::-1], axis=1)[:, ::-1]
    return np.minimum(at - last, following - at) > AROUND_MOTION_S * GRID_HZ


def _angle(v: Samples, u: Samples) -> Samples:
    """Angle of each point; padded so that the last bit does not depend on the number of rows."""
    size = -(-v.size // WHOLE) * WHOLE
    flat = np.zeros((2, size))
    flat[0, : v.size], flat[1, : v.size] = v.ravel(), u.ravel()
    return np.asarray(np.arctan2(flat[0], flat[1])[: v.size].reshape(v.shape))


def _sum(values: Samples) -> Floats:
    return np.asarray(values.sum(axis=1))


def _mean(values: Samples, seen: NDArray[np.bool_]) -> Floats:
    return np.asarray(np.where(seen, values, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1))
