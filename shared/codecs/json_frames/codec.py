"""The codec ``json``: frames as JSON objects, for devices that are easier to program than fast.

Format in README.md. About 25 us a message of 250 samples; `packed` costs a tenth of that.
"""

import math
from collections.abc import Mapping
from typing import Annotated

import msgspec
import numpy as np

from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoded, DecodedFrame, Decoder, Envelope, Refused
from shared.contracts.frames import MISSING_INT16, MISSING_INT32, RawSamples, SampleFormat
from shared.contracts.identity import MAX_UINT32
from shared.contracts.parking import Reason
from shared.contracts.quality import MessageFlag, message_flags
from shared.contracts.streams import STREAMS_BY_KEY, Place, StreamRow

VERSION = 1
LARGEST_BYTES = 262_144
"""64 KiB of samples take about four times as many characters."""
DEEPEST = 16
"""A text that cannot be read and nests deeper is called too deep; a frame needs four levels."""

UInt32 = Annotated[int, msgspec.Meta(ge=0, le=MAX_UINT32)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Number = int | float


class JsonFrame(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One frame as it stands in the JSON text; names are the format's."""

    s: str
    x: Number | list[list[Number | None]]
    b: str | None = None
    n: UInt32 | None = None
    t: Int64 | None = None
    hz: float | None = None
    u: str | None = None
    k: float = 1.0
    o: float = 0.0
    ch: list[str] | None = None
    place: str = "none"
    v: int = VERSION
    lead_off: bool = False
    simulated: bool = False
    sensor_fault: bool = False
    receipt_wanted: bool = False


class _Identity(msgspec.Struct):
    b: str | None = None
    n: UInt32 | None = None


_frames = msgspec.json.Decoder(JsonFrame | list[JsonFrame])
_identity = msgspec.json.Decoder(_Identity | list[_Identity])
_PLACES = {place.name.lower(): int(place) for place in Place}


class JsonDecoder:
    """Reads JSON messages; each MQTT message stands alone, so nothing is kept between them."""

    __slots__ = ()

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give the messages in ``data``: one, or several where a list holds several identities."""
        return decode(data, envelope)

    def remainder(self) -> bytes:
        """Give nothing: no message runs across MQTT messages."""
        return b""

    def resume(self, rest: bytes) -> None:
        """Do nothing: there is never a rest."""


def decode(data: bytes, envelope: Envelope | None = None) -> list[Decoded | Refused]:
    """Give the messages in ``data``. Identity and time come from the fields, else the envelope."""
    if len(data) > LARGEST_BYTES:
        return [Refused(Reason.TOO_LARGE, f"{len(data)} bytes, at most {LARGEST_BYTES}")]
    try:
        found = _frames.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return [_explain(data, envelope, error)]
    rows = found if isinstance(found, list) else [found]
    if not rows:
        return [_refuse(Reason.EMPTY_SAMPLES, "an empty list", *_of(envelope))]
    messages: list[Decoded | Refused] = []
    begin = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or _starts_message(rows[end], rows[begin]):
            messages.append(_read_message(rows[begin:end], envelope))
            begin = end
    return messages


def encode(message: Decoded) -> bytes:
    """Give the JSON text of ``message``: an object for one frame, else a list."""
    rows = [_write_frame(message, frame) for frame in message.frames]
    return msgspec.json.encode(rows[0] if len(rows) == 1 else rows)


def _of(envelope: Envelope | None) -> tuple[int | None, int | None]:
    return (None, None) if envelope is None else (envelope.boot, envelope.n)


def _refuse(reason: Reason, detail: str, boot: int | None, n: int | None) -> Refused:
    """Give a refusal; half an identity is none."""
    return Refused(reason, detail, *((boot, n) if boot is not None and n is not None else ()))


def _starts_message(row: JsonFrame, first: JsonFrame) -> bool:
    """Whether ``row`` has an identity of its own; a row without one belongs to the row before."""
    return (row.b is not None and row.b != first.b) or (row.n is not None and row.n != first.n)


def _read_message(rows: list[JsonFrame], envelope: Envelope | None) -> Decoded | Refused:
    first = rows[0]
    boot, n = _of(envelope)
    if first.b is not None:
        boot = _read_boot(first.b)
    if first.n is not None:
        n = first.n
    if boot is None or n is None:
        return Refused(Reason.BAD_IDENTITY, "b (1 to 8 hex digits) and n are needed")
    t_us = first.t if first.t is not None else envelope.t_us if envelope is not None else None
    if t_us is None:
        return Refused(Reason.BAD_TIME, "t is missing", boot, n)
    flags = MessageFlag(0)
    frames: list[DecodedFrame] = []
    for row in rows:
        frame = _read_frame(row, (row.t if row.t is not None else t_us) - t_us)
        if isinstance(frame, Refused):
            return frame._replace(boot=boot, n=n)
        frames.append(frame)
        flags |= message_flags(row)
    return Decoded(boot, n, t_us, int(flags), frames)


def _read_frame(row: JsonFrame, dt_us: int) -> DecodedFrame | Refused:
    if row.v != VERSION:
        return Refused(Reason.UNSUPPORTED_VERSION, f"json version {row.v}")
    stream = STREAMS_BY_KEY.get(row.s)
    if stream is None:
        return Refused(Reason.UNKNOWN_STREAM, f"stream {row.s[:40]!r}")
    if row.u is not None and row.u != stream.unit:
        return Refused(Reason.MALFORMED, f"{row.s} is sent in {stream.unit}, not {row.u[:20]!r}")
    place = _PLACES.get(row.place)
    if place is None:
        return Refused(Reason.MALFORMED, f"place {row.place[:40]!r}")
    interval_ns = _read_interval(row.hz)
    if interval_ns is None:
        return Refused(Reason.BAD_RATE, f"{row.hz} Hz")
    values: list[list[Number | None]] = row.x if isinstance(row.x, list) else [[row.x]]
    if not values or not values[0]:
        return Refused(Reason.EMPTY_SAMPLES, f"no samples of {row.s}")
    if row.ch is not None and not _are_channels(row.ch, len(values), stream):
        return Refused(Reason.MALFORMED, f"ch does not name the {len(values)} rows of x in order")
    if any(len(channel) != len(values[0]) for channel in values):
        return Refused(Reason.MALFORMED, "the rows of x have different lengths")
    samples = _to_samples(values)
    if isinstance(samples, Refused):
        return samples
    layout, array = samples
    return DecodedFrame(
        int(stream.id), place, len(values), array.shape[0], interval_ns, dt_us,
        int(layout), row.k, row.o, array.tobytes(),
    )  # fmt: skip


def _read_boot(text: str) -> int | None:
    if 1 <= len(text) <= 8 and text.isascii() and text.isalnum():
        try:
            return int(text, 16)
        except ValueError:
            return None
    return None


def _read_interval(rate_hz: float | None) -> int | None:
    """Give the interval in ns; 0 for a single reading; None for a rate that is none."""
    if rate_hz is None:
        return 0
    if not (math.isfinite(rate_hz) and rate_hz > 1e-6):
        return None
    return round(1e9 / rate_hz)


def _are_channels(names: list[str], n_rows: int, stream: StreamRow) -> bool:
    """Whether the rows of x are the leading channels of the stream.

    ECG leads are the exception: a device may send any of them, its model says which is which.
    """
    if len(names) != n_rows:
        return False
    if stream.key in ("ecg", "wifi_rssi"):
        return True
    return tuple(names) == stream.channels[:n_rows]


def _to_samples(
    values: list[list[Number | None]],
) -> tuple[SampleFormat, RawSamples] | Refused:
    """Give (samples, channels) in the narrowest format that holds the numbers as they stand."""
    array = np.array(values)
    missing = None
    if array.dtype == object:  # None among the numbers, or integers of more than 64 bits
        missing = np.array([[number is None for number in channel] for channel in values])
        array = np.array([[0 if number is None else number for number in row] for row in values])
        if array.dtype == object:
            return Refused(Reason.WRONG_TYPE, "an integer of more than 32 bits")
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            floats = array.astype("<f4")
        if not np.isfinite(floats).all():
            return Refused(Reason.NOT_FINITE, "a sample does not fit a 32-bit float")
        if missing is not None:
            floats[missing] = np.nan
        return SampleFormat.FLOAT32, np.ascontiguousarray(floats.T)
    lowest, highest = int(array.min()), int(array.max())
    # The most negative integer of each format means 'missing', so no number may become it.
    if lowest > MISSING_INT16 and highest <= 32_767:
        whole: RawSamples = array.astype("<i2")
        layout, absent = SampleFormat.INT16, MISSING_INT16
    elif lowest > MISSING_INT32 and highest <= 2_147_483_647:
        whole, layout, absent = array.astype("<i4"), SampleFormat.INT32, MISSING_INT32
    else:
        return Refused(Reason.WRONG_TYPE, "an integer of more than 32 bits")
    if missing is not None:
        whole[missing] = absent
    return layout, np.ascontiguousarray(whole.T)


def _explain(data: bytes, envelope: Envelope | None, error: Exception) -> Refused:
    """Give the refusal of a text that could not be read; only then is it looked at twice."""
    boot, n = _of(envelope)
    try:
        named = _identity.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    else:
        first = named if isinstance(named, _Identity) else named[0] if named else _Identity()
        boot = _read_boot(first.b) if first.b is not None else boot
        n = first.n if first.n is not None else n
    detail = str(error)[:200]
    if isinstance(error, RecursionError) or _depth(data) > DEEPEST:
        return _refuse(Reason.TOO_DEEP, f"more than {DEEPEST} levels", boot, n)
    if "out of range" in detail or _names_no_number(data):
        return _refuse(Reason.NOT_FINITE, "NaN, infinity or a number beyond a double", boot, n)
    if isinstance(error, msgspec.ValidationError):
        if detail.endswith(("$.n`", "].n`", "$.b`", "].b`")):
            return _refuse(Reason.BAD_IDENTITY, detail, boot, n)
        return _refuse(Reason.WRONG_TYPE, detail, boot, n)
    return _refuse(Reason.MALFORMED, detail, boot, n)


def _depth(data: bytes) -> int:
    """Give how deep brackets stand in one another; those in strings count too."""
    depth = deepest = 0
    for octet in data:
        if octet in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif octet in b"]}":
            depth -= 1
    return deepest


def _names_no_number(data: bytes) -> bool:
    """Whether the text holds one of the words that some writers put for no number."""
    lower = data.lower()
    return any(
        word in lower
        for word in (b":nan", b",nan", b"[nan", b" nan", b"infinity", b"inf,", b"inf]", b"inf}")
    )


def _write_frame(message: Decoded, frame: DecodedFrame) -> JsonFrame:
    row = next(row for row in STREAMS_BY_KEY.values() if row.id == frame.stream)
    dtypes = {1: "<i2", 3: "<i4", 4: "<f4"}
    absent = {1: MISSING_INT16, 3: MISSING_INT32}.get(frame.format)
    array = np.frombuffer(frame.data, dtypes[frame.format]).reshape(-1, frame.channels).T
    values = [
        [None if number == absent or math.isnan(number) else number for number in channel]
        for channel in array.tolist()
    ]
    single = frame.interval_ns == 0 and array.shape == (1, 1)
    return JsonFrame(
        b=f"{message.boot:x}", n=message.n, t=message.t_us + frame.dt_us, s=row.key,
        hz=None if frame.interval_ns == 0 else 1e9 / frame.interval_ns,
        u=row.unit, k=frame.scale, o=frame.offset,
        place=Place(frame.place).name.lower(),
        x=values[0][0] if single and values[0][0] is not None else values,
        lead_off=bool(message.flags & MessageFlag.LEAD_OFF),
        simulated=bool(message.flags & MessageFlag.SIMULATED),
        sensor_fault=bool(message.flags & MessageFlag.SENSOR_FAULT),
        receipt_wanted=bool(message.flags & MessageFlag.RECEIPT_WANTED),
    )  # fmt: skip


def _new_decoder(_constants: Mapping[str, float]) -> Decoder:
    return JsonDecoder()


CODEC = Codec(
    name="json",
    framing=Framing.MESSAGE,
    largest_bytes=LARGEST_BYTES,
    new_decoder=_new_decoder,
)
