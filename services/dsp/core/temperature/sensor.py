"""Body temperature from a sensor's own readings, settled and plausible."""

from dataclasses import dataclass

import numpy as np

from services.dsp.core.outputs import Output, Reading
from services.dsp.core.windows import Instants, Samples, present, shifted
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import Method

WINDOW_S = 60  # a device that reads once a minute still answers
NEWEST = 15  # readings that the answer is the mean of: sensor noise goes, fever does not
SKIN_LOW, SKIN_HIGH = 30.0, 43.0  # outside: the sensor is not on a body
SETTLED_PER_MIN, MOVING_PER_MIN = 0.15, 1.0  # degrees: a body changes slower than that
SPREAD_LIMIT = 0.5  # degrees between the readings of a window that is not moving


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureState:
    """The reading of each of the last `WINDOW_S` seconds, NaN where there was none."""

    readings: Samples


def init(devices: int, rate_hz: int = 1) -> TemperatureState:
    """Nothing seen yet. Readings come at any pace up to one a second."""
    if rate_hz != 1:
        raise ValueError(f"single readings have a grid of 1 Hz, not {rate_hz}")
    return TemperatureState(readings=np.full((devices, WINDOW_S), np.nan))


def step(
    state: TemperatureState, samples: Samples, times: Instants
) -> tuple[TemperatureState, Output]:
    """Take one second (devices, 1) in degrees Celsius, NaN where nothing was read.

    Returns
    -------
    state, and the mean of the newest readings. Quality falls while the sensor still settles,
    where readings scatter, and outside the range of skin.
    """
    assert len(times) == len(samples)
    row = MEASURES[Measure.TEMPERATURE]
    plausible = (samples >= row.low) & (samples <= row.high)
    readings = shifted(state.readings, np.where(plausible, samples, np.nan))
    seen = np.isfinite(readings)
    n = seen.sum(axis=1)
    from_end = np.cumsum(seen[:, ::-1], axis=1)[:, ::-1]
    newest = seen & (from_end <= NEWEST)
    oldest = seen & (from_end > n[:, None] - NEWEST)
    value, before = _mean(readings, newest), _mean(readings, oldest)
    apart_s = _mean(np.broadcast_to(np.arange(WINDOW_S) * 1.0, readings.shape), newest) - _mean(
        np.broadcast_to(np.arange(WINDOW_S) * 1.0, readings.shape), oldest
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        per_min = np.where(apart_s > 0, 60 * np.abs(value - before) / apart_s, 0.0)
    spread = np.where(newest, np.abs(readings - value[:, None]), 0.0).max(axis=1)
    quality = np.interp(present(per_min), (SETTLED_PER_MIN, MOVING_PER_MIN), (1.0, 0.3))
    quality *= np.interp(spread, (SPREAD_LIMIT, 4 * SPREAD_LIMIT), (1.0, 0.2))
    worn = (value >= SKIN_LOW) & (value <= SKIN_HIGH)
    quality = np.where(np.isfinite(value), np.where(worn, quality, 0.2), 0.0)
    coverage = (n > 0).astype(float)
    reading = Reading(
        Measure.TEMPERATURE, Method.TEMPERATURE_SENSOR, value, quality, coverage
    )  # fmt: skip
    return TemperatureState(readings=readings), Output((reading,))


def _mean(values: Samples, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Samples:
    total = np.where(chosen, values, 0.0).sum(axis=1)
    n = chosen.sum(axis=1)
    return np.asarray(np.where(n > 0, total / np.maximum(n, 1), np.nan))
