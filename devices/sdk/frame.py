"""What a device maker hands over: samples of one stream, as the converter counted them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contracts.decoding import DecodedFrame
from shared.contracts.frames import SampleFormat
from shared.contracts.streams import Place, Stream

_FORMATS = {"i2": SampleFormat.INT16, "i4": SampleFormat.INT32, "f4": SampleFormat.FLOAT32}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """Equally spaced samples of one stream.

    Parameters
    ----------
    stream : what was measured
    samples : (samples,) or (samples, channels); integers as counted, or floats. Integers beyond
        16 bits travel as 32 bits
    rate_hz : samples a second; 0 for a single reading
    scale, offset : value in the unit of the stream = sample * scale + offset
    start_us : when the first sample was taken, by the device's clock. Left out: the last sample
        is taken now
    """

    stream: Stream
    samples: Sequence[float] | Sequence[Sequence[float]] | NDArray[Any]
    rate_hz: float = 0.0
    scale: float = 1.0
    offset: float = 0.0
    place: Place = Place.NONE
    start_us: int | None = None

    def to_wire(self, message_t_us: int) -> DecodedFrame:
        """The frame as codecs take it, in a message of this time.

        Raises
        ------
        ValueError : no samples, more than two dimensions, or integers beyond 32 bits
        """
        array = _narrow(np.asarray(self.samples))
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2 or array.size == 0:
            raise ValueError(f"samples have the shape {array.shape}")
        interval_ns = round(1e9 / self.rate_hz) if self.rate_hz else 0
        start_us = self.start_us
        if start_us is None:
            start_us = message_t_us - (len(array) - 1) * interval_ns // 1000
        return DecodedFrame(
            stream=int(self.stream),
            place=int(self.place),
            channels=array.shape[1],
            samples=array.shape[0],
            interval_ns=interval_ns,
            dt_us=start_us - message_t_us,
            format=int(_FORMATS[array.dtype.str[1:]]),
            scale=self.scale,
            offset=self.offset,
            data=array.tobytes(),
        )


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the narrowest format that holds them, little-endian."""
    if array.size == 0:
        raise ValueError("a frame without samples")
    if array.dtype.kind == "f":
        return array.astype("<f4")
    if array.dtype.kind not in "iu":
        raise ValueError(f"samples of type {array.dtype} are no numbers")
    if array.dtype.str in ("<i2", "<i4"):
        return array
    low, high = int(array.min()), int(array.max())
    if low < -(1 << 31) or high >= 1 << 31:
        raise ValueError("samples beyond 32 bits")
    return array.astype("<i2" if low >= -(1 << 15) and high < 1 << 15 else "<i4")
