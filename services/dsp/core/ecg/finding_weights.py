"""How sure findings of rhythm are: weights of what speaks for them, and limits.

Written by ``python -m tests.accuracy.train_findings --write``, which tells from what.
Never by hand.
"""

from collections.abc import Mapping

WEIGHTS: Mapping[str, tuple[float, ...]] = {
    "bradycardia": (2.322, 0.0, 0.0),
    "tachycardia": (2.152, 0.0, 0.0),
    "irregular_as_in_atrial_fibrillation": (1.01, 0.0, 0.0, 0.0),
    "bigeminy": (1.916, 0.0, 0.0),
    "trigeminy": (0.408, 0.0, 0.0),
    "frequent_ventricular_beats": (1.186, 0.0, 0.0),
    "ventricular_tachycardia": (0.693, 0.0, 0.0),
    "asystole": (1.085, 0.0, 0.0, 0.0),
    "pause": (2.363, 0.0, 0.0, 0.0),
    "couplet": (-1.587, 0.595, 0.429),
    "ventricular_run": (0.756, 0.0, 0.0),
}
BOUNDS: Mapping[str, tuple[float, float]] = {
    "bradycardia": (0.021, 0.979),
    "tachycardia": (0.005, 0.995),
    "irregular_as_in_atrial_fibrillation": (0.091, 0.909),
    "bigeminy": (0.006, 0.994),
    "trigeminy": (0.01, 0.99),
    "frequent_ventricular_beats": (0.029, 0.971),
    "ventricular_tachycardia": (0.333, 0.667),
    "asystole": (0.062, 0.938),
    "pause": (0.008, 0.992),
    "couplet": (0.003, 0.997),
    "ventricular_run": (0.05, 0.95),
}
