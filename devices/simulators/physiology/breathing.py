"""Breaths of a simulated patient: when each begins, and how far the chest is open."""

from bisect import bisect_left, bisect_right
from typing import final

import numpy as np

from devices.simulators.physiology.happenings import HappeningKind, Schedule, Times, Values
from devices.simulators.physiology.variation import Wander, generator

INSPIRATION_SHARE = 0.4  # of a breath at rest: 1 to 1.5, between textbook 1:1 and 1:2
LEAST_RATE_PER_MIN = 4.0


@final
class Breathing:
    """The sequence of breaths, made as far as somebody asked, the same whatever the steps."""

    def __init__(self, *, seed: int, rate_per_min: float, schedule: Schedule) -> None:
        """Begin at second 0 with a breath; ``rate_per_min`` is the mean at rest."""
        self._chance = generator(seed, 0xB4EA)
        self._wander = Wander.of(seed, 11, slowest_s=180.0, fastest_s=25.0)
        self._rate = rate_per_min
        self._schedule = schedule
        self._onsets: list[float] = [-60.0 / rate_per_min, 0.0]

    def rate_at(self, times: Times) -> Values:
        """Rate that the patient aims at, per minute; single breaths vary about it."""
        added = self._schedule.magnitude_at(HappeningKind.TACHYPNOEA, times)
        aimed: Values = np.maximum(
            LEAST_RATE_PER_MIN, self._rate + 1.5 * self._wander.at(times) + added
        )
        return aimed

    def depth_at(self, times: Times) -> Values:
        """Depth of breath, 1 at rest, 0 in apnoea."""
        lost = self._schedule.magnitude_at(HappeningKind.APNOEA, times)
        depth: Values = 1.0 - np.clip(lost, 0.0, 1.0)
        return depth

    def onsets(self, start_s: float, end_s: float) -> Times:
        """Beginnings of inspiration in [start, end)."""
        self._extend(end_s)
        first, last = bisect_left(self._onsets, start_s), bisect_left(self._onsets, end_s)
        return np.array(self._onsets[first:last])

    def volume_at(self, times: Times) -> Values:
        """How far the chest is open at each (ascending) time: 0 empty, 1 full."""
        if len(times) == 0:
            return np.zeros(0)
        self._extend(float(times[-1]) + 60.0 / LEAST_RATE_PER_MIN)
        first = bisect_right(self._onsets, float(times[0])) - 1
        last = bisect_right(self._onsets, float(times[-1])) + 1
        onsets = np.array(self._onsets[max(0, first) : last])
        index = np.clip(np.searchsorted(onsets, times, side="right") - 1, 0, len(onsets) - 2)
        share = (times - onsets[index]) / (onsets[index + 1] - onsets[index])
        rising = 0.5 - 0.5 * np.cos(np.pi * share / INSPIRATION_SHARE)
        sinking = 0.5 + 0.5 * np.cos(np.pi * (share - INSPIRATION_SHARE) / (1 - INSPIRATION_SHARE))
        volume: Values = np.where(share < INSPIRATION_SHARE, rising, sinking)
        return volume * self.depth_at(times)

    def forget(self, before_s: float) -> None:
        """Drop breaths that nobody will ask for again; two are always kept."""
        keep = min(bisect_left(self._onsets, before_s), len(self._onsets) - 2)
        del self._onsets[: max(0, keep)]

    def _extend(self, until_s: float) -> None:
        while self._onsets[-1] < until_s:
            now = self._onsets[-1]
            period = 60.0 / float(self.rate_at(np.array([now]))[0])
            self._onsets.append(now + period * float(1 + 0.04 * self._chance.standard_normal()))
