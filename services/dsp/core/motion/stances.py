"""How the sensors of devices sit on those who wear them, as told by standing upright and still.

Somebody says that a wearer stands upright; the samples of the seconds before say how chest and
thigh sit. What was found holds for a device from one moment until another, so that a time that is
computed again later is computed with what held then.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.frame_values import frame_values
from services.dsp.core.motion.alive import LOUD_G
from services.dsp.core.motion.wearing import AS_NAMED, STAND_S, UPSIDE_DOWN, gated, upright
from services.dsp.core.windows import SECOND_US, Floats, Instants, second_of
from shared.contracts.frames import FrameBatch
from shared.contracts.streams import Place, Stream

SENSORS = (Place.CHEST, Place.THIGH)
LEAST_SEEN = 0.8  # of the seconds that were stood
# Spread of three axes: who stands sways by less than 0.03 g, a step is 0.05 and more.
MOST_SWAY_G = LOUD_G


class Unread(StrEnum):
    """Why a stance says nothing."""

    NO_SAMPLES = "no_samples"
    MOVED = "moved"
    UPSIDE_DOWN = "upside_down"


class Sitting(NamedTuple):
    """Where up was in the axes of each sensor while its wearer stood: (3,), of length 1."""

    chest: Floats
    thigh: Floats


class ToldStance(NamedTuple):
    """How the sensors of a device sit in [from_us, until_us), us UTC."""

    device: int
    from_us: int
    until_us: int
    sitting: Sitting


class Stances:
    """What was told of devices. Of two that hold at once the later in their order counts."""

    def __init__(self, told: Iterable[ToldStance] = ()) -> None:
        self._told = sorted(told, key=_device)
        columns = np.array([each[:3] for each in self._told], dtype=np.int64).reshape(-1, 3).T
        self._device, self._from_us, self._until_us = columns.copy()
        up = np.array([each.sitting for each in self._told], dtype=np.float64).reshape(-1, 3)
        self._turn = upright(up).reshape(-1, len(SENSORS), 3, 3)

    def at(self, devices: NDArray[np.int32], times: Instants) -> Floats:
        """From the axes of chest and thigh to those of the body: (devices, 2, 3, 3)."""
        found = np.repeat(AS_NAMED[None, None], len(devices), axis=0)
        found = np.repeat(found, len(SENSORS), axis=1)
        begin_us = second_of(times) * SECOND_US  # a first sample may be early by half of one
        first = np.searchsorted(self._device, devices, side="left")
        count = np.searchsorted(self._device, devices, side="right") - first
        for number in range(int(count.max(initial=0))):
            asked = np.flatnonzero(count > number)
            row = first[asked] + number
            holds = (begin_us[asked] >= self._from_us[row]) & (
                begin_us[asked] < self._until_us[row]
            )
            found[asked[holds]] = self._turn[row[holds]]
        return found


def sitting_of(frames: FrameBatch | None, end_us: int) -> Sitting | Unread:
    """How chest and thigh of a device sit whose wearer stood for `STAND_S` before `end_us`.

    Parameters
    ----------
    frames : of the accelerometers of the device in that time, perhaps of more; None: there are none
    """
    if frames is None:
        return Unread.NO_SAMPLES
    ups: list[Floats] = []
    for place in SENSORS:
        up = _up(_worn_at(frames, place, end_us))
        if isinstance(up, Unread):
            return up
        ups.append(up)
    return Sitting(*ups)


def tilt_deg(up: Floats) -> float:
    """How far a sensor is from sitting as its axes are named."""
    return float(np.degrees(functions.arccos(np.clip(up[:1], -1.0, 1.0)))[0])


def _worn_at(frames: FrameBatch, place: Place, end_us: int) -> Floats:
    """Samples (3, n) of that sensor in the time that was stood; no sample where too few came."""
    table = frames.table
    of_it = (
        (table["stream"] == Stream.ACCELEROMETER) & (table["place"] == place)
        & (table["channels"] >= len(AS_NAMED)) & (table["interval_ns"] > 0)
    )  # fmt: skip
    table = table[of_it]
    parts: list[Floats] = [np.empty((len(AS_NAMED), 0))]
    seen_us = 0.0
    for values, t0, interval_ns in zip(
        frame_values(table, frames.samples), table["t0"], table["interval_ns"], strict=True
    ):
        t = int(t0) + np.arange(values.shape[1]) * int(interval_ns) // 1000
        inside = (t >= end_us - STAND_S * SECOND_US) & (t < end_us)
        axes: Floats = values[: len(AS_NAMED), inside].astype(np.float64)
        axes = axes[:, np.isfinite(axes).all(axis=0)]
        parts.append(axes)
        seen_us += axes.shape[1] * int(interval_ns) / 1000
    if seen_us < LEAST_SEEN * STAND_S * SECOND_US:
        return parts[0]
    return np.concatenate(parts, axis=1)


def _up(samples: Floats) -> Floats | Unread:
    if not samples.shape[1]:
        return Unread.NO_SAMPLES
    mean = samples.mean(axis=1)
    sway = np.sqrt(((samples - mean[:, None]) ** 2).sum(axis=0).mean())
    if sway > MOST_SWAY_G or not np.isfinite(gated(mean[:, None])).all():
        return Unread.MOVED
    up: Floats = mean / np.sqrt((mean * mean).sum())
    return Unread.UPSIDE_DOWN if up[0] < UPSIDE_DOWN else up


def _device(one: ToldStance) -> int:
    return one.device
