"""Small nets of tanh units, exact to the last bit whatever the number of rows.

Inputs and weights are rounded to whole numbers of 1/1024 and 1/4096, so that every sum fits the
53 bits of a double: its order does not matter, and a matrix product may choose it.
"""

import base64
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from services.dsp.core.conditioning import functions
from services.dsp.core.windows import Floats, Samples

BOUND = 6.0  # of inputs, which are logarithms: beyond a factor of 400 more says nothing more
INPUT_UNIT = 1024.0
WEIGHT_UNIT = 4096.0


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """Weights (inputs, units) and offsets (units,) of each layer, in whole numbers."""

    layers: tuple[tuple[Floats, Floats], ...]

    def log_odds(self, features: Samples) -> Floats:
        """Logarithm of the odds of each row (rows, inputs)."""
        values: Samples = np.clip(features, -BOUND, BOUND).astype(np.float64)
        for number, (weights, offset) in enumerate(self.layers):
            total = np.rint(values * INPUT_UNIT) @ weights
            values = (total + offset) / (INPUT_UNIT * WEIGHT_UNIT)
            if number + 1 < len(self.layers):
                values = functions.tanh(values)
        return np.asarray(values[:, 0])


def net(layers: list[tuple[Floats, Floats]]) -> Net:
    """A net from weights (inputs, units) and offsets (units,)."""
    return Net(
        tuple(
            (np.rint(weights * WEIGHT_UNIT), np.rint(offset * WEIGHT_UNIT) * INPUT_UNIT)
            for weights, offset in layers
        )
    )


def as_text(one: Net) -> str:
    """All weights, row by row, as whole numbers of 32 bits in base 85."""
    numbers = [
        np.concatenate((weights.ravel(), offset / INPUT_UNIT)) for weights, offset in one.layers
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
