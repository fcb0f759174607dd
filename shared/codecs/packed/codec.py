"""The codec ``packed``: what our SDK and our own devices send. Format in README.md.

Hot path (``make bench``): 2 us a message of one frame one by one, hence tuples and precompiled
structs; 0.6 us as columns, of those that are one frame of samples of a fixed width.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import (
    Decoded,
    DecodedFrame,
    Decoder,
    Envelope,
    PlainMessages,
    Refused,
)
from shared.contracts.frames import MISSING_INT32, SampleFormat
from shared.contracts.parking import Reason

VERSION = 1
LARGEST_BYTES = 65_536
"""The format's own limit: it bounds what a resend costs and what a device must hold in memory."""

HEAD = struct.Struct("<2sBBIIqB")
"""magic, version, flags, boot, n, t (us of the device clock), count of frames"""
FRAME = struct.Struct("<BBBHQiBff")
"""stream, place, channels, samples, interval (ns), dt (us), format, scale, offset"""
CHECKSUM = struct.Struct("<I")
MAGIC = b"VW"

INT16 = int(SampleFormat.INT16)
INT24 = int(SampleFormat.INT24)
INT32 = int(SampleFormat.INT32)
INT16_DELTA = int(SampleFormat.INT16_DELTA)
WIDTHS: dict[int, int] = {INT16: 2, INT24: 3, INT32: 4, int(SampleFormat.FLOAT32): 4}
"""Bytes a sample of the formats with a fixed width."""
_MISSING_INT24 = -8_388_608
_LARGEST_INTERVAL_NS = 2**63 - 1  # a record of ``frames.v1`` keeps it signed


class PackedDecoder:
    """Reads packed messages; each MQTT message is one, so nothing is kept between them."""

    __slots__ = ()

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:  # noqa: ARG002 - its own header carries the identity
        """Give the one message that ``data`` is."""
        return [decode(data)]

    def remainder(self) -> bytes:
        """Give nothing: no message runs across MQTT messages."""
        return b""

    def resume(self, rest: bytes) -> None:
        """Do nothing: there is never a rest."""


def decode(data: bytes) -> Decoded | Refused:
    """Give the message in ``data``, its samples widened to a format that a batch may hold."""
    size = len(data)
    if size > LARGEST_BYTES:
        return Refused(Reason.TOO_LARGE, f"{size} bytes, at most {LARGEST_BYTES}")
    if size < HEAD.size + CHECKSUM.size or not data.startswith(MAGIC):
        return Refused(Reason.MALFORMED, "not a packed message")
    _, version, flags, boot, n, t_us, count = HEAD.unpack_from(data)
    if version != VERSION:
        return Refused(Reason.UNSUPPORTED_VERSION, f"packed version {version}")
    end = size - 4
    # An identity is only believed, and answered to, once the checksum holds.
    if crc32(memoryview(data)[:end]) != CHECKSUM.unpack_from(data, end)[0]:
        return Refused(Reason.BAD_CHECKSUM, "crc32 differs")
    frames: list[DecodedFrame] = []
    at = HEAD.size
    for _ in range(count):
        if at + FRAME.size > end:
            return Refused(Reason.MALFORMED, "a frame is cut off", boot, n)
        stream, place, channels, samples, interval_ns, dt_us, layout, scale, offset = (
            FRAME.unpack_from(data, at)
        )
        at += FRAME.size
        if layout == INT16_DELTA:
            unpacked = _read_deltas(memoryview(data)[at:end], samples, channels)
            if unpacked is None:
                return Refused(Reason.MALFORMED, "delta-varint samples are bad", boot, n)
            values, used = unpacked
            after, layout = at + used, INT16
        else:
            width = WIDTHS.get(layout)
            if width is None:
                return Refused(Reason.MALFORMED, f"unknown sample format {layout}", boot, n)
            after = at + width * channels * samples
            if after > end:
                return Refused(Reason.MALFORMED, "samples are cut off", boot, n)
            values = data[at:after]
            if layout == INT24:
                values, layout = _widen_int24(values), INT32
        if interval_ns > _LARGEST_INTERVAL_NS:
            return Refused(Reason.BAD_RATE, f"interval of {interval_ns} ns", boot, n)
        frames.append(
            DecodedFrame(
                stream, place, channels, samples, interval_ns, dt_us, layout, scale, offset, values
            )
        )
        at = after
    if at != end:
        return Refused(Reason.MALFORMED, f"{end - at} bytes after the last frame", boot, n)
    return Decoded(boot, n, t_us, flags, frames)


def encode(message: Decoded, *, delta: bool = False) -> bytes:
    """Give the bytes of ``message``; with ``delta`` its int16 samples as delta-varint.

    A frame may also hold 24-bit samples (`SampleFormat.INT24`, three bytes each).

    Raises
    ------
    ValueError
        If the message does not fit the format: too long, too many frames, a field out of range.
    """
    parts = [b""]
    try:
        for frame in message.frames:
            parts += _encode_frame(frame, delta=delta and frame.format == INT16)
        parts[0] = HEAD.pack(
            MAGIC, VERSION, message.flags, message.boot, message.n, message.t_us,
            len(message.frames),
        )  # fmt: skip
    except struct.error as error:
        raise ValueError(f"a field is out of the range of the format: {error}") from error
    body = b"".join(parts)
    if len(body) + CHECKSUM.size > LARGEST_BYTES:
        raise ValueError(f"{len(body)} bytes are more than a packed message holds")
    return body + CHECKSUM.pack(crc32(body))


def _encode_frame(frame: DecodedFrame, *, delta: bool) -> tuple[bytes, bytes]:
    """Give head and samples of one frame."""
    width = WIDTHS.get(frame.format)
    if width is None or len(frame.data) != width * frame.channels * frame.samples:
        raise ValueError("the samples of a frame do not have the length that its fields say")
    if not (math.isfinite(frame.scale) and math.isfinite(frame.offset)):
        raise ValueError("scale and offset of a frame are finite numbers")
    head = FRAME.pack(
        frame.stream, frame.place, frame.channels, frame.samples, frame.interval_ns, frame.dt_us,
        INT16_DELTA if delta else frame.format, frame.scale, frame.offset,
    )  # fmt: skip
    return head, _write_deltas(frame.data, frame.channels) if delta else frame.data


def _widen_int24(data: bytes) -> bytes:
    """Give 24-bit samples as int32; the missing one stays the most negative of its format."""
    octets = np.frombuffer(data, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(octets), 4), np.uint8)
    wide[:, 1:] = octets
    values: NDArray[np.int32] = wide.view("<i4")[:, 0] >> 8
    return np.where(values == _MISSING_INT24, MISSING_INT32, values).astype("<i4").tobytes()


def _read_deltas(data: memoryview, samples: int, channels: int) -> tuple[bytes, int] | None:
    """Give the samples as int16 and how many bytes they took, or None if they are bad."""
    n_values = samples * channels
    if n_values == 0:
        return b"", 0
    # The 17 bits of a difference of two int16 take three bytes of seven bits.
    octets: NDArray[np.uint8] = np.frombuffer(data[: 3 * n_values], np.uint8)
    ends = np.flatnonzero(octets < 0x80)[:n_values]
    if len(ends) < n_values:
        return None
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    lengths = ends - starts
    if int(lengths.max()) > 2:
        return None
    bits = np.zeros(len(octets) + 2, np.int64)
    bits[: len(octets)] = octets & 0x7F
    coded = bits[starts]
    coded += np.where(lengths >= 1, bits[starts + 1] << 7, 0)
    coded += np.where(lengths == 2, bits[starts + 2] << 14, 0)
    deltas = (coded >> 1) ^ -(coded & 1)
    values = np.cumsum(deltas.reshape(samples, channels), axis=0)
    if int(values.max()) > 32_767 or int(values.min()) < -32_768:
        return None
    return values.astype("<i2").tobytes(), int(ends[-1]) + 1


def _write_deltas(data: bytes, channels: int) -> bytes:
    """Give int16 samples as zigzag differences to the same channel's last, in LEB128."""
    if not data:
        return b""
    values = np.frombuffer(data, "<i2").astype(np.int32).reshape(-1, channels)
    deltas = np.diff(values, axis=0, prepend=np.zeros((1, channels), np.int32)).ravel()
    coded = (deltas << 1) ^ (deltas >> 31)
    octets = np.stack((coded & 0x7F, coded >> 7 & 0x7F, coded >> 14), axis=1).astype(np.uint8)
    octets[coded >= 1 << 7, 0] |= 0x80
    octets[coded >= 1 << 14, 1] |= 0x80
    used = np.stack((coded >= 0, coded >= 1 << 7, coded >= 1 << 14), axis=1)
    return octets[used].tobytes()


_PLAIN = np.dtype(
    [
        ("magic", "S2"), ("version", "u1"), ("flags", "u1"), ("boot", "<u4"), ("n", "<u4"),
        ("t_us", "<i8"), ("count", "u1"), ("stream", "u1"), ("place", "u1"), ("channels", "u1"),
        ("samples", "<u2"), ("interval_ns", "<u8"), ("dt_us", "<i4"), ("format", "u1"),
        ("scale", "<f4"), ("offset", "<f4"),
    ]
)  # fmt: skip
_HEADS = HEAD.size + FRAME.size
assert _PLAIN.itemsize == _HEADS
_RESIDUE = 0x2144DF1C
"""CRC-32 of anything with its own CRC-32 (little-endian) behind it."""
_WIDTHS = np.zeros(256, np.int64)
for _number in (INT16, INT32):
    _WIDTHS[_number] = WIDTHS[_number]


def read_plain(payloads: Sequence[bytes]) -> PlainMessages:
    """Give the columns of messages, and which of them can be read so."""
    shortest = _HEADS + CHECKSUM.size
    sizes = np.fromiter(map(len, payloads), np.int64, len(payloads))
    if len(payloads) and int(sizes.min()) < shortest:
        payloads = [one if len(one) >= shortest else bytes(shortest) for one in payloads]
    heads = np.frombuffer(b"".join([one[:_HEADS] for one in payloads]), _PLAIN)
    sums = np.fromiter(map(crc32, payloads), np.uint32, len(payloads))
    n_bytes = _WIDTHS[heads["format"]] * heads["channels"] * heads["samples"]
    is_plain = (
        (sums == _RESIDUE)
        & (heads["magic"] == MAGIC)
        & (heads["version"] == VERSION)
        & (heads["count"] == 1)
        & (n_bytes > 0)
        & (sizes == n_bytes + shortest)
        & (sizes <= LARGEST_BYTES)
        & (heads["interval_ns"] < 2**63)
    )
    end = -CHECKSUM.size
    return PlainMessages(is_plain, heads, [one[_HEADS:end] for one in payloads])


def _new_decoder(_constants: Mapping[str, float]) -> Decoder:
    return PackedDecoder()


CODEC = Codec(
    name="packed",
    framing=Framing.MESSAGE,
    largest_bytes=LARGEST_BYTES,
    new_decoder=_new_decoder,
    read_plain=read_plain,
)
