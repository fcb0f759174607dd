"""The text file of one recording, as it lies on the card of the monitor. Lines in README.md."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from shared.codecs.telecare_file.leads import (
    CONSTANTS,
    WORD_BYTES,
    Words,
    check_constants,
    lead_frame,
    millivolts_a_count,
    temperature_frame,
)
from shared.contracts.file_reading import BadFile, FilePiece, ReadFile
from shared.contracts.instants import SECOND
from shared.contracts.parking import Reason
from shared.contracts.telecare_card import CARD_NAME, recording_key

LARGEST_BYTES = 2 << 20
"""65,536 rows, which is what a row number of four digits can count, with long lines."""
MOST_ROWS = 65_536
PIECE_ROWS = 2_500
"""5 s at 500 Hz: 30,000 bytes where the leads are wide, well below what a message may hold."""
LARGEST_CLOCK_STEP_S = 60
"""Between the name of a file and that of its recording: the card is opened before the start."""

_TIMES = "[\u00d7xX*]"
_PRODUCT = rf"(\d+) ?{_TIMES} ?(\d+) ?{_TIMES} ?(\d+)"
_LABELS = (
    ("file", rf"File name: *({CARD_NAME.pattern})", "File name:"),
    (
        "samples",
        rf"Number of samples = \({_PRODUCT}\) ?{_TIMES} ?(\d+) = (\d{{1,3}}(?:\.\d{{3}})*|\d+)",
        "Number of samples = (rate x electrodes x bytes) x seconds = total",
    ),
    ("seconds", r"Time period for ECG capture = (\d{1,5}) seconds?", "Time period for ECG capture"),
    ("rate", r"Sampling speed = (\d{1,5}) samples per second", "Sampling speed"),
    ("source", r"Source = Three electrodes for ECG", "Source = Three electrodes for ECG"),
    ("record", r"Record name: ECG: (\d\d):(\d\d):(\d{4})-(\d\d):(\d\d):(\d\d)", "Record name: ECG"),
    (
        "device",
        r"Telecare-ECG Monitoring device code: ([0-9A-Fa-f]{16})",
        "Telecare-ECG Monitoring device code: 16 hex digits",
    ),
    ("name", r"Patient name: ?(.*)", "Patient name:"),
    ("sex", r"The patient.{0,3}s sex: ?(.*)", "The patient's sex:"),
    ("birth", r"Date of birth: ?(.*)", "Date of birth:"),
    ("temperature", r"Temperature: degrees Celsius: (-?\d{1,3})", "Temperature: degrees Celsius:"),
    ("note", r"Note: ?(.*)", "Note:"),
)
_HEADER = tuple((name, re.compile(pattern, re.ASCII), like) for name, pattern, like in _LABELS)
_ROW = re.compile(rb"([0-9A-Fa-f]{4}) ([0-9A-Fa-f]{4}) ([0-9A-Fa-f]{4}) ([0-9A-Fa-f]{4})[ \t]*")
_ROW_TEXT = len("0000 FE60 FD20 FEC0")
_SPACES = [4, 9, 14]
_DIGITS = [k for k in range(_ROW_TEXT) if k not in _SPACES]
_BAD_DIGIT = 255
_NIBBLES = np.full(256, _BAD_DIGIT, np.uint8)
for _k, _digit in enumerate(b"0123456789ABCDEF"):
    _NIBBLES[_digit] = _k
    _NIBBLES[ord(chr(_digit).lower())] = _k
_ZONE = re.compile(r"([+-])(\d\d):?(\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """What one file says. `name` to `note` are of a person: never log them.

    Parameters
    ----------
    file : its name on the card
    recorded : when it began, by the monitor's clock, which knows no time zone
    words : (samples, 3), LA, LL, RA, int16
    """

    file: str
    recorded: datetime
    device_code: str
    rate_hz: int
    seconds: int
    words: Words
    temperature_c: int
    name: str = ""
    sex: str = ""
    birth_date: str = ""
    note: str = "No note"


def card_name(recorded: datetime) -> str:
    """The name that the monitor gives the file of a recording."""
    return f"M0:\\{recorded:%Y%m%d}\\{recorded:%H}M{recorded:%M}S{recorded:%S}.txt"


def write_recording(one: Recording, *, newline: str = "\r\n", encoding: str = "utf-8") -> bytes:
    """Give the bytes of the file.

    Raises
    ------
    ValueError : there are not as many rows as rate and seconds say
    """
    if len(one.words) != one.rate_hz * one.seconds or len(one.words) > MOST_ROWS:
        raise ValueError(f"{len(one.words)} rows are not {one.seconds} s at {one.rate_hz} Hz")
    total = f"{len(one.words) * 3 * WORD_BYTES:,}".replace(",", ".")
    times = "\u00d7"
    product = f"({one.rate_hz} {times} 3 {times} {WORD_BYTES}) {times} {one.seconds}"
    lines = [
        f"File name: {one.file}",
        f"Number of samples = {product} = {total}",
        f"Time period for ECG capture = {one.seconds} seconds",
        f"Sampling speed = {one.rate_hz} samples per second",
        "Source = Three electrodes for ECG",
        f"Record name: ECG: {one.recorded:%d:%m:%Y-%H:%M:%S}",
        f"Telecare-ECG Monitoring device code: {one.device_code}",
        f"Patient name: {one.name}",
        f"The patient\u2019s sex: {one.sex}",
        f"Date of birth: {one.birth_date}",
        f"Temperature: degrees Celsius: {one.temperature_c}",
        f"Note: {one.note}",
    ]
    rows = one.words.astype(np.int16).view(np.uint16).tolist()
    lines += [
        f"{k:04X} {left_arm:04X} {left_leg:04X} {right_arm:04X}"
        for k, (left_arm, left_leg, right_arm) in enumerate(rows)
    ]
    return newline.join([*lines, ""]).encode(encoding, "replace")


def read_file(data: bytes, options: Mapping[str, Any]) -> ReadFile | BadFile:
    """Read the file of one recording: leads, temperature, and whose it is.

    Parameters
    ----------
    options : ``time_zone`` of the monitor's clock (a name such as Europe/Bucharest, or +02:00; the
        constant ``utc_offset_min`` where it is not said), and constants by their names
    """
    constants = _constants(options)
    if isinstance(constants, BadFile):
        return constants
    name = str(options.get("time_zone") or "")
    ahead = timezone(timedelta(minutes=constants["utc_offset_min"]))
    zone = _zone(name) if name else ahead
    if zone is None:
        return BadFile(Reason.BAD_TIME, "the option time_zone names no time zone")
    recording = read_recording(data)
    if isinstance(recording, BadFile):
        return recording
    started = recording.recorded.replace(tzinfo=zone) - datetime(1970, 1, 1, tzinfo=UTC)
    t_us = started // timedelta(microseconds=1)
    scale = millivolts_a_count(constants)
    n_pieces = -(-len(recording.words) // PIECE_ROWS)

    def pieces() -> Iterator[FilePiece]:
        for start in range(0, len(recording.words), PIECE_ROWS):
            words = recording.words[start : start + PIECE_ROWS]
            frames = [lead_frame(words, rate_hz=recording.rate_hz, dt_us=0, scale=scale)]
            if start == 0:
                frames.append(temperature_frame(recording.temperature_c))
            yield FilePiece(t_us + start * int(SECOND) // recording.rate_hz, frames)

    personal = {
        "name": recording.name,
        "sex": recording.sex,
        "birth_date": recording.birth_date,
        "note": recording.note,
    }
    return ReadFile(
        key=recording_key(recording.device_code, recording.file),
        maker_id=recording.device_code,
        pieces=pieces,
        n_pieces=n_pieces,
        personal=personal,
    )


def read_recording(data: bytes) -> Recording | BadFile:
    """Read every line of a file; a broken one is named, and never quoted: it may be personal."""
    if len(data) > LARGEST_BYTES:
        return BadFile(Reason.TOO_LARGE, f"{len(data)} bytes, at most {LARGEST_BYTES}")
    head = _read_head(data)
    if isinstance(head, BadFile):
        return head
    found, body_at = head
    fields = _check_head(found)
    if isinstance(fields, BadFile):
        return fields
    body = data[body_at:]
    at_once = _read_rows(body, fields.n_rows)
    words = _read_rows_one_by_one(body, fields.n_rows) if at_once is None else at_once
    if isinstance(words, BadFile):
        return words
    return Recording(
        file=found["file"][1],
        recorded=fields.recorded,
        device_code=found["device"][1].upper(),
        rate_hz=fields.rate_hz,
        seconds=fields.n_rows // fields.rate_hz,
        words=words,
        temperature_c=int(found["temperature"][1]),
        name=found["name"][1].strip(),
        sex=found["sex"][1].strip(),
        birth_date=found["birth"][1].strip(),
        note=found["note"][1].strip(),
    )


class _Fields(NamedTuple):
    recorded: datetime
    rate_hz: int
    n_rows: int


def _read_head(data: bytes) -> tuple[dict[str, re.Match[str]], int] | BadFile:
    """The lines of the header by their names, and where the rows begin."""
    found = {}
    at = len(b"\xef\xbb\xbf") if data.startswith(b"\xef\xbb\xbf") else 0
    for number, (name, pattern, like) in enumerate(_HEADER, start=1):
        end = data.find(b"\n", at)
        if end < 0:
            return BadFile(Reason.MALFORMED, f"line {number} is cut off", number, at)
        match = pattern.fullmatch(_text(data[at:end]).rstrip())
        if match is None:
            return BadFile(Reason.MALFORMED, f"line {number} is not '{like}'", number, at)
        found[name] = match
        at = end + 1
    return found, at


def _text(line: bytes) -> str:
    """A line in UTF-8, else in the code page of Western Europe, in which any byte is something."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _check_head(found: Mapping[str, re.Match[str]]) -> _Fields | BadFile:
    """What the lines of the header say together; they must not contradict one another."""
    lines = {name: number for number, name in enumerate(found, start=1)}
    rate_hz, seconds = int(found["rate"][1]), int(found["seconds"][1])
    rate, electrodes, n_bytes, period = (int(found["samples"][k]) for k in range(1, 5))
    total = int(found["samples"][5].replace(".", ""))
    if (rate, electrodes, n_bytes, period) != (rate_hz, 3, WORD_BYTES, seconds) or (
        total != rate * electrodes * n_bytes * period
    ):
        return BadFile(
            Reason.MALFORMED,
            f"line {lines['samples']} does not say the number of samples that rate and time give",
            lines["samples"],
        )
    n_rows = rate_hz * seconds
    if not 0 < n_rows <= MOST_ROWS:
        detail = f"line {lines['samples']}: {n_rows} rows, from 1 to {MOST_ROWS}"
        return BadFile(Reason.EMPTY_SAMPLES if not n_rows else Reason.TOO_LARGE, detail, 2)
    day, month, year, *clock = found["record"].groups()
    recorded = _moment(year, month, day, *clock)
    if recorded is None:
        detail = f"line {lines['record']} holds no time"
        return BadFile(Reason.BAD_TIME, detail, lines["record"])
    named = _moment(*found["file"].groups()[1:])
    if named is None:
        return BadFile(Reason.BAD_TIME, f"line {lines['file']} holds no time", lines["file"])
    if abs((recorded - named).total_seconds()) > LARGEST_CLOCK_STEP_S:
        detail = f"line {lines['record']} tells another time than the name of the file"
        return BadFile(Reason.BAD_TIME, detail, lines["record"])
    return _Fields(recorded, rate_hz, n_rows)


def _moment(*digits: str) -> datetime | None:
    """The time of these digits, year first, of a clock that knows no zone; None if it is none."""
    try:
        return datetime.strptime("".join(digits), "%Y%m%d%H%M%S")  # noqa: DTZ007 - as told
    except ValueError:
        return None


def _read_rows(body: bytes, n_rows: int) -> Words | None:
    """All rows at once where they stand as the monitor writes them, else None."""
    newline = b"\r\n" if body[_ROW_TEXT : _ROW_TEXT + 2] == b"\r\n" else b"\n"
    width = _ROW_TEXT + len(newline)
    if len(body) == n_rows * width - len(newline):
        body += newline
    if len(body) != n_rows * width:
        return None
    table = np.frombuffer(body, np.uint8).reshape(n_rows, width)
    if not (table[:, _SPACES] == ord(" ")).all():
        return None
    if not (table[:, _ROW_TEXT:] == np.frombuffer(newline, np.uint8)).all():
        return None
    nibbles = _NIBBLES[table[:, _DIGITS]]
    if bool((nibbles == _BAD_DIGIT).any()):
        return None
    octets = nibbles[:, 0::2] << 4 | nibbles[:, 1::2]
    numbers = np.ascontiguousarray(octets).view(">u2")
    if not np.array_equal(numbers[:, 0], np.arange(n_rows)):
        return None
    words: NDArray[np.int16] = numbers[:, 1:].astype(np.uint16).view(np.int16)
    return words


def _read_rows_one_by_one(body: bytes, n_rows: int) -> Words | BadFile:
    """Rows with uneven ends of lines; names the first line that is no row."""
    first = len(_HEADER) + 1
    lines = [line.removesuffix(b"\r") for line in body.split(b"\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    rows = np.empty((n_rows, 3), np.uint16)
    for k, line in enumerate(lines):
        number = first + k
        if k == n_rows:
            detail = f"line {number} is one more than the {n_rows} rows told of"
            return BadFile(Reason.MALFORMED, detail, number)
        match = _ROW.fullmatch(line)
        if match is None:
            detail = f"line {number} is no row number with three words of four hex digits"
            return BadFile(Reason.MALFORMED, detail, number)
        if int(match[1], 16) != k:
            detail = f"line {number} should be row {k:04X}"
            return BadFile(Reason.MALFORMED, detail, number)
        rows[k] = [int(match[word], 16) for word in (2, 3, 4)]
    if len(lines) < n_rows:
        number = first + len(lines)
        detail = f"line {number} is missing: {len(lines)} rows of {n_rows}"
        return BadFile(Reason.MALFORMED, detail, number)
    words: NDArray[np.int16] = rows.view(np.int16)
    return words


def _constants(options: Mapping[str, Any]) -> Mapping[str, float] | BadFile:
    """The constants of the codec with those among the options, which may be numbers as text."""
    found = {name: constant.value for name, constant in CONSTANTS.items()}
    try:
        for name in found.keys() & options.keys():
            found[name] = float(options[name])
        check_constants(found)
    except (ValueError, OverflowError, TypeError) as error:
        return BadFile(Reason.MALFORMED, f"an option is no number that can be: {error}"[:200])
    return found


def _zone(name: str) -> tzinfo | None:
    """The time zone of this name or offset, or None."""
    offset = _ZONE.fullmatch(name)
    if offset is not None:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span) if span < timedelta(days=1) else None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None
