"""Weights of the quality of a heart rate.

Written by ``python -m tests.accuracy.train_rate_quality --write``, which tells from what. Never by
hand.
"""

# fmt: off
WEIGHTS = (
    -1.759, 1.488, 3.423, 8.295, 2.185, -4.905,
)
OFFSET = -26.16
CALIBRATION = ((
    -23.93, -21.5, -17.93, -15.1, -13.08, -11.49, -7.274, -3.105, -1.594, 0.3324, 2.552,
    4.123, 7.521, 12.27, 18.54, 23.68,
), (
    0.001577, 0.03233, 0.1601, 0.2973, 0.3712, 0.3921, 0.4174, 0.4964, 0.5881, 0.6792, 0.8067,
    0.8336, 0.9289, 0.9937, 0.999, 1,
))
