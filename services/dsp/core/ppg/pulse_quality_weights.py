"""Weights of the quality of a pulse rate.

Written by ``python -m tests.accuracy.train_pulse_quality --write``, which tells from what. Never
by hand.
"""

# fmt: off
WEIGHTS = (
    2.252, -3.758, -2.674, 1.193, -0.9828, 1.516, 0.1917, 6.366,
)
OFFSET = -5.404
