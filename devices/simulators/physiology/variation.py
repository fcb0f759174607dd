"""Randomness that depends on a seed and a second alone, so that any cut gives the same signal."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.random import Generator, default_rng

from devices.simulators.physiology.happenings import Times, Values


def generator(seed: int, *place: int) -> Generator:
    """Source of chance for one place: the same numbers for the same arguments, for ever."""
    return default_rng([seed & 0xFFFFFFFF, *(part & 0xFFFFFFFF for part in place)])


def white_noise(seed: int, channel: int, second: int, n_samples: int) -> Values:
    """Standard normal samples of one second of one channel."""
    return generator(seed, 0x5EED, channel, second).standard_normal(n_samples)


@dataclass(frozen=True, slots=True)
class Wander:
    """A slow, bounded walk: a sum of sines with phases by chance, mean 0, about -1 to 1."""

    frequencies_hz: tuple[float, ...]
    phases: tuple[float, ...]

    @classmethod
    @lru_cache(maxsize=16_384)  # ten a patient
    def of(cls, seed: int, place: int, *, slowest_s: float, fastest_s: float) -> Self:
        """Four sines with periods spread between the slowest and the fastest."""
        chance = generator(seed, 0x3A4D, place)
        edges = np.geomspace(1.0 / slowest_s, 1.0 / fastest_s, 5)
        frequencies = chance.uniform(edges[:-1], edges[1:])
        return cls(tuple(frequencies), tuple(chance.uniform(0.0, 2 * np.pi, 4)))

    def at(self, times: Times) -> Values:
        """Value at each time."""
        turns = np.multiply.outer(times, 2 * np.pi * np.array(self.frequencies_hz))
        bounded: Values = np.sin(turns + np.array(self.phases)).sum(axis=-1) / 2.0
        return bounded
