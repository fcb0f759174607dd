"""The codec ``am1``: results of an AM1 peak-flow meter, a block a message or a whole file."""

import hashlib
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from shared.codecs.am1.export import (
    LARGEST_BLOCK,
    MOST_RESULTS,
    N_LINES,
    BadLine,
    Result,
    read_block,
)
from shared.contracts.codec import Codec, Constant, Framing
from shared.contracts.decoding import Decoded, DecodedFrame, Envelope, Note, Refused
from shared.contracts.events import EventKind
from shared.contracts.file_reading import BadFile, FilePiece, ReadFile
from shared.contracts.frames import SampleFormat
from shared.contracts.instants import DAY, HOUR
from shared.contracts.parking import Reason
from shared.contracts.streams import Stream

NAME = "am1"
LARGEST_FILE = 64 * LARGEST_BLOCK
_THESIS = "A. John, MSc thesis, UTA 2012"
CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {
        "pef_l_min": Constant(1.0, "L/min", f"{_THESIS}: PEF in l/min"),
        "volume_l": Constant(0.001, "L", f"{_THESIS}: volumes in ml"),
        "flow_l_s": Constant(0.001, "L/s", "decided: the flows at parts of the volume are in ml/s"),
        "utc_offset_min": Constant(0.0, "min", "decided: what its clock is ahead of UTC"),
        "oldest_result_days": Constant(360.0, "d", "decided: an older date is an absurd clock"),
    }
)  # fmt: skip
_STREAMS = (
    (Stream.PEF, "pef_l_min"),
    (Stream.FVC, "volume_l"),
    (Stream.FEV1, "volume_l"),
    (Stream.FEF75, "flow_l_s"),
    (Stream.FEF50, "flow_l_s"),
    (Stream.FEF25, "flow_l_s"),
    (Stream.FEF25_75, "flow_l_s"),
)
"""Of the lines in their order: the stream, and what one count is in its unit."""
_INT32 = int(SampleFormat.INT32)
_VALUE = struct.Struct("<i")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


class Am1Decoder:
    """Reads blocks; each MQTT message is one."""

    __slots__ = ("_constants", "_oldest_us", "_zone")

    def __init__(self, constants: Mapping[str, float]) -> None:
        if not all(math.isfinite(value) for value in constants.values()):
            raise ValueError("a constant of am1 is not finite")
        if any(constants[name] == 0 for _, name in _STREAMS):
            raise ValueError("a scale of 0 makes all results equal")
        if abs(constants["utc_offset_min"]) >= 1_440:
            raise ValueError("utc_offset_min of am1 is within a day")
        if not 0 < constants["oldest_result_days"] <= 365:
            raise ValueError("oldest_result_days of am1 is within a year")
        self._constants = constants
        self._oldest_us = int(constants["oldest_result_days"] * DAY)
        self._zone = timezone(timedelta(minutes=constants["utc_offset_min"]))

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give the one message that ``data`` is."""
        if envelope is None:
            return [Refused(Reason.NO_IDENTITY, "an export has no identity of its own")]
        if len(data) > LARGEST_BLOCK:
            detail = f"{len(data)} bytes, at most {LARGEST_BLOCK}"
            return [Refused(Reason.TOO_LARGE, detail, envelope.boot, envelope.n)]
        read = read_block(data)
        if not isinstance(read, BadLine) and read[1] != len(data):
            read = BadLine(N_LINES + 1, "a message is one block")
        if isinstance(read, BadLine):
            detail = f"line {read.line}: {read.detail}"
            return [Refused(Reason.MALFORMED, detail, envelope.boot, envelope.n)]
        frames: list[DecodedFrame] = []
        notes: list[Note] = []
        for number, result in enumerate(read[0]):
            dt_us = _instant(result, self._zone) - envelope.t_us
            if not -self._oldest_us <= dt_us <= HOUR:
                data_of_note = MappingProxyType(
                    {"result": number, "told": result.taken.isoformat()}
                )
                notes.append(Note(EventKind.CLOCK_ABSURD, 0, "", data_of_note))
                dt_us = 0
            frames += _frames(result, dt_us, self._constants)
        return [Decoded(*envelope, 0, frames, tuple(notes))]

    def remainder(self) -> bytes:
        """Give nothing: no block runs across MQTT messages."""
        return b""

    def resume(self, rest: bytes) -> None:
        """Do nothing: there is never a rest."""


def read_file(data: bytes, options: Mapping[str, Any]) -> ReadFile | BadFile:
    """Give the results of a file: one block behind the other, as the meter gave them.

    Parameters
    ----------
    options : ``time_zone`` of the meter's clock (a name such as Europe/Berlin, or +02:00; where
        it is missing, ``utc_offset_min`` counts), and constants of the codec
    """
    if len(data) > LARGEST_FILE:
        return BadFile(Reason.TOO_LARGE, f"{len(data)} bytes, at most {LARGEST_FILE}")
    constants = {name: constant.value for name, constant in CONSTANTS.items()}
    for name in constants:
        told = options.get(name)
        if isinstance(told, int | float) and math.isfinite(told) and told != 0:
            constants[name] = float(told)
    zone = _zone(str(options.get("time_zone") or ""), constants["utc_offset_min"])
    if zone is None:
        return BadFile(Reason.BAD_TIME, "the option time_zone names no time zone")
    results: list[Result] = []
    at, line = 0, 1
    while at < len(data):
        read = read_block(data, at, line)
        if isinstance(read, BadLine):
            return BadFile(Reason.MALFORMED, read.detail, line=read.line)
        results += read[0]
        at, line = read[1], line + N_LINES
        if len(results) > MOST_RESULTS:
            return BadFile(Reason.TOO_LARGE, f"a meter keeps {MOST_RESULTS} results", line=line)
    if not results:
        return BadFile(Reason.EMPTY_SAMPLES, "no results")
    pieces = _pieces(results, zone, constants)
    told_options = "".join(f" {name}={options[name]}" for name in sorted(options))
    return ReadFile(
        key=f"{NAME} {hashlib.sha256(data).hexdigest()}{told_options}",
        maker_id="",
        pieces=lambda: iter(pieces),
        n_pieces=len(pieces),
    )


def _pieces(
    results: Sequence[Result], zone: tzinfo, constants: Mapping[str, float]
) -> list[FilePiece]:
    def pieces() -> Iterator[FilePiece]:
        for result in results:
            frames = _frames(result, 0, constants)
            if frames:
                yield FilePiece(_instant(result, zone), frames)

    return sorted(pieces(), key=lambda piece: piece.t_us)


def _frames(result: Result, dt_us: int, constants: Mapping[str, float]) -> list[DecodedFrame]:
    return [
        DecodedFrame(
            int(stream), 0, 1, 1, 0, dt_us, _INT32, constants[name], 0.0, _VALUE.pack(value)
        )
        for (stream, name), value in zip(_STREAMS, result.values, strict=True)
        if value is not None
    ]


def _instant(result: Result, zone: tzinfo) -> int:
    return (result.taken.replace(tzinfo=zone) - _EPOCH) // timedelta(microseconds=1)


def _zone(text: str, utc_offset_min: float) -> tzinfo | None:
    """The zone of this name or offset; of none, that of the meter; None where there is none."""
    if not text:
        return timezone(timedelta(minutes=max(-1_439.0, min(utc_offset_min, 1_439.0))))
    offset = _OFFSET.fullmatch(text)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        if minutes > 14 * 60:
            return None
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, a folder of the database
        return None


CODEC = Codec(
    name=NAME,
    framing=Framing.MESSAGE,
    largest_bytes=LARGEST_BLOCK,
    new_decoder=Am1Decoder,
    constants=CONSTANTS,
    needs_envelope=True,
    read_file=read_file,
)
