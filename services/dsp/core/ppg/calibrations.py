"""THE table of calibrations: oxygen saturation from the ratio of ratios, by name.

A curve belongs to a sensor: its diodes, its filter, its place. The wrong one is biased by several
percent (docs/science/ppg.md). A model of device names its own (`[processing]` of its TOML); frames
carry it. To add one, add a row here, its name in `shared/contracts/processing.py` and its method.
"""

from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.outputs import FrameFlags
from services.dsp.core.windows import Samples
from shared.contracts.methods import Method
from shared.contracts.processing import CURVE_BITS, CURVE_SHIFT, CURVES, SaturationCurve


class Calibration(NamedTuple):
    """Percent = (second R^2 + first R + constant) / (1 + below R), or what a table says.

    Attributes
    ----------
    method : by which values of this curve are known
    table : percent at R = 0, 0.01, ...; between them straight lines, outside nothing
    """

    key: SaturationCurve
    source: str
    method: Method
    second: float = 0.0
    first: float = 0.0
    constant: float = 0.0
    below: float = 0.0
    table: tuple[int, ...] = ()

    def percent(self, ratio: Samples) -> Samples:
        """Saturation in percent for each ratio; not bounded."""
        if self.table:
            at = np.arange(len(self.table)) / 100
            return np.interp(ratio, at, self.table, left=np.nan, right=np.nan)
        above = (self.second * ratio + self.first) * ratio + self.constant
        return np.asarray(above / (1 + self.below * ratio))


MAXIM_QUADRATIC = Calibration(
    key=SaturationCurve.MAXIM_QUADRATIC,
    method=Method.PPG_RATIO_OF_RATIOS,
    source="application notes of the MAX3010x",
    second=-45.060, first=30.354, constant=94.845,
)  # fmt: skip
LINEAR = Calibration(
    key=SaturationCurve.LINEAR_110_25,
    method=Method.PPG_RATIO_LINEAR,
    source="Webster 1997, Design of Pulse Oximeters: the empirical line of transmission probes",
    second=0.0, first=-25.0, constant=110.0,
)  # fmt: skip
BEER_LAMBERT = Calibration(
    key=SaturationCurve.BEER_LAMBERT,
    method=Method.PPG_RATIO_BEER_LAMBERT,
    source="Webster 1997: (0.81 - 0.18 R) / (0.63 + 0.11 R), absorption at 660 and 940 nm without "
    "scattering; tells too much",
    second=0.0, first=-18 / 0.63, constant=81 / 0.63, below=0.11 / 0.63,
)  # fmt: skip

MAXIM_TABLE = Calibration(
    key=SaturationCurve.MAXIM_TABLE,
    source="uch_spo2_table of the maker's example program for the MAX30102 (MAXREFDES117): the "
    "quadratic in whole percent",
    method=Method.PPG_RATIO_TABLE,
    table=(
        95, 95, 95, 96, 96, 96, 97, 97, 97, 97, 97, 98, 98, 98, 98, 98, 99, 99, 99, 99,
        99, 99, 99, 99, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100,
        100, 100, 100, 100, 100, 99, 99, 99, 99, 99, 99, 99, 99, 98, 98, 98, 98, 98, 98, 97, 97,
        97, 97, 96, 96, 96, 96, 95, 95, 95, 94, 94, 94, 93, 93, 93, 92, 92, 92, 91, 91,
        90, 90, 89, 89, 89, 88, 88, 87, 87, 86, 86, 85, 85, 84, 84, 83, 82, 82, 81, 81,
        80, 80, 79, 78, 78, 77, 76, 76, 75, 74, 74, 73, 72, 72, 71, 70, 69, 69, 68, 67,
        66, 66, 65, 64, 63, 62, 62, 61, 60, 59, 58, 57, 56, 56, 55, 54, 53, 52, 51, 50,
        49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 31, 30, 29,
        28, 27, 26, 25, 23, 22, 21, 20, 19, 17, 16, 15, 14, 12, 11, 10, 9, 7, 6, 5,
        3, 2, 1,
    ),
)  # fmt: skip

CALIBRATIONS: MappingProxyType[SaturationCurve, Calibration] = MappingProxyType(
    {row.key: row for row in (MAXIM_QUADRATIC, LINEAR, BEER_LAMBERT, MAXIM_TABLE)}
)
_METHODS = np.array([CALIBRATIONS[curve].method for curve in CURVES], dtype=np.int8)


def curves_of(flags: FrameFlags) -> NDArray[np.intp]:
    """The place in `CURVES` of each device's curve; the usual one where nobody knows the number."""
    number = ((flags & CURVE_BITS) >> CURVE_SHIFT).astype(np.intp)
    return np.where(number < len(CURVES), number, SaturationCurve.MAXIM_QUADRATIC.number)


def percent_by(curve: NDArray[np.intp], ratio: Samples) -> Samples:
    """Saturation in percent of each ratio by the curve of its device: its place in `CURVES`."""
    percent = np.full(len(ratio), np.nan)
    for number in np.unique(curve):  # a few at most
        mine = curve == number
        percent[mine] = CALIBRATIONS[CURVES[number]].percent(ratio[mine])
    return percent


def methods_of(curve: NDArray[np.intp]) -> NDArray[np.int8]:
    """The method by which values of each device's curve are known."""
    return np.asarray(_METHODS[curve])
