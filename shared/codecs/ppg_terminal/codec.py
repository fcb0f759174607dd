"""The codec ``ppg_terminal``: red and infrared light of a MAX3010x-class sensor, and temperature.

Two forms, told apart by their first byte: compact JSON, and the bytes of the sensor's FIFO behind a
short head. Formats, sources and decisions in README.md; cost: ``make bench WHAT=codecs``.
"""

import math
import struct
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.contracts.codec import Codec, Constant, Framing
from shared.contracts.decoding import Decoded, DecodedFrame, Decoder, Envelope, Refused, Word
from shared.contracts.frames import MISSING_INT32, SampleFormat
from shared.contracts.identity import MAX_UINT32
from shared.contracts.parking import Reason
from shared.contracts.quality import MessageFlag, message_flags
from shared.contracts.streams import Place, Stream

LARGEST_BYTES = 65_536
LARGEST_COUNT = 262_143
"""Counts have 18 bits (data sheet of the MAX30102, FIFO data register)."""
LED_MA = "led_ma"
"""Name of the word that tells the currents of the light-emitting diodes."""

MAGIC = b"PF"
VERSION = 1
HEAD = struct.Struct(">2sBBIHhBB")
"""magic, version, flags, interval (ns), pairs, temperature (0.01 degC), red LED, infrared LED"""
CHECKSUM = struct.Struct(">I")
NO_TEMPERATURE = -32_768
_PAIR_BYTES = 6
_FLAGS = int(
    MessageFlag.LEAD_OFF
    | MessageFlag.SIMULATED
    | MessageFlag.SENSOR_FAULT
    | MessageFlag.RECEIPT_WANTED
)

UInt32 = Annotated[int, msgspec.Meta(ge=0, le=MAX_UINT32)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]


class Block(NamedTuple):
    """What the terminal measured in one stretch.

    Parameters
    ----------
    light : (samples, 2), int32, counts of red and infrared; `MISSING_INT32` where there is none
    interval_ns : between samples
    temperature_c : NaN where it was not measured
    led_ma : currents of the red and the infrared diode, or None
    """

    light: NDArray[np.int32]
    interval_ns: int
    temperature_c: float = math.nan
    led_ma: tuple[float, float] | None = None
    flags: int = 0


class JsonBlock(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One block as it stands in the JSON text; names are the format's."""

    b: str | None = None
    n: UInt32 | None = None
    t: Int64 | None = None
    hz: float | None = None
    red: list[Count | None] = []
    ir: list[Count | None] = []
    temp: float | None = None
    led: tuple[float, float] | None = None
    lead_off: bool = False
    simulated: bool = False
    sensor_fault: bool = False
    receipt_wanted: bool = False


_json = msgspec.json.Decoder(JsonBlock)


class PpgTerminalDecoder:
    """Reads blocks; each MQTT message is one, so nothing is kept between them."""

    __slots__ = ("_led_step_ma",)

    def __init__(self, led_step_ma: float) -> None:
        self._led_step_ma = led_step_ma

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give the one message that ``data`` is."""
        if len(data) > LARGEST_BYTES:
            return [Refused(Reason.TOO_LARGE, f"{len(data)} bytes, at most {LARGEST_BYTES}")]
        if data.startswith(MAGIC):
            return [self._read_fifo(data, envelope)]
        return [_read_json(data, envelope)]

    def remainder(self) -> bytes:
        """Give nothing: no message runs across MQTT messages."""
        return b""

    def resume(self, rest: bytes) -> None:
        """Do nothing: there is never a rest."""

    def _read_fifo(self, data: bytes, envelope: Envelope | None) -> Decoded | Refused:
        if envelope is None:
            return Refused(Reason.NO_IDENTITY, "FIFO bytes carry none: give b, n and t beside them")
        boot, n, t_us = envelope
        if len(data) < HEAD.size + CHECKSUM.size:
            return Refused(Reason.MALFORMED, "the head is cut off", boot, n)
        _, version, flags, interval_ns, pairs, centidegrees, red, infrared = HEAD.unpack_from(data)
        if version != VERSION:
            return Refused(Reason.UNSUPPORTED_VERSION, f"version {version}", boot, n)
        end = len(data) - CHECKSUM.size
        if end != HEAD.size + _PAIR_BYTES * pairs:
            return Refused(Reason.MALFORMED, f"{pairs} pairs do not take {end} bytes", boot, n)
        if crc32(memoryview(data)[:end]) != CHECKSUM.unpack_from(data, end)[0]:
            return Refused(Reason.BAD_CHECKSUM, "crc32 differs", boot, n)
        frames: list[DecodedFrame] = []
        if pairs:
            counts = _read_counts(memoryview(data)[HEAD.size : end])
            if counts is None:
                return Refused(Reason.MALFORMED, "the top six bits of a count are 0", boot, n)
            frames.append(_light_frame(counts.tobytes(), pairs, interval_ns))
        if centidegrees != NO_TEMPERATURE:
            value = struct.pack("<h", centidegrees)
            frames.append(_temperature_frame(int(SampleFormat.INT16), 0.01, value))
        if not frames:
            return Refused(Reason.EMPTY_SAMPLES, "neither light nor temperature", boot, n)
        step = self._led_step_ma
        words = (_led_word(round(red * step, 3), round(infrared * step, 3)),)
        return Decoded(boot, n, t_us, flags & _FLAGS, frames, words=words)


def encode_json(block: Block, envelope: Envelope | None = None) -> bytes:
    """Give the JSON text of a block, with its identity where ``envelope`` is given."""
    red, infrared = (
        [None if count == MISSING_INT32 else count for count in channel]
        for channel in (block.light.T.tolist() if block.light.size else ([], []))
    )
    return msgspec.json.encode(
        JsonBlock(
            b=None if envelope is None else f"{envelope.boot:x}",
            n=None if envelope is None else envelope.n,
            t=None if envelope is None else envelope.t_us,
            hz=1e9 / block.interval_ns if block.interval_ns else None,
            red=red,
            ir=infrared,
            temp=None if math.isnan(block.temperature_c) else block.temperature_c,
            led=block.led_ma,
            lead_off=bool(block.flags & MessageFlag.LEAD_OFF),
            simulated=bool(block.flags & MessageFlag.SIMULATED),
            sensor_fault=bool(block.flags & MessageFlag.SENSOR_FAULT),
            receipt_wanted=bool(block.flags & MessageFlag.RECEIPT_WANTED),
        )
    )


def encode_fifo(block: Block, led_step_ma: float = 0.2) -> bytes:
    """Give a block as FIFO bytes; its identity travels beside them.

    Raises
    ------
    ValueError : a count is missing or has more than 18 bits, or a field does not fit
    """
    light = block.light
    if light.size and not 0 <= int(light.min()) <= int(light.max()) <= LARGEST_COUNT:
        raise ValueError("a count of the FIFO is a number of 18 bits")
    red, infrared = (round(one / led_step_ma) for one in block.led_ma or (0.0, 0.0))
    missing = math.isnan(block.temperature_c)
    try:
        head = HEAD.pack(
            MAGIC, VERSION, block.flags, block.interval_ns, len(light),
            NO_TEMPERATURE if missing else round(block.temperature_c * 100), red, infrared,
        )  # fmt: skip
    except struct.error as error:
        raise ValueError(f"a field is out of the range of the format: {error}") from error
    octets = light.astype(">i4").view(np.uint8).reshape(-1, 4)[:, 1:]
    body = head + octets.tobytes()
    if len(body) + CHECKSUM.size > LARGEST_BYTES:
        raise ValueError(f"{len(body)} bytes are more than a message holds")
    return body + CHECKSUM.pack(crc32(body))


def _read_counts(data: memoryview) -> NDArray[np.int32] | None:
    """Give 3-byte big-endian counts as int32, or None where one has more than 18 bits."""
    octets = np.frombuffer(data, np.uint8).reshape(-1, 3)
    if int(octets[:, 0].max()) > LARGEST_COUNT >> 16:
        return None
    wide = np.zeros((len(octets), 4), np.uint8)
    wide[:, 1:] = octets
    return wide.view(">i4")[:, 0].astype("<i4")


def _light_frame(data: bytes, pairs: int, interval_ns: int) -> DecodedFrame:
    return DecodedFrame(
        int(Stream.PPG), int(Place.FINGER), 2, pairs, interval_ns, 0, int(SampleFormat.INT32),
        1.0, 0.0, data,
    )  # fmt: skip


def _temperature_frame(layout: int, scale: float, data: bytes) -> DecodedFrame:
    return DecodedFrame(
        int(Stream.TEMPERATURE), int(Place.NONE), 1, 1, 0, 0, layout, scale, 0.0, data
    )


def _led_word(red_ma: float, infrared_ma: float) -> Word:
    return Word(LED_MA, data={"red": red_ma, "infrared": infrared_ma})


def _read_json(data: bytes, envelope: Envelope | None) -> Decoded | Refused:
    boot, n, t_us = (None, None, None) if envelope is None else envelope

    def refused(reason: Reason, detail: str) -> Refused:
        if boot is None or n is None:
            return Refused(reason, detail)
        return Refused(reason, detail, boot, n)

    try:
        block = _json.decode(data)
    except RecursionError:
        return refused(Reason.TOO_DEEP, "brackets in brackets")
    except msgspec.ValidationError as error:
        return refused(Reason.WRONG_TYPE, str(error)[:200])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return refused(Reason.MALFORMED, str(error)[:200])
    if block.b is not None or block.n is not None:
        boot, n = _read_boot(block.b), block.n
        if boot is None or n is None:
            boot = n = None
            return refused(Reason.BAD_IDENTITY, "b (1 to 8 hex digits) and n belong together")
    if boot is None or n is None:
        return refused(Reason.NO_IDENTITY, "b, n and t stand in the text or beside it")
    t_us = block.t if block.t is not None else t_us
    if t_us is None:
        return refused(Reason.BAD_TIME, "t is missing")
    if len(block.red) != len(block.ir):
        return refused(Reason.MALFORMED, "red and ir have different lengths")
    frames: list[DecodedFrame] = []
    if block.red:
        interval_ns = _read_interval(block.hz)
        if interval_ns is None:
            return refused(Reason.BAD_RATE, f"{block.hz} Hz")
        counts: Any = np.array((block.red, block.ir))
        if counts.dtype == object:
            counts[counts == None] = MISSING_INT32  # noqa: E711 - elementwise
        light = counts.T.astype("<i4")
        frames.append(_light_frame(light.tobytes(), len(light), interval_ns))
    if block.temp is not None:
        if abs(block.temp) > 1e3:
            return refused(Reason.NOT_FINITE, f"a temperature of {block.temp} degC")
        value = struct.pack("<f", block.temp)
        frames.append(_temperature_frame(int(SampleFormat.FLOAT32), 1.0, value))
    if not frames:
        return refused(Reason.EMPTY_SAMPLES, "neither red and ir nor temp")
    words = (_led_word(*block.led),) if block.led is not None else ()
    return Decoded(boot, n, t_us, int(message_flags(block)), frames, words=words)


def _read_boot(text: str | None) -> int | None:
    if text is not None and 1 <= len(text) <= 8 and text.isascii() and text.isalnum():
        try:
            return int(text, 16)
        except ValueError:
            return None
    return None


def _read_interval(rate_hz: float | None) -> int | None:
    """Give the interval in ns, or None for a rate that is none."""
    if rate_hz is None or not 1e-6 < rate_hz < 1e9:
        return None
    return round(1e9 / rate_hz)


CONSTANTS = {
    "led_step_ma": Constant(0.2, "mA", "MAX30102 data sheet, LED pulse amplitude 0x0C and 0x0D"),
}


def _new_decoder(constants: Mapping[str, float]) -> Decoder:
    if not 0 < constants["led_step_ma"] <= 10:
        raise ValueError("ppg_terminal: led_step_ma is to 10")
    return PpgTerminalDecoder(constants["led_step_ma"])


CODEC = Codec(
    name="ppg_terminal",
    framing=Framing.MESSAGE,
    largest_bytes=LARGEST_BYTES,
    new_decoder=_new_decoder,
    constants=CONSTANTS,
)
