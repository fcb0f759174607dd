"""Beats of a simulated patient: when each R peak is, of which kind, and how strong."""

from bisect import bisect_left
from enum import IntEnum
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from devices.simulators.physiology.breathing import Breathing
from devices.simulators.physiology.happenings import HappeningKind, Schedule, Times, Values
from devices.simulators.physiology.variation import Wander, generator

RATE_RANGE_PER_MIN = (25.0, 220.0)
SINUS_ARRHYTHMIA = 0.035  # share of the interval by which breath moves a beat in a resting adult
JITTER = 0.006  # share of the interval, from beat to beat, without cause
PREMATURE_SHARE = 0.62  # of the interval after which an ectopic beat comes; the pause makes it up


class BeatKind(IntEnum):
    """What a beat is in truth."""

    NORMAL = 0
    VENTRICULAR = 1
    SUPRAVENTRICULAR = 2


class Beats(NamedTuple):
    """Beats as columns, ascending in time."""

    times_s: Times
    kinds: NDArray[np.int8]
    amplitudes: Values  # factor on the whole beat, about 1
    intervals_s: Values  # from the beat before


class _Beat(NamedTuple):
    time_s: float
    kind: BeatKind
    amplitude: float
    interval_s: float


@final
class Heart:
    """The sequence of beats, made as far as somebody asked, the same whatever the steps."""

    def __init__(
        self,
        *,
        seed: int,
        rate_per_min: float,
        ectopic_share: float,
        schedule: Schedule,
        breathing: Breathing,
    ) -> None:
        """Begin shortly before second 0; ``ectopic_share`` of all beats is ectopic at rest."""
        self._chance = generator(seed, 0x4EA7)
        self._slow = Wander.of(seed, 21, slowest_s=240.0, fastest_s=40.0)
        self._quick = Wander.of(seed, 22, slowest_s=16.0, fastest_s=8.0)  # 0.1 Hz: Mayer waves
        self._rate = rate_per_min
        self._ectopic_share = ectopic_share
        self._schedule = schedule
        self._breathing = breathing
        self._pause_s = 0.0
        self._beats: list[_Beat] = [_Beat(-0.4, BeatKind.NORMAL, 1.0, 60.0 / rate_per_min)]

    def rate_at(self, times: Times) -> Values:
        """Rate that the heart aims at, per minute; single beats vary about it."""
        aimed = (
            self._rate
            + 3.0 * self._slow.at(times)
            + 1.2 * self._quick.at(times)
            + self._schedule.magnitude_at(HappeningKind.TACHYCARDIA, times)
            - self._schedule.magnitude_at(HappeningKind.BRADYCARDIA, times)
            + 0.8 * self._schedule.magnitude_at(HappeningKind.DESATURATION, times)
        )
        return np.clip(aimed, *RATE_RANGE_PER_MIN)

    def beats(self, start_s: float, end_s: float) -> Beats:
        """Beats whose R peak lies in [start, end)."""
        self._extend(end_s)
        first = bisect_left(self._beats, start_s, key=lambda beat: beat.time_s)
        last = bisect_left(self._beats, end_s, key=lambda beat: beat.time_s)
        chosen = self._beats[first:last]
        return Beats(
            np.array([beat.time_s for beat in chosen], np.float64),
            np.array([beat.kind for beat in chosen], np.int8),
            np.array([beat.amplitude for beat in chosen], np.float64),
            np.array([beat.interval_s for beat in chosen], np.float64),
        )

    def forget(self, before_s: float) -> None:
        """Drop beats that nobody will ask for again; the last is always kept."""
        keep = bisect_left(self._beats, before_s, key=lambda beat: beat.time_s)
        del self._beats[: min(keep, len(self._beats) - 1)]

    def _extend(self, until_s: float) -> None:
        while self._beats[-1].time_s < until_s:
            self._beats.append(self._next(self._beats[-1].time_s))

    def _next(self, now: float) -> _Beat:
        at = np.array([now])
        regular = 60.0 / float(self.rate_at(at)[0])
        breath = float(self._breathing.volume_at(at)[0]) - 0.5
        uniform, jitter, strength = (
            float(self._chance.uniform()),
            float(self._chance.standard_normal()),
            float(self._chance.standard_normal()),
        )
        # Inspiration quickens the heart.
        interval = regular * (1.0 - 2 * SINUS_ARRHYTHMIA * breath + JITTER * jitter)
        amplitude = 1.0 + 0.03 * strength
        if self._pause_s > 0.0:
            interval, self._pause_s = interval + self._pause_s, 0.0
            return _Beat(now + interval, BeatKind.NORMAL, amplitude, interval)
        share = self._ectopic_share + float(
            self._schedule.magnitude_at(HappeningKind.ECTOPICS, at)[0]
        )
        if uniform >= share:
            return _Beat(now + interval, BeatKind.NORMAL, amplitude, interval)
        early = interval * PREMATURE_SHARE
        if uniform < 0.75 * share:
            self._pause_s = interval - early  # full compensatory pause
            return _Beat(now + early, BeatKind.VENTRICULAR, amplitude, early)
        return _Beat(now + early, BeatKind.SUPRAVENTRICULAR, amplitude, early)
