"""WFDB records (PhysioNet): headers, signals in formats 16 and 212, annotations in MIT format.

Source: G. Moody, "WFDB Applications Guide", header(5), signal(5), annot(5). Departs from it: no
multi-segment records, no skew, one sample a frame for every signal; such records are refused.
"""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int16]

DEFAULT_GAIN = 200.0  # converter units per physical unit where the header is silent: header(5)
MISSING = {16: -32_768, 212: -2_048}
# Letters of annotation codes, annot(5); codes without a letter are left out of the table.
SYMBOLS: dict[int, str] = dict(
    enumerate("NLRaVFJASEj/Q", start=1)  # 1 to 13: beats
) | {
    14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D", 22: '"', 23: "=", 24: "p", 25: "B",
    26: "^", 27: "t", 28: "+", 29: "u", 30: "?", 31: "!", 32: "[", 33: "]", 34: "e", 35: "n",
    36: "@", 37: "x", 38: "f", 39: "(", 40: ")", 41: "r",
}  # fmt: skip
CODES = {symbol: code for code, symbol in SYMBOLS.items()}
BEATS = frozenset("NLRaVFJASEj/QBe?nfr")
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63
_SIGNAL = re.compile(
    r"(?P<format>\d+)(?P<extra>[x:+][\dx:+]+)?"
    r"(?:\s+(?P<gain>-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)(?:\((?P<baseline>-?\d+)\))?(?:/(?P<unit>\S+))?)?"
    r"(?:\s+(?P<bits>\d+))?(?:\s+(?P<zero>-?\d+))?(?:\s+(?P<first>-?\d+))?"
    r"(?:\s+(?P<checksum>-?\d+))?(?:\s+(?P<block>\d+))?(?:\s+(?P<name>.*\S))?\s*"
)


class BadRecordError(ValueError):
    """The bytes are no WFDB record that this reader takes; the text says where."""


class Signal(NamedTuple):
    """One signal of a header. Value in `unit` = (count - baseline) / gain."""

    file: str
    format: int
    gain: float
    baseline: int
    unit: str
    name: str
    bits: int = 16
    first: int | None = None
    checksum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a .hea file says."""

    record: str
    rate_hz: float
    n_samples: int | None
    signals: tuple[Signal, ...]
    comments: tuple[str, ...] = ()
    start: str = ""  # hh:mm:ss.ffffff dd/mm/yyyy; written, not read


class Annotation(NamedTuple):
    """A mark at a sample: its letter, and what else stands with it."""

    sample: int
    symbol: str
    subtype: int = 0
    channel: int = 0
    number: int = 0
    text: str = ""


def decode_header(data: bytes) -> Header:
    """Read a .hea file.

    Raises
    ------
    BadRecordError : it is none, or has several segments
    """
    lines = data.decode("latin-1").splitlines()
    comments = tuple(line.lstrip()[1:].strip() for line in lines if line.lstrip().startswith("#"))
    plain = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not plain:
        raise BadRecordError("the header is empty")
    fields = plain[0].split()
    try:
        if "/" in fields[0]:
            raise BadRecordError("records of several segments are not read")
        n_signals = int(fields[1])
        rate = float(fields[2].split("/")[0]) if len(fields) > 2 else 250.0
        n_samples = int(fields[3]) if len(fields) > 3 else None
    except (IndexError, ValueError) as error:
        raise BadRecordError(f"the first line is {plain[0]!r}") from error
    if len(plain) <= n_signals or n_signals < 0 or not rate > 0:
        raise BadRecordError(f"{n_signals} signals at {rate} Hz, {len(plain) - 1} lines for them")
    signals = tuple(_signal(line) for line in plain[1 : n_signals + 1])
    return Header(
        record=fields[0],
        rate_hz=rate,
        n_samples=n_samples or None,
        signals=signals,
        comments=comments,
    )


def encode_header(header: Header) -> bytes:
    """The .hea file of a header."""
    first = f"{header.record} {len(header.signals)} {header.rate_hz:.12g} {header.n_samples or 0}"
    first = f"{first} {header.start}".rstrip()
    rest = [
        f"{each.file} {each.format} {each.gain:.12g}({each.baseline})/{each.unit} "
        f"{each.bits} 0 {each.first or 0} {each.checksum or 0} 0 {each.name}".rstrip()
        for each in header.signals
    ]
    lines = [first, *rest]
    lines += [f"# {comment}" for comment in header.comments]
    return ("\n".join(lines) + "\n").encode("latin-1")


def decode_signals(data: bytes, header: Header) -> Counts:
    """Samples of a .dat file that holds all signals of a header, as counted: (samples, signals).

    Raises
    ------
    BadRecordError : the format is another, the bytes are too few, or a checksum differs
    """
    formats = {each.format for each in header.signals}
    if len(formats) != 1 or len({each.file for each in header.signals}) != 1:
        raise BadRecordError(f"signals in formats {sorted(formats)}, in one file of one format")
    n_signals, (fmt,) = len(header.signals), formats
    flat = _unpack(data, fmt)
    n_samples = header.n_samples or len(flat) // n_signals
    if len(flat) < n_samples * n_signals:
        raise BadRecordError(f"{len(flat)} samples where {n_samples} x {n_signals} are promised")
    counts = flat[: n_samples * n_signals].reshape(n_samples, n_signals)
    for signal, column in zip(header.signals, counts.T, strict=True):
        if signal.checksum is not None and not _agrees(column, signal.checksum):
            raise BadRecordError(f"the checksum of {signal.name!r} differs")
    return counts


def encode_signals(counts: Counts, fmt: int) -> bytes:
    """The .dat file of (samples, signals) in format 16 or 212.

    Raises
    ------
    ValueError : another format, or counts beyond its bits
    """
    flat = counts.reshape(-1)
    if fmt == 16:
        return flat.astype("<i2").tobytes()
    if fmt != 212:
        raise ValueError(f"format {fmt} is not written")
    if flat.size and (int(flat.max()) > 2047 or int(flat.min()) < -2048):
        raise ValueError("counts beyond 12 bits")
    pairs = np.append(flat, np.int16(0)) if flat.size % 2 else flat
    first, second = (pairs[k::2].astype(np.int32) & 0xFFF for k in (0, 1))
    octets = np.empty((len(first), 3), np.uint8)
    octets[:, 0] = first & 0xFF
    octets[:, 1] = (first >> 8) | ((second >> 8) << 4)
    octets[:, 2] = second & 0xFF
    return octets.tobytes()[: (flat.size * 3 + 1) // 2]


def checksum_of(column: NDArray[np.integer[Any]]) -> int:
    """The 16-bit sum that a header keeps of one signal."""
    return int(np.sum(column, dtype=np.int64) & 0xFFFF)


def decode_annotations(data: bytes) -> list[Annotation]:
    """Read an annotation file (.atr and others).

    Raises
    ------
    BadRecordError : it ends inside an annotation
    """
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2").tolist()
    found: list[Annotation] = []
    at, sample, channel, number = 0, 0, 0, 0
    try:
        while at < len(words) and words[at] != 0:
            code, low = words[at] >> 10, words[at] & 0x3FF
            at += 1
            if code == _SKIP:
                high_word, low_word = words[at], words[at + 1]  # PDP-11 order
                step = high_word << 16 | low_word
                sample += step - (1 << 32) if step >= 1 << 31 else step
                at += 2
            elif code == _NUM:
                number = _signed(low)
                found[-1] = found[-1]._replace(number=number)
            elif code == _SUB:
                found[-1] = found[-1]._replace(subtype=_signed(low))
            elif code == _CHN:
                channel = low
                found[-1] = found[-1]._replace(channel=channel)
            elif code == _AUX:
                text = data[2 * at : 2 * at + low]
                if len(text) < low:
                    raise BadRecordError("the annotations end inside a text")
                at += (low + 1) // 2
                found[-1] = found[-1]._replace(text=text.rstrip(b"\0").decode("latin-1"))
            else:
                sample += low
                symbol = SYMBOLS.get(code, f"[{code}]")
                found.append(Annotation(sample, symbol, 0, channel, number))
    except IndexError as error:
        raise BadRecordError("the annotations end or begin in the middle of one") from error
    return found


def encode_annotations(annotations: list[Annotation]) -> bytes:
    """The annotation file of these marks, in their order (ascending in time)."""
    writer = AnnotationWriter()
    return writer.add(annotations) + writer.END


class AnnotationWriter:
    """Writes an annotation file in pieces; `END` closes it."""

    END = b"\0\0"

    def __init__(self) -> None:
        self._before = self._channel = self._number = 0

    def add(self, annotations: list[Annotation]) -> bytes:
        """The bytes of the next marks, in their order (ascending in time)."""
        words: list[int] = []
        for each in annotations:
            step = each.sample - self._before
            if not 0 <= step <= 0x3FF:
                words += [_SKIP << 10, (step >> 16) & 0xFFFF, step & 0xFFFF]
                step = 0
            words.append(CODES[each.symbol] << 10 | step)
            if each.subtype:
                words.append(_SUB << 10 | each.subtype & 0x3FF)
            if each.channel != self._channel:
                self._channel = each.channel
                words.append(_CHN << 10 | self._channel)
            if each.number != self._number:
                self._number = each.number
                words.append(_NUM << 10 | self._number & 0x3FF)
            if each.text:
                text = each.text.encode("latin-1")
                words.append(_AUX << 10 | len(text))
                words += np.frombuffer(text + b"\0" * (len(text) % 2), "<u2").tolist()
            self._before = each.sample
        return np.array(words, "<u2").tobytes()


def _signal(line: str) -> Signal:
    file, _, rest = line.strip().partition(" ")
    match = _SIGNAL.fullmatch(rest.strip())
    if match is None:
        raise BadRecordError(f"a signal's line is {line!r}")
    if match["extra"] and match["extra"] != "x1":
        raise BadRecordError(f"signals with {match['extra']!r} are not read")
    zero = int(match["zero"] or 0)
    return Signal(
        file=file,
        format=int(match["format"]),
        gain=float(match["gain"] or 0) or DEFAULT_GAIN,
        baseline=zero if match["baseline"] is None else int(match["baseline"]),
        unit=match["unit"] or "mV",
        name=match["name"] or "",
        bits=int(match["bits"] or 12),
        first=None if match["first"] is None else int(match["first"]),
        checksum=None if match["checksum"] is None else int(match["checksum"]),
    )


def unpack_counts(data: bytes, fmt: int) -> NDArray[np.integer[Any]]:
    """Samples of a signal file as they stand in it, of all its signals in turn.

    Raises
    ------
    BadRecordError : the format is none of 16, 24, 32, 80 and 212
    """
    match fmt:
        case 24:
            octets = np.frombuffer(data[: len(data) // 3 * 3], np.uint8).reshape(-1, 3)
            wide = np.zeros((len(octets), 4), np.uint8)
            wide[:, 1:] = octets
            return wide.view("<i4").reshape(-1) >> 8
        case 32:
            return np.frombuffer(data[: len(data) // 4 * 4], "<i4").astype(np.int32)
        case 80:
            return np.frombuffer(data, np.uint8).astype(np.int16) - np.int16(128)
        case _:
            return _unpack(data, fmt)


def _unpack(data: bytes, fmt: int) -> Counts:
    if fmt == 16:
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)
    if fmt != 212:
        raise BadRecordError(f"format {fmt} is not read; 16, 24, 32, 80 and 212 are")
    n_samples = len(data) * 2 // 3
    octets = (
        np.frombuffer(data + b"\0" * (-len(data) % 3), np.uint8).reshape(-1, 3).astype(np.int32)
    )
    pairs = np.empty((len(octets), 2), np.int32)
    pairs[:, 0] = (octets[:, 1] & 0x0F) << 8 | octets[:, 0]
    pairs[:, 1] = (octets[:, 1] >> 4) << 8 | octets[:, 2]
    pairs -= (pairs & 0x800) << 1  # twelve bits, signed
    return pairs.reshape(-1)[:n_samples].astype(np.int16)


def _agrees(column: Counts, checksum: int) -> bool:
    return checksum_of(column) == checksum & 0xFFFF


def _signed(low: int) -> int:
    return low - 0x400 if low >= 0x200 else low
