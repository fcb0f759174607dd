"""Weights of the quality of a pulse rate in motion.

Written by ``python -m tests.accuracy.train_motion_quality --write``, which tells from what. Never
by hand.
"""

# fmt: off
WEIGHTS = (-0.7953, -0.3686, 0.9312)
OFFSET = 0.1274
