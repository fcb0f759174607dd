"""How a sensor sits on its wearer: the rotation from its axes to those of the body.

Body axes of a standing person: x up, y to the right, z forward; an axis reads +1 g when it
points up. Nobody straps a sensor on exactly so: a wearer who stands upright and still for a few
seconds tells the rotation.
"""

import numpy as np

from services.dsp.core.windows import Floats, Samples

STAND_S = 5  # how long a wearer is asked to stand still
LEAST_G, MOST_G = 0.5, 1.6  # beyond, the body is in motion and gravity cannot be told
MOST_SIZE_G = 30.0  # three axes at the 16 g that a wearable reaches make 28
AS_NAMED = np.eye(3)
UPSIDE_DOWN = -0.999999  # of the x axis: there the smallest rotation has no direction


def gated(samples: Samples) -> Samples:
    """Samples (..., 3, n) in g, NaN where the magnitude is outside the gate (all three axes)."""
    power = (samples * samples).sum(axis=-2, keepdims=True)
    inside = (power >= LEAST_G**2) & (power <= MOST_G**2)
    return np.where(inside, samples, np.nan)


def possible(samples: Samples) -> Samples:
    """Samples (..., 3, n) in g, NaN where no wearable could have felt it: another unit, a fault."""
    power = (samples * samples).sum(axis=-2, keepdims=True)
    return np.where(power <= MOST_SIZE_G**2, samples, np.nan)


def standing(samples: Samples) -> Floats:
    """The rotation (3, 3) of a sensor on somebody who stands: the smallest that takes up to x.

    Parameters
    ----------
    samples : (3, n) in g while standing, NaN where missing

    Raises
    ------
    ValueError : too little of it is still, or the sensor hangs upside down
    """
    still = gated(samples)
    seen = np.isfinite(still).all(axis=0)
    if seen.sum() * 2 < max(samples.shape[1], 1):
        raise ValueError("the wearer did not stand still")
    up = still[:, seen].mean(axis=1)
    up = up / np.sqrt((up * up).sum())
    if up[0] < UPSIDE_DOWN:
        raise ValueError("the sensor hangs upside down")
    turn: Floats = upright(up[None])[0]
    return turn


def upright(up: Samples) -> Floats:
    """The smallest rotations (devices, 3, 3) that take directions of up (devices, 3) to x."""
    x, y, z = up[:, 0], up[:, 1], up[:, 2]
    short = 1 / (1 + x)
    rows = (
        (x, y, z),
        (-y, 1 - y * y * short, -y * z * short),
        (-z, -y * z * short, 1 - z * z * short),
    )
    turns: Floats = np.stack([np.stack(row, axis=1) for row in rows], axis=1)
    return turns


def turned(samples: Samples, rotation: Floats) -> Samples:
    """Samples (devices, 3, n) by the rotations (devices, 3, 3), element by element."""
    out: Samples = (rotation[:, :, :, None] * samples[:, None]).sum(axis=2)
    return out
