"""Weights of the quality of a pulse rate.

Written by ``python -m tests.accuracy.train_pulse_quality --write``, which tells from what. Never
by hand.
"""

# fmt: off
WEIGHTS = (
    4.218, -4.03, -2.773, 1.785, -2.226, 3.828,
)
OFFSET = -0.4012
