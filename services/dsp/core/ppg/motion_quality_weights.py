"""Weights of the quality of a pulse rate in motion.

Written by ``python -m tests.accuracy.train_motion_quality --write``, which tells from what. Never
by hand.
"""

# fmt: off
WEIGHTS = (-1.161, -0.5166, 0.6501, 1.774, 0.2825, -1.16)
OFFSET = -1.404
