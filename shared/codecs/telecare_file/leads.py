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
_NARROW_MOST = 16_383
"""Any two words up to this differ by less than 16 bits hold."""
_ECG, _CHEST = int(Stream.ECG), int(Place.CHEST)
_INT16, _INT32 = int(SampleFormat.INT16), int(SampleFormat.INT32)

CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {
        "reference_v": Constant(1.8, "V", "ADAS1000: internal reference"),
        "gain": Constant(1.4, "", "Zagan et al., Computers 2020, 9, 15: lowest gain of the chip"),
        "word_bits": Constant(16, "", "Zagan et al. 2020: 16-bit words; two's complement, decided"),
        "counts_per_g": Constant(1_024, "/g", "MMA8452Q: 12 bits at plus and minus 2 g"),
        "utc_offset_min": Constant(
            0, "min", "decided: what the clock of the files is ahead of UTC"
        ),
    }
)


_RANGES = {
    "reference_v": (1e-3, 100.0),
    "gain": (1e-3, 1e6),
    "word_bits": (1.0, 32.0),
    "counts_per_g": (1e-3, 1e9),
    "utc_offset_min": (-840.0, 840.0),
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
    words : (samples, 3) and not empty, LA, LL, RA against the Wilson terminal, counts of 16 bits
    scale : mV a count
    """
    narrow = words.astype("<i2")
    # The least word has no positive twin in 16 bits: unsigned, its amount is right.
    if int(np.abs(narrow).view(np.uint16).max()) <= _NARROW_MOST:
        layout, leads = _INT16, _leads(narrow)
    else:
        layout, leads = _INT32, _leads(narrow.astype("<i4"))
        if int(np.abs(leads).max()) <= _LARGEST_INT16:
            layout, leads = _INT16, leads.astype("<i2")
    interval_ns = round(1e9 / rate_hz)
    return DecodedFrame(
        _ECG, _CHEST, 3, len(words), interval_ns, dt_us, layout, scale, 0.0, leads.tobytes()
    )


def _leads(words: Words) -> Words:
    """I, II and III of words that are wide enough for them."""
    left_arm, left_leg, right_arm = words[:, 0], words[:, 1], words[:, 2]
    leads = np.empty_like(words)
    np.subtract(left_arm, right_arm, out=leads[:, 0])
    np.subtract(left_leg, right_arm, out=leads[:, 1])
    np.subtract(left_leg, left_arm, out=leads[:, 2])
    return leads


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
