"""The numbers of a hub's protocol that a real one may have otherwise."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Self

from shared.contracts.codec import Constant
from shared.contracts.instants import DAY, MINUTE

_THESIS = "A. John, MSc thesis, UTA 2012"
CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {
        "ecg_rate_hz": Constant(200.0, "Hz", f"{_THESIS}: 200 Hz in two places, 1 kHz in a third"),
        "adc_full_scale_v": Constant(5.0, "V", f"{_THESIS}: 0 to 5 V over 65,535 steps"),
        "adc_steps": Constant(65_535.0, "counts", f"{_THESIS}: 76.3 uV a step"),
        "ecg_gain": Constant(600.0, "V/V", f"{_THESIS}: gain of the amplifier"),
        "ecg_middle_v": Constant(2.5, "V", "decided: half of the supply, where 0 mV stands"),
        "oximeter_rate_hz": Constant(1.0, "Hz", "decided: of the readings in one MQTT message"),
        "utc_offset_min": Constant(0.0, "min", "decided: what a unit's clock is ahead of UTC"),
        "status_request_s": Constant(10.0, "s", f"{_THESIS}: how often all units are asked"),
        "unit_gone_s": Constant(15.0, "s", "decided: a unit that is silent so long is not there"),
        "oldest_result_days": Constant(360.0, "d", "decided: an older date is an absurd clock"),
    }
)  # fmt: skip
_POSITIVE = (
    "ecg_rate_hz", "adc_full_scale_v", "adc_steps", "ecg_gain", "oximeter_rate_hz",
)  # fmt: skip


class Numbers(NamedTuple):
    """The constants of a hub, as they are used."""

    ecg_interval_ns: int
    ecg_scale_mv: float
    ecg_offset_mv: float
    reading_us: float
    utc_offset_us: int
    oldest_us: int

    @classmethod
    def of(cls, constants: Mapping[str, float]) -> Self:
        """Give them.

        Raises
        ------
        ValueError : one of them cannot be
        """
        if not all(math.isfinite(value) for value in constants.values()):
            raise ValueError("a constant of smsg is not finite")
        for name in _POSITIVE:
            if not 1e-3 <= constants[name] <= 1e6:
                raise ValueError(f"{name} of smsg is from 0.001 to 1,000,000")
        if not 1.0 <= constants["status_request_s"] < constants["unit_gone_s"]:
            raise ValueError(
                "units of smsg are asked once a second at most, and before they are gone"
            )
        if abs(constants["utc_offset_min"]) > 1_440:
            raise ValueError("utc_offset_min of smsg is within a day")
        if not 0 < constants["oldest_result_days"] <= 365:
            raise ValueError("oldest_result_days of smsg is within a year")
        to_mv = 1e3 / constants["ecg_gain"]
        return cls(
            ecg_interval_ns=round(1e9 / constants["ecg_rate_hz"]),
            ecg_scale_mv=constants["adc_full_scale_v"] / constants["adc_steps"] * to_mv,
            ecg_offset_mv=-constants["ecg_middle_v"] * to_mv,
            reading_us=1e6 / constants["oximeter_rate_hz"],
            utc_offset_us=int(constants["utc_offset_min"] * MINUTE),
            oldest_us=int(constants["oldest_result_days"] * DAY),
        )
