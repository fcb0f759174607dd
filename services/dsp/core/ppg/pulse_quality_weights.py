"""Weights of the quality of a pulse rate.

Written by ``python -m tests.accuracy.train_pulse_quality --write``, which tells from what. Never
by hand.
"""

# fmt: off
WEIGHTS = (
    -0.4511, -5.936, -1.581, 1.143, -1.085, 2.015, 0.5498, 7.474, -3.24,
)
OFFSET = -4.102
