"""THE table of calibrations: oxygen saturation from the ratio of ratios, by name.

A curve belongs to a sensor: its diodes, its filter, its place. The wrong one is biased by several
percent (docs/science/ppg.md). To add one, add a row.
"""

from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from services.dsp.core.windows import Samples


class Calibration(NamedTuple):
    """Percent = (second R^2 + first R + constant) / (1 + below R)."""

    key: str
    source: str
    second: float
    first: float
    constant: float
    below: float = 0.0

    def percent(self, ratio: Samples) -> Samples:
        """Saturation in percent for each ratio; not bounded."""
        above = (self.second * ratio + self.first) * ratio + self.constant
        return np.asarray(above / (1 + self.below * ratio))


MAXIM_QUADRATIC = Calibration(
    key="maxim_quadratic",
    source="application notes of the MAX3010x",
    second=-45.060, first=30.354, constant=94.845,
)  # fmt: skip
LINEAR = Calibration(
    key="linear_110_25",
    source="Webster 1997, Design of Pulse Oximeters: the empirical line of transmission probes",
    second=0.0, first=-25.0, constant=110.0,
)  # fmt: skip
BEER_LAMBERT = Calibration(
    key="beer_lambert",
    source="Webster 1997: (0.81 - 0.18 R) / (0.63 + 0.11 R), absorption at 660 and 940 nm without "
    "scattering; tells too much",
    second=0.0, first=-18 / 0.63, constant=81 / 0.63, below=0.11 / 0.63,
)  # fmt: skip

CALIBRATIONS: MappingProxyType[str, Calibration] = MappingProxyType(
    {row.key: row for row in (MAXIM_QUADRATIC, LINEAR, BEER_LAMBERT)}
)
