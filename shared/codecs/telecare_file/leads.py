"""Electrode words of the monitor's front end, and the leads that are derived from them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contracts.codec import Constant
from shared.contracts.decoding import DecodedFrame
from shared.contracts.frames import SampleFormat
from shared.contracts.streams import Place, Stream

Words = NDArray[np.integer[Any]]

ELECTRODES = ("LA", "LL", "RA")
"""In the order of their words; bit k of a lead-off word is electrode k."""
WORD_BYTES = 2
_LARGEST_INT16 = 32_767

CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {
        "reference_v": Constant(1.8, "V", "ADAS1000: internal reference"),
        "gain": Constant(1.4, "", "Zagan et al., Computers 2020, 9, 15: lowest gain of the chip"),
        "word_bits": Constant(16, "", "Zagan et al. 2020: 16-bit words; two's complement, decided"),
        "counts_per_g": Constant(1_024, "/g", "MMA8452Q: 12 bits at plus and minus 2 g"),
    }
)


_RANGES = {
    "reference_v": (1e-3, 100.0),
    "gain": (1e-3, 1e6),
    "word_bits": (1.0, 32.0),
    "counts_per_g": (1e-3, 1e9),
}


def check_constants(constants: Mapping[str, float]) -> None:
    """Refuse constants of which no sample could be made.

    Raises
    ------
    ValueError : one is out of its range
    """
    for name, (low, high) in _RANGES.items():
        if not low <= constants[name] <= high:
            raise ValueError(f"telecare_file: {name} is from {low:g} to {high:g}")


def millivolts_a_count(constants: Mapping[str, float]) -> float:
    """The scale of an electrode word and of a lead: full scale is the reference over the gain."""
    span_v = 2 * constants["reference_v"] / constants["gain"]
    return float(1_000 * span_v / 2 ** constants["word_bits"])


def lead_frame(words: Words, *, rate_hz: int, dt_us: int, scale: float) -> DecodedFrame:
    """Leads I, II and III of electrode words, exactly: differences of integers.

    A difference of two 16-bit words has 17 bits: where one needs them, the frame is of int32.

    Parameters
    ----------
    words : (samples, 3), LA, LL, RA against the Wilson terminal, counts
    scale : mV a count
    """
    wide = words.astype(np.int32)
    left_arm, left_leg, right_arm = wide[:, 0], wide[:, 1], wide[:, 2]
    leads = np.stack((left_arm - right_arm, left_leg - right_arm, left_leg - left_arm), axis=1)
    is_narrow = bool((np.abs(leads) <= _LARGEST_INT16).all())
    return DecodedFrame(
        stream=int(Stream.ECG),
        place=int(Place.CHEST),
        channels=3,
        samples=len(leads),
        interval_ns=round(1e9 / rate_hz),
        dt_us=dt_us,
        format=int(SampleFormat.INT16 if is_narrow else SampleFormat.INT32),
        scale=scale,
        offset=0.0,
        data=leads.astype("<i2" if is_narrow else "<i4").tobytes(),
    )


def temperature_frame(degrees_c: int) -> DecodedFrame:
    """One reading of the monitor's thermometer."""
    return DecodedFrame(
        stream=int(Stream.TEMPERATURE),
        place=int(Place.NONE),
        channels=1,
        samples=1,
        interval_ns=0,
        dt_us=0,
        format=int(SampleFormat.INT16),
        scale=1.0,
        offset=0.0,
        data=np.array([degrees_c], "<i2").tobytes(),
    )
