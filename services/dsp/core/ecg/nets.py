"""Small nets of tanh units, exact to the last bit whatever the number of rows.

Inputs and weights are rounded to whole numbers of parts (1/1024 and 1/4096, or finer ones for few
inputs), so that every sum fits the 53 bits of a double: its order does not matter, and a matrix
product may choose it.
"""

import base64
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from services.dsp.core.conditioning import functions
from services.dsp.core.windows import Floats, Samples

BOUND = 6.0  # of inputs, which are logarithms: beyond a factor of 400 more says nothing more
INPUT_UNIT = 1024.0
WEIGHT_UNIT = 4096.0
BLOCK = 2048  # rows at once: what they take stays in the cache


class Parts(NamedTuple):
    """How many parts of one inputs and weights are rounded to."""

    of_input: float
    of_weight: float


COARSE = Parts(INPUT_UNIT, WEIGHT_UNIT)
FINE = Parts(
    2.0**20, 2.0**20
)  # for 64 inputs, or 512 units, and weights below 16: 23 + 24 + 6 bits


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """Weights (inputs, units) and offsets (units,) of each layer, in whole numbers."""

    layers: tuple[tuple[Floats, Floats], ...]
    parts: Parts = COARSE

    def log_odds(self, features: Samples) -> Floats:
        """Logarithm of the odds of each row (rows, inputs)."""
        told = np.empty(len(features))
        for begin in range(0, len(features), BLOCK):
            part = slice(begin, begin + BLOCK)
            told[part] = self._log_odds(features[part])
        return told

    def _log_odds(self, features: Samples) -> Floats:
        of_input, of_weight = self.parts
        values: Samples = np.empty(features.shape)
        np.clip(features, -BOUND, BOUND, out=values)
        for number, (weights, offset) in enumerate(self.layers):
            if number:
                values = functions.tanh(values)
            values *= of_input
            values = np.rint(values, out=values) @ weights
            values += offset
            values *= 1 / (of_input * of_weight)  # a power of two: exact
        return np.asarray(values[:, 0])


def net(layers: list[tuple[Floats, Floats]], parts: Parts = COARSE) -> Net:
    """A net from weights (inputs, units) and offsets (units,)."""
    of_input, of_weight = parts
    whole = tuple(
        (np.rint(weights * of_weight), np.rint(offset * of_weight) * of_input)
        for weights, offset in layers
    )
    return Net(whole, parts)


def as_text(one: Net) -> str:
    """All weights, row by row, as whole numbers of 32 bits in base 85."""
    numbers = [
        np.concatenate((weights.ravel(), offset / one.parts.of_input))
        for weights, offset in one.layers
    ]
    return base64.b85encode(np.concatenate(numbers).astype("<i4").tobytes()).decode()


def from_text(text: str, sizes: tuple[int, ...]) -> Net:
    """The net of `as_text`; `sizes` are the numbers of inputs, of units of each layer, and 1."""
    numbers = np.frombuffer(base64.b85decode(text), dtype="<i4").astype(np.float64)
    layers, begin = [], 0
    for inputs, units in pairwise(sizes):
        middle, end = begin + inputs * units, begin + (inputs + 1) * units
        weights = numbers[begin:middle].reshape(inputs, units)
        layers.append((weights, numbers[middle:end] * INPUT_UNIT))
        begin = end
    assert begin == len(numbers)
    return Net(tuple(layers))
