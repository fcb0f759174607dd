"""What a model of device chooses of how its samples are worked out, and how the choice travels.

The gateway writes the choice into the flags of every frame of the device, from bit 8 on: so it is
stored with the samples, and what is computed again later is computed by the same choice.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

CURVE_SHIFT = 8
CURVE_BITS = 0xF << CURVE_SHIFT
WITH_PUBLISHED_RADAR = 1 << 12


class SaturationCurve(StrEnum):
    """Curve from the ratio of ratios to saturation: that of the sensor (dsp has the numbers).

    Frames carry its place in this order: only ever append.
    """

    MAXIM_QUADRATIC = "maxim_quadratic"
    LINEAR_110_25 = "linear_110_25"
    BEER_LAMBERT = "beer_lambert"
    MAXIM_TABLE = "maxim_table"

    @property
    def number(self) -> int:
        """Place in the order."""
        return CURVES.index(self)


CURVES = tuple(SaturationCurve)
assert len(CURVES) <= CURVE_BITS >> CURVE_SHIFT


class RadarChain(StrEnum):
    """Which chains run on I and Q."""

    OURS = "ours"
    WITH_PUBLISHED = "with_published"  # beside ours, for comparison


class Processing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model chooses; the defaults are what runs where nothing is chosen."""

    saturation_curve: SaturationCurve = SaturationCurve.MAXIM_QUADRATIC
    radar_chain: RadarChain = RadarChain.OURS

    @property
    def frame_flags(self) -> int:
        """Bits in the flags of a frame."""
        published = self.radar_chain is RadarChain.WITH_PUBLISHED
        curve = self.saturation_curve.number << CURVE_SHIFT
        return curve | (WITH_PUBLISHED_RADAR if published else 0)


def laid_over(of_model: Processing, of_device: object) -> Processing | None:
    """The choice of a model with that of a single device over it; None where that makes none.

    Parameters
    ----------
    of_device : as a person wrote it into the settings of the device
    """
    if not isinstance(of_device, Mapping):
        return None
    try:
        return msgspec.convert({**msgspec.structs.asdict(of_model), **of_device}, Processing)
    except msgspec.ValidationError:
        return None
