"""The codec ``radar_iq``: blocks of in-phase and quadrature samples of a continuous-wave radar.

Format, source and decisions in README.md; cost: ``make bench WHAT=codecs``.
"""

import math
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoded, DecodedFrame, Decoder, Envelope, Refused, Word
from shared.contracts.frames import MISSING_INT16, SampleFormat
from shared.contracts.parking import Reason
from shared.contracts.quality import MessageFlag
from shared.contracts.streams import Place, Stream

LARGEST_BYTES = 65_536
SETTINGS = "radar_settings"
"""Name of the word that tells gain and range."""

MAGIC = b"IQ"
VERSION = 1
HEAD = struct.Struct(">2sBBBBIHfff")
"""magic, version, flags, bits, 0, interval (ns), pairs, full scale (V), gain, range (m)"""
CHECKSUM = struct.Struct(">I")
DEFAULT_INTERVAL_NS = 1_000_000
"""1000 Hz."""
_FLAGS = int(MessageFlag.SIMULATED | MessageFlag.SENSOR_FAULT | MessageFlag.RECEIPT_WANTED)


class Block(NamedTuple):
    """What the radar measured in one stretch.

    Parameters
    ----------
    samples : (samples, 2), I and Q as the converter gives them
    bits : 16 or 24
    full_scale_v : what the most positive number stands for, at the converter
    gain : of the amplifier between module and converter
    range_m : distance that it is set to, NaN where it is not
    """

    samples: NDArray[np.integer[Any]]
    bits: int = 24
    interval_ns: int = DEFAULT_INTERVAL_NS
    full_scale_v: float = 2.5
    gain: float = 6.0
    range_m: float = math.nan
    flags: int = 0


class RadarIqDecoder:
    """Reads blocks; each MQTT message is one, so nothing is kept between them."""

    __slots__ = ()

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give the one message that ``data`` is."""
        return [_read(data, envelope)]

    def remainder(self) -> bytes:
        """Give nothing: no message runs across MQTT messages."""
        return b""

    def resume(self, rest: bytes) -> None:
        """Do nothing: there is never a rest."""


def encode(block: Block) -> bytes:
    """Give the bytes of a block; its identity travels beside them.

    Raises
    ------
    ValueError : a number does not fit the bits, or a field its place
    """
    if block.bits not in {16, 24}:
        raise ValueError("16 or 24 bits")
    samples = block.samples
    most = 1 << block.bits - 1
    if samples.size and not -most <= int(samples.min()) <= int(samples.max()) < most:
        raise ValueError(f"a sample has more than {block.bits} bits")
    try:
        head = HEAD.pack(
            MAGIC, VERSION, block.flags, block.bits, 0, block.interval_ns, len(samples),
            block.full_scale_v, block.gain, block.range_m,
        )  # fmt: skip
    except struct.error as error:
        raise ValueError(f"a field is out of the range of the format: {error}") from error
    if block.bits == 16:
        body = head + samples.astype(">i2").tobytes()
    else:
        body = head + samples.astype(">i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    if len(body) + CHECKSUM.size > LARGEST_BYTES:
        raise ValueError(f"{len(body)} bytes are more than a message holds")
    return body + CHECKSUM.pack(crc32(body))


def _read(data: bytes, envelope: Envelope | None) -> Decoded | Refused:
    if len(data) > LARGEST_BYTES:
        return Refused(Reason.TOO_LARGE, f"{len(data)} bytes, at most {LARGEST_BYTES}")
    if envelope is None:
        return Refused(Reason.NO_IDENTITY, "a block carries none: give b, n and t beside it")
    boot, n, t_us = envelope
    if len(data) < HEAD.size + CHECKSUM.size or not data.startswith(MAGIC):
        return Refused(Reason.MALFORMED, "not a block of I and Q", boot, n)
    _, version, flags, bits, _, interval_ns, pairs, full_scale_v, gain, range_m = HEAD.unpack_from(
        data
    )
    if version != VERSION:
        return Refused(Reason.UNSUPPORTED_VERSION, f"version {version}", boot, n)
    end = len(data) - CHECKSUM.size
    if bits not in {16, 24}:
        return Refused(Reason.MALFORMED, f"samples of {bits} bits", boot, n)
    if end != HEAD.size + pairs * (bits // 4):
        return Refused(Reason.MALFORMED, f"{pairs} pairs do not take {end} bytes", boot, n)
    if crc32(memoryview(data)[:end]) != CHECKSUM.unpack_from(data, end)[0]:
        return Refused(Reason.BAD_CHECKSUM, "crc32 differs", boot, n)
    if not pairs:
        return Refused(Reason.EMPTY_SAMPLES, "no samples", boot, n)
    if not (0.0 < full_scale_v < math.inf and 0.0 < gain < math.inf):
        detail = f"full scale {full_scale_v} V, gain {gain}"
        return Refused(Reason.NOT_FINITE, detail, boot, n)
    scale = full_scale_v / (1 << bits - 1) / gain
    if not 1e-30 < scale < 1e30:  # a record keeps it as a 32-bit float
        return Refused(Reason.NOT_FINITE, f"a step of {scale} V", boot, n)
    samples = memoryview(data)[HEAD.size : end]
    if bits == 16:
        layout, values = SampleFormat.INT16, _read_int16(samples)
    else:
        layout, values = SampleFormat.INT32, _read_int24(samples)
    frame = DecodedFrame(
        int(Stream.RADAR_IQ), int(Place.NONE), 2, pairs, interval_ns, 0, int(layout),
        scale, 0.0, values,
    )  # fmt: skip
    settings: dict[str, float] = {"gain": round(gain, 6)}
    if math.isfinite(range_m):
        settings["range_m"] = round(range_m, 6)
    return Decoded(boot, n, t_us, flags & _FLAGS, [frame], words=(Word(SETTINGS, data=settings),))


def _read_int16(data: memoryview) -> bytes:
    values = np.frombuffer(data, ">i2").astype("<i2")
    # The rail would read as a missing sample: it becomes its neighbour, one step away.
    kept: NDArray[np.int16] = np.maximum(values, MISSING_INT16 + 1)
    return kept.tobytes()


def _read_int24(data: memoryview) -> bytes:
    octets = np.frombuffer(data, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(octets), 4), np.uint8)
    wide[:, :3] = octets
    values: NDArray[np.int32] = wide.view(">i4")[:, 0].astype("<i4") >> 8
    return values.tobytes()


def _new_decoder(_constants: Mapping[str, float]) -> Decoder:
    return RadarIqDecoder()


CODEC = Codec(
    name="radar_iq",
    framing=Framing.MESSAGE,
    largest_bytes=LARGEST_BYTES,
    new_decoder=_new_decoder,
    needs_envelope=True,
)
