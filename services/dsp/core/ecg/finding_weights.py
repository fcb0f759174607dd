"""How sure findings of rhythm are: weights of what speaks for them, and limits.

Written by ``python -m tests.accuracy.train_findings --write``, which tells from what.
Never by hand.
"""

from collections.abc import Mapping

WEIGHTS: Mapping[str, tuple[float, ...]] = {}
BOUNDS: Mapping[str, tuple[float, float]] = {}
