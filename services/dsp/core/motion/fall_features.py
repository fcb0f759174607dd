"""What a fall changes: numbers about an impact, from acceleration at 10 Hz around it.

References
----------
What is asked (impact, turn of the trunk, stillness after it, motion before): Sucerquia et al.
2017, Sensors 17:198, and Casilari et al. 2017, PLoS ONE 12:e0187177, on the recordings used here.
"""

import numpy as np

from services.dsp.core.conditioning import functions
from services.dsp.core.windows import Floats, Samples

GRID_HZ = 10
BEFORE_S, AFTER_S = 3, 5
WINDOW = (BEFORE_S + AFTER_S) * GRID_HZ + 1  # the impact stands at BEFORE_S * GRID_HZ
IMPACT = BEFORE_S * GRID_HZ
NAMES = (
    "peak", "trough", "spread_during", "spread_before", "spread_after", "motion_after",
    "motion_late", "turn", "turn_late", "settles", "jerk", "wide", "middle", "narrow", "length",
    "offset_after", "moves_until", "still_before", "angle",
)  # fmt: skip
MOVES_G, STILL_G = 0.1, 0.05  # from one sample to the next: of a limb, and of the noise of standing


def features(window: Samples) -> Floats:
    """Numbers (rows, len(NAMES)) of windows (rows, 3, WINDOW) in g; missing parts count as still.

    Logarithms of sizes, cosines of turns: no unit, no direction of the axes.
    """
    size = np.sqrt((window * window).sum(axis=1))
    before, during, after = _part(-2.8, -0.8), _part(-0.8, 0.8), _part(1.5, 3.5)
    late = _part(3.0, 5.0)
    step = window[:, :, 1:] - window[:, :, :-1]
    moved = np.sqrt((step * step).sum(axis=1))
    spans = np.sort(
        _spread(window[:, :, during].reshape(-1, during.stop - during.start)).reshape(-1, 3), axis=1
    )
    was, now, then = (_mean(window, part) for part in (before, after, late))
    strong = np.nan_to_num(size) > 1.3
    after_it = moved[:, IMPACT:] >= MOVES_G
    last_move = (after_it * np.arange(1, after_it.shape[1] + 1)).max(axis=1)
    turn = _cosine(was, now)
    columns = (
        _log(_extreme(size[:, during], np.fmax)),
        _extreme(size[:, _part(-1.5, 0.3)], np.fmin),
        _log(_spread(size[:, during])),
        _log(_spread(size[:, before])),
        _log(_spread(size[:, after])),
        _log(_average(moved[:, after])),
        _log(_average(moved[:, late])),
        turn,
        _cosine(was, then),
        _cosine(now, then),
        _log(_extreme(moved[:, during], np.fmax)),
        _log(spans[:, 2]),
        _log(spans[:, 1]),
        _log(spans[:, 0]),
        strong[:, _part(-2.0, 2.0)].mean(axis=1),
        np.abs(_average(size[:, after]) - 1),
        functions.log(1.0 + last_move),
        1.0 - (moved[:, : _part(-1.0, 0.0).start] >= STILL_G).mean(axis=1),
        functions.arccos(np.clip(turn, -1.0, 1.0)),
    )
    return np.stack(columns, axis=1)


def _part(begin_s: float, end_s: float) -> slice:
    return slice(IMPACT + round(begin_s * GRID_HZ), IMPACT + round(end_s * GRID_HZ))


def _log(values: Samples) -> Samples:
    return functions.log(np.maximum(values, 0.003))  # below: the noise of a sensor


def _average(values: Samples) -> Samples:
    seen = np.isfinite(values)
    return np.asarray(np.where(seen, values, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1))


def _spread(values: Samples) -> Samples:
    off = values - _average(values)[:, None]
    return np.asarray(np.sqrt(_average(off * off)))


def _extreme(values: Samples, of: np.ufunc) -> Samples:
    found = of.reduce(values, axis=1)
    return np.where(np.isfinite(found), found, 1.0)


def _mean(window: Samples, part: slice) -> Samples:
    return np.stack([_average(window[:, axis, part]) for axis in range(3)], axis=1)


def _cosine(one: Samples, other: Samples) -> Samples:
    sizes = np.sqrt((one * one).sum(axis=1) * (other * other).sum(axis=1))
    product = (one * other).sum(axis=1)
    return np.where(sizes > 0, product / np.where(sizes > 0, sizes, 1.0), 1.0)
