"""One forced breath out: its volumes and flows from the flow at the mouth.

References
----------
ATS/ERS standardization of spirometry, Graham et al. 2019, Am J Respir Crit Care Med 200:e70.
Time zero by back extrapolation of the volume along the tangent at the highest flow.
Departs from it: the breath ends where the flow sinks into the noise of the sensor instead of where
the volume rises by less than 25 mL in a second, so that the last millilitres of a slow end
count; how much came in the last second is told beside.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning.limits import at_limits
from services.dsp.core.windows import Floats
from shared.contracts.forced_breaths import HowBlown

LEAST_PEAK_L_S = 1.0  # below no forced breath: quiet breathing reaches 0.6, the sickest 1
LEAST_VOLUME_L = 0.3
QUIET_S = 0.5  # pieces in which the zero of the sensor is looked for
QUIET_SPREAD_L_S = 0.04  # of the noise of a sensor; a breath swings by ten times as much
QUIET_OFFSET_L_S = 0.05  # ISO 26782 allows 0.025 L/s; twice that is no zero any more
SAME_ZERO_L_S = 0.006  # before and after are one zero
BEGUN_SHARE = 0.1  # of the highest flow: what follows a hole with more is not the whole breath
TRICKLE_L_S = 0.025  # a flow so small before the breath is not forced: volumes count after it
END_S = 0.25
MORE_S = 2.0  # a slow end goes on below the noise: to the largest volume within so long
END_L_S = 0.001
PLATEAU_S = 1.0  # before the end, ATS/ERS 2019
FIRST_S = 1.0
MANY_SIGMAS = 3.0
NOTHING_AT = -1


class Blow(NamedTuple):
    """What one forced breath out tells. Volumes in L, flows in L/s, times in s of the samples.

    Attributes
    ----------
    pef : highest flow of a sample (10 ms at 100 Hz)
    fef25, fef50, fef75 : flow when that share (percent) of the FVC is out
    fef25_75 : mean flow of the middle half
    extrapolated : volume that was out at time zero
    settled_s : when no more could come, MORE_S after the flow sank into the noise
    lasted_s : from time zero to the end
    end_rise : volume of the last second; of the second after the end, where less came in it
    regained : share of the highest flow by which it came back within the first second
    is_cut_off : the highest flow repeats as that of a sensor at the end of its range does
    zero : of the sensor, taken off; NaN where no rest told it (0 was taken)
    noise : of the sensor
    """

    fvc: float
    fev1: float
    pef: float
    fef25: float
    fef50: float
    fef75: float
    fef25_75: float
    extrapolated: float
    zero_s: float
    end_s: float
    settled_s: float
    lasted_s: float
    end_rise: float
    regained: float
    is_cut_off: bool
    zero: float
    noise: float

    @property
    def how_blown(self) -> HowBlown:
        """By what it is judged."""
        return HowBlown(
            fvc=self.fvc,
            extrapolated=self.extrapolated,
            lasted_s=self.lasted_s,
            end_rise=self.end_rise,
            regained=self.regained,
        )


def measure(flow: Floats, rate_hz: int, *, peak: int | None = None) -> Blow | None:
    """One forced breath out of a flow (n,), L/s, out positive; None where there is none.

    `peak` is the sample of its highest flow; without it the largest breath is taken. NaN is
    missing: a breath with a hole before it was seen to sink into the noise is none, for nobody
    knows how it went on.
    """
    if peak is None:
        peak = _peak(flow)
    if peak == NOTHING_AT:
        return None
    zero, noise = sensor_zero(flow, peak, rate_hz)
    pure = flow - (0.0 if np.isnan(zero) else zero)
    start, low, end = _span(pure, peak, noise, rate_hz)
    blown = pure[start:end]
    sunk = low + _smooth(rate_hz)
    cut_off = start > 0 and np.isnan(pure[start - 1]) and blown[0] > BEGUN_SHARE * blown.max()
    if cut_off or np.isnan(pure[start : max(sunk, end)]).any():
        return None
    out = np.concatenate(([0.0], np.cumsum(blown))) / rate_hz  # at the edges of samples
    if out[-1] < LEAST_VOLUME_L or blown.max() < LEAST_PEAK_L_S:
        return None
    top = peak - start
    trickle = np.flatnonzero(blown[:top] <= TRICKLE_L_S)
    forced = out - (out[trickle[-1] + 1] if len(trickle) else 0.0)
    middle = (forced[top] + forced[top + 1]) / 2
    zero_at = top + 0.5 - middle / blown[top] * rate_hz
    after = min(zero_at + FIRST_S * rate_hz, len(blown))
    fvc = float(out[-1])
    flows = [_flow_at(blown, out, share * fvc) for share in (0.25, 0.5, 0.75)]
    quarter, three = (_when(out, share * fvc) for share in (0.25, 0.75))
    plateau = out[-1] - out[max(0, len(blown) - round(PLATEAU_S * rate_hz))]
    return Blow(
        fvc=fvc,
        fev1=float(np.interp(after, np.arange(len(out)), forced)),
        pef=float(blown[top]),
        fef25=flows[0],
        fef50=flows[1],
        fef75=flows[2],
        fef25_75=float(0.5 * fvc * rate_hz / max(three - quarter, 1)),
        extrapolated=max(0.0, float(np.interp(max(zero_at, 0), np.arange(len(out)), forced))),
        zero_s=float((start + zero_at) / rate_hz),
        end_s=end / rate_hz,
        settled_s=low / rate_hz + MORE_S,
        lasted_s=float((len(blown) - zero_at) / rate_hz),
        end_rise=max(0.0, min(float(plateau), _came_after(pure, end, rate_hz))),
        regained=_regained(blown[top : top + round(FIRST_S * rate_hz)]),
        is_cut_off=bool(at_limits(blown)[top]),
        zero=float(zero),
        noise=float(noise),
    )


def last_peak(flow: Floats) -> int:
    """Sample of the highest flow of the last forced breath, NOTHING_AT where there is none."""
    strong = np.flatnonzero(flow >= LEAST_PEAK_L_S)
    if not len(strong):
        return NOTHING_AT
    before = np.flatnonzero(~(flow[: strong[-1]] > 0))
    start = int(before[-1]) + 1 if len(before) else 0
    return start + int(np.argmax(flow[start : strong[-1] + 1]))


def _peak(flow: Floats) -> int:
    if not len(flow) or np.isnan(flow).all():
        return NOTHING_AT
    peak = int(np.nanargmax(flow))
    return peak if flow[peak] >= LEAST_PEAK_L_S else NOTHING_AT


def sensor_zero(flow: Floats, peak: int, rate_hz: int) -> tuple[float, float]:
    """Zero of the sensor and its noise from the rest around a breath; NaN and 0: no rest.

    Rest before counts; rest after counts where it agrees (a slow end looks like rest), or alone.
    """
    size = max(2, round(QUIET_S * rate_hz))
    parts: list[list[Floats]] = [[], []]
    for side, piece in ((0, flow[:peak]), (1, flow[peak:])):
        whole = piece[len(piece) % size :] if side else piece[: len(piece) // size * size]
        for each in whole.reshape(-1, size):
            if each.std() <= QUIET_SPREAD_L_S and abs(each.mean()) <= QUIET_OFFSET_L_S:
                parts[side].append(each)
    before, after = (np.concatenate(part) if part else np.empty(0) for part in parts)
    if len(after):
        after = _last_level(after, size)
    rest = before if len(before) else after
    if not len(rest):
        return float("nan"), 0.0
    noise = float(np.median([each.std() for each in rest.reshape(-1, size)]))
    if len(before) and len(after) and abs(before.mean() - after.mean()) <= SAME_ZERO_L_S:
        rest = np.concatenate((before, after))
    return float(rest.mean()), noise


def _last_level(rest: Floats, size: int) -> Floats:
    """The pieces at the end that agree with the last one: before them the breath still went on.

    Two means of `size` samples differ by chance by the noise of the sensor: what differs by more is
    the end of a breath. A sensor that is all but still would else call millilitres rest.
    """
    pieces = rest.reshape(-1, size)
    means = pieces.mean(axis=1)
    by_chance = MANY_SIGMAS * pieces[-1].std() * np.sqrt(2 / size)
    apart = np.flatnonzero(np.abs(means - means[-1]) > min(by_chance, SAME_ZERO_L_S))
    return rest[(apart[-1] + 1) * size if len(apart) else 0 :]


def _span(pure: Floats, peak: int, noise: float, rate_hz: int) -> tuple[int, int, int]:
    """First sample of the breath, where it sinks into the noise, the first after it."""
    smooth = _smooth(rate_hz)
    least = max(END_L_S, MANY_SIGMAS * noise / np.sqrt(smooth))
    before = np.flatnonzero(~(pure[:peak] > 0))
    start = int(before[-1]) + 1 if len(before) else 0
    known = np.concatenate(([0.0], np.cumsum(np.nan_to_num(pure[peak:]))))
    means = (known[smooth:] - known[:-smooth]) / smooth
    low = np.flatnonzero(means < least)
    if not len(low):
        return start, len(pure), len(pure)
    end = peak + int(low[0])
    rest = pure[end : end + round(MORE_S * rate_hz)]
    drawn_in = np.flatnonzero(~(rest > -QUIET_OFFSET_L_S - MANY_SIGMAS * noise))
    rest = rest[: drawn_in[0]] if len(drawn_in) else rest
    more = np.concatenate(([0.0], np.cumsum(rest)))
    return start, end, end + int(np.argmax(more))


def _smooth(rate_hz: int) -> int:
    """Samples over which the flow is looked at for having sunk."""
    return max(1, round(END_S * rate_hz))


def _came_after(pure: Floats, end: int, rate_hz: int) -> float:
    """Volume of the second after the end; without limit where too little of it is known."""
    after = pure[end : end + round(PLATEAU_S * rate_hz)]
    enough = np.isfinite(after).sum() >= 0.5 * PLATEAU_S * rate_hz
    return float(abs(np.nansum(after)) / rate_hz) if enough else float("inf")


def _when(out: Floats, volume: float) -> float:
    """Sample edge at which so much is out."""
    rising = np.maximum.accumulate(out)
    return float(np.interp(volume, rising, np.arange(len(out))))


def _flow_at(blown: Floats, out: Floats, volume: float) -> float:
    at = _when(out, volume) - 0.5
    return float(np.interp(at, np.arange(len(blown)), blown))


def _regained(first: Floats) -> float:
    """By how much the flow came back after it fell, as a share of the highest: 0 to 1."""
    fallen: NDArray[np.float64] = np.minimum.accumulate(first)
    return float(min((first - fallen).max(initial=0.0) / first[0], 1.0))
