"""The blocks that a monitor sends while it records continuously. Bytes in README.md."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shared.codecs.telecare_file.leads import (
    ELECTRODES,
    WORD_BYTES,
    Words,
    lead_frame,
    millivolts_a_count,
    temperature_frame,
)
from shared.contracts.decoding import Decoded, DecodedFrame, Envelope, Note, Refused, Word
from shared.contracts.events import EventKind
from shared.contracts.frames import SampleFormat
from shared.contracts.parking import Reason
from shared.contracts.quality import MessageFlag
from shared.contracts.streams import Place, Stream

MAGIC = b"TB"
VERSION = 1
HEAD = struct.Struct(">2sBBHHbBHHHH")
"""magic, version, battery (%), lead-off word, status word, temperature (degC), 0, rate and rows of
the ECG, rate and rows of the accelerometer (Hz)"""
CHECKSUM = struct.Struct(">I")
LARGEST_BYTES = 65_536
UNKNOWN_BATTERY = 255
UNKNOWN_TEMPERATURE = -128
_ROW_BYTES = 3 * WORD_BYTES
_CHANGED = 8  # the high byte of a word tells which bits of the low byte are new


class Status(IntFlag):
    """Bits of the status word: how it is now (low byte)."""

    POSITION_WRONG = 1
    CARD_ERROR = 2
    FRONT_END_FAULT = 4
    IN_MOTION = 8
    BATTERY_LOW = 16
    SIMULATED = 32


_NOTHING = Status(0)
_EVENTS = {
    Status.POSITION_WRONG: EventKind.POSITION_WRONG,
    Status.CARD_ERROR: EventKind.CARD_ERROR,
    Status.FRONT_END_FAULT: EventKind.FRONT_END_FAULT,
    Status.BATTERY_LOW: EventKind.BATTERY_LOW,
}
"""What has an event of its own when it begins; all else is `EventKind.STATUS_CHANGED`."""
_TOLD = tuple(one for one in Status if one is not Status.SIMULATED)


def _name(one: Status) -> str:
    return (one.name or "").lower()


# Hot path (``make bench``): what a word means stands in tables, 32 and 8 rows of them.
_STATUS_NAMES = [tuple(_name(one) for one in _TOLD if bits & one) for bits in range(32)]
_ELECTRODES_OFF = [
    tuple(name for k, name in enumerate(ELECTRODES) if bits >> k & 1) for bits in range(8)
]
_FLAGS = [
    int(
        (MessageFlag.SENSOR_FAULT if bits & Status.FRONT_END_FAULT else 0)
        | (MessageFlag.SIMULATED if bits & Status.SIMULATED else 0)
    )
    for bits in range(64)
]
_LEAD_OFF = int(MessageFlag.LEAD_OFF)


def _no_rows() -> NDArray[np.int16]:
    return np.empty((0, 3), np.int16)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """One block as the monitor makes it.

    Parameters
    ----------
    words : (samples, 3), LA, LL, RA, int16
    motion : (samples, 3), x, y, z, int16 counts of the accelerometer
    leads_off : bit k is electrode k of `ELECTRODES`
    leads_changed, status_changed : which of these bits were otherwise in the block before
    battery : percent, None where it is not known
    """

    rate_hz: int = 0
    words: Words
    motion_hz: int = 0
    motion: Words
    leads_off: int = 0
    leads_changed: int = 0
    status: Status = _NOTHING
    status_changed: Status = _NOTHING
    battery: int | None = None
    temperature_c: int | None = None


def block(words: Words | None = None, motion: Words | None = None, **fields: Any) -> Block:
    """A block of these samples, with other fields by their names."""
    return Block(
        words=_no_rows() if words is None else words,
        motion=_no_rows() if motion is None else motion,
        **fields,
    )


def encode_block(one: Block) -> bytes:
    """Give the bytes of a block.

    Raises
    ------
    ValueError : a number does not fit its field, or the block is too long
    """
    try:
        head = HEAD.pack(
            MAGIC,
            VERSION,
            UNKNOWN_BATTERY if one.battery is None else one.battery,
            one.leads_off | one.leads_changed << _CHANGED,
            int(one.status) | int(one.status_changed) << _CHANGED,
            UNKNOWN_TEMPERATURE if one.temperature_c is None else one.temperature_c,
            0,
            one.rate_hz,
            len(one.words),
            one.motion_hz,
            len(one.motion),
        )
    except struct.error as error:
        raise ValueError(f"a field is out of the range of the format: {error}") from error
    body = head + one.words.astype(">i2").tobytes() + one.motion.astype(">i2").tobytes()
    if len(body) + CHECKSUM.size > LARGEST_BYTES:
        raise ValueError(f"{len(body)} bytes are more than a block holds")
    return body + CHECKSUM.pack(crc32(body))


def decode_block(
    data: bytes, envelope: Envelope, constants: Mapping[str, float]
) -> Decoded | Refused:
    """Give what a block says; ``constants`` are those of the codec."""
    boot, n, t_us = envelope

    def refused(reason: Reason, detail: str) -> Refused:
        return Refused(reason, detail, boot, n)

    if len(data) > LARGEST_BYTES:
        return refused(Reason.TOO_LARGE, f"{len(data)} bytes, at most {LARGEST_BYTES}")
    end = len(data) - CHECKSUM.size
    if end < HEAD.size or not data.startswith(MAGIC):
        return refused(Reason.MALFORMED, "not a block of a Telecare-ECG")
    if crc32(memoryview(data)[:end]) != CHECKSUM.unpack_from(data, end)[0]:
        return refused(Reason.BAD_CHECKSUM, "crc32 differs")
    (
        _, version, battery, lead_word, status_word, degrees_c, _, rate_hz, n_rows, motion_hz,
        n_motion,
    ) = HEAD.unpack_from(data)  # fmt: skip
    if version != VERSION:
        return refused(Reason.UNSUPPORTED_VERSION, f"block version {version}")
    if end != HEAD.size + _ROW_BYTES * (n_rows + n_motion):
        return refused(
            Reason.MALFORMED, f"{n_rows} and {n_motion} rows are not {end - HEAD.size} bytes"
        )
    if (n_rows and not rate_hz) or (n_motion and not motion_hz):
        return refused(Reason.BAD_RATE, "rows at a rate of 0 Hz")
    frames: list[DecodedFrame] = []
    numbers = np.frombuffer(data, ">i2", 3 * (n_rows + n_motion), HEAD.size).reshape(-1, 3)
    if n_rows:
        scale = millivolts_a_count(constants)
        frames.append(lead_frame(numbers[:n_rows], rate_hz=rate_hz, dt_us=0, scale=scale))
    if n_motion:
        frames.append(_motion_frame(numbers[n_rows:], motion_hz, 1 / constants["counts_per_g"]))
    if degrees_c != UNKNOWN_TEMPERATURE:
        frames.append(temperature_frame(degrees_c))
    percent = None if battery == UNKNOWN_BATTERY else battery
    state: dict[str, Any] = {} if percent is None else {"battery": percent}
    state["leads_off"] = list(_ELECTRODES_OFF[lead_word & 0b111])
    state["status"] = list(_STATUS_NAMES[status_word & 0b11111])
    flags = _FLAGS[status_word & 0b111111] | (_LEAD_OFF if lead_word & 0b111 else 0)
    notes: tuple[Note, ...] = ()
    if lead_word >> _CHANGED or status_word >> _CHANGED:
        notes = (*_lead_notes(lead_word), *_status_notes(status_word, percent))
    return Decoded(boot, n, t_us, flags, frames, notes, (Word("state", data=state),))


def _motion_frame(counts: Words, rate_hz: int, scale: float) -> DecodedFrame:
    return DecodedFrame(
        stream=int(Stream.ACCELEROMETER),
        place=int(Place.CHEST),
        channels=3,
        samples=len(counts),
        interval_ns=round(1e9 / rate_hz),
        dt_us=0,
        format=int(SampleFormat.INT16),
        scale=scale,
        offset=0.0,
        data=counts.astype("<i2").tobytes(),
    )


def _lead_notes(word: int) -> list[Note]:
    return [
        Note(
            EventKind.LEAD_OFF if word >> k & 1 else EventKind.LEAD_ON,
            data={"electrode": electrode},
        )
        for k, electrode in enumerate(ELECTRODES)
        if word >> _CHANGED + k & 1
    ]


def _status_notes(word: int, percent: int | None) -> list[Note]:
    notes = []
    for one in _TOLD:
        if not word >> _CHANGED & one:
            continue
        is_on = bool(word & one)
        kind = _EVENTS.get(one) if is_on else None
        if kind is None:
            told: dict[str, Any] = {"status": _name(one), "on": is_on}
            notes.append(Note(EventKind.STATUS_CHANGED, data=told))
        elif kind is EventKind.BATTERY_LOW and percent is not None:
            notes.append(Note(kind, data={"percent": percent}))
        else:
            notes.append(Note(kind))
    return notes
