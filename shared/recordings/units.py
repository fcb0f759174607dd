"""Units as files write them, turned into those of our streams."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Conversion(NamedTuple):
    """Value in the unit of a stream = value in the file * factor + offset."""

    factor: float
    offset: float = 0.0


STANDARD_GRAVITY = 9.80665  # m/s2 a g, CGPM 1901
_DEGREES_A_RADIAN = 57.29577951308232

_ALIASES: Mapping[str, Mapping[str, Conversion]] = MappingProxyType(
    {
        "mV": {
            "mv": Conversion(1.0),
            "uv": Conversion(1e-3),
            "nv": Conversion(1e-6),
            "v": Conversion(1e3),
        },
        "V": {"v": Conversion(1.0), "mv": Conversion(1e-3), "uv": Conversion(1e-6)},
        "ohm": {
            "ohm": Conversion(1.0),
            "mohm": Conversion(1e-3),
            "kohm": Conversion(1e3),
        },
        "g": {
            "g": Conversion(1.0),
            "mg": Conversion(1e-3),
            "m/s2": Conversion(1 / STANDARD_GRAVITY),
            "m/s^2": Conversion(1 / STANDARD_GRAVITY),
        },
        "degC": {
            "degc": Conversion(1.0),
            "c": Conversion(1.0),
            "celsius": Conversion(1.0),
            "cel": Conversion(1.0),
            "degf": Conversion(5 / 9, -160 / 9),
            "f": Conversion(5 / 9, -160 / 9),
            "k": Conversion(1.0, -273.15),
        },
        "%": {"%": Conversion(1.0), "percent": Conversion(1.0), "1": Conversion(100.0)},
        "/min": {
            "/min": Conversion(1.0),
            "1/min": Conversion(1.0),
            "bpm": Conversion(1.0),
            "hz": Conversion(60.0),
        },
        "L/s": {
            "l/s": Conversion(1.0),
            "ml/s": Conversion(1e-3),
            "l/min": Conversion(1 / 60),
        },
        "L/min": {"l/min": Conversion(1.0), "l/s": Conversion(60.0)},
        "L": {"l": Conversion(1.0), "ml": Conversion(1e-3)},
        "deg": {"deg": Conversion(1.0), "rad": Conversion(_DEGREES_A_RADIAN)},
        "deg/s": {
            "deg/s": Conversion(1.0),
            "dps": Conversion(1.0),
            "rad/s": Conversion(_DEGREES_A_RADIAN),
        },
        "dBm": {"dbm": Conversion(1.0)},
        "counts": {
            "counts": Conversion(1.0),
            "count": Conversion(1.0),
            "adu": Conversion(1.0),
            "nu": Conversion(1.0),
            "au": Conversion(1.0),
        },
    }
)
_SIGNS = str.maketrans(
    {"\u00b5": "u", "\u03bc": "u", "\u00b0": "", "\u00b2": "2", "\u03a9": "ohm", "\u2126": "ohm"}
)


def conversion(written: str, unit: str) -> Conversion | None:
    """How a unit as a file writes it becomes ``unit`` of a stream; None where it does not.

    No unit at all is taken for that of the stream.
    """
    text = written.strip()
    if not text or text == unit:
        return Conversion(1.0)
    known = _ALIASES.get(unit, {})
    return known.get(text.translate(_SIGNS).replace(" ", "").lower())
