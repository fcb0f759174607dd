"""A small network that judges the numbers of an impact, and how it learns.

Several nets of one hidden layer, their probabilities averaged: a few hundred numbers. Trained by
`tests/accuracy/train_falls.py`; sums run in whole numbers where a row must not depend on its
neighbours, see `conditioning.filters`.
"""

from typing import NamedTuple

import numpy as np

from services.dsp.core.conditioning import functions
from services.dsp.core.windows import Floats


class FallNetwork(NamedTuple):
    """Nets (nets, inputs, hidden), (nets, hidden), (nets, hidden), (nets,), on scaled numbers."""

    mean: Floats
    spread: Floats
    weights: Floats
    offsets: Floats
    out: Floats
    bias: Floats


def probability(network: FallNetwork, numbers: Floats) -> Floats:
    """How likely each impact (rows, inputs) was a fall: (rows,)."""
    scaled = (numbers - network.mean) / network.spread
    total = np.zeros(len(numbers))
    for weights, offsets, out, bias in zip(
        network.weights, network.offsets, network.out, network.bias, strict=True
    ):
        hidden = functions.tanh((scaled[:, :, None] * weights[None]).sum(axis=1) + offsets)
        says = (hidden * out).sum(axis=1) + bias
        total += 1 / (1 + functions.exp(-np.clip(says, -30, 30)))
    return np.asarray(total / len(network.bias))
