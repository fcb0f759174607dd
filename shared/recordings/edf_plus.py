"""EDF and EDF+ files: header, signals as counted, annotations and gaps.

Source: Kemp et al. 1992 (EDF) and Kemp and Olivan 2003, Clin Neurophysiol 114:1755 (EDF+),
edfplus.info. Discontinuous files (EDF+D) give the onset of each data record.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int16]

ANNOTATIONS = "EDF Annotations"
_FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)  # bytes of each field of a signal's header
_HEAD = 256
MAX_SIGNALS = 4_096
TEXT_END, FIELD_END = b"\x14", b"\x15"


class BadFileError(ValueError):
    """The bytes are no EDF file; the text says where."""


class EdfSignal(NamedTuple):
    """One signal. Value in `unit` = count * scale + offset."""

    label: str
    unit: str
    physical_min: float
    physical_max: float
    digital_min: int
    digital_max: int
    rate_hz: float
    counts: Counts
    transducer: str = ""
    prefiltering: str = ""

    @property
    def scale(self) -> float:
        """Units per count."""
        return (self.physical_max - self.physical_min) / (self.digital_max - self.digital_min)

    @property
    def offset(self) -> float:
        """Value of count 0."""
        return self.physical_min - self.digital_min * self.scale


class EdfAnnotation(NamedTuple):
    """A mark in time, seconds from the start of the file."""

    onset_s: float
    duration_s: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdfFile:
    """All that a file holds. `patient` and `recording` may name a person: never log them."""

    patient: str
    recording: str
    start: str  # dd.mm.yy hh.mm.ss, as the file has it
    record_s: float
    signals: tuple[EdfSignal, ...]
    record_onsets_s: tuple[float, ...]
    annotations: tuple[EdfAnnotation, ...] = ()
    is_plus: bool = True
    is_continuous: bool = True


def decode_edf(data: bytes) -> EdfFile:
    """Read a file.

    Raises
    ------
    BadFileError : it is none, or it ends inside its header
    """
    if len(data) < _HEAD or not data.startswith(b"0 "):
        raise BadFileError("no EDF header")
    n_signals = _int(data[252:256], "number of signals")
    record_s = _float(data[244:252], "duration of a record")
    if not 0 < n_signals <= MAX_SIGNALS or len(data) < _HEAD * (n_signals + 1):
        raise BadFileError(f"{n_signals} signals, {len(data)} bytes")
    columns = _columns(data[_HEAD : _HEAD * (n_signals + 1)], n_signals)
    widths = [_int(text, "samples of a record") for text in columns[8]]
    if any(width < 0 for width in widths) or sum(widths) == 0:
        raise BadFileError(f"records of {widths} samples")
    body = np.frombuffer(data[_HEAD * (n_signals + 1) :], np.uint8)
    # The header may say -1 (unknown) or more than there is, where the writer was cut off.
    n_records = len(body) // (2 * sum(widths))
    promised = _int(data[236:244], "number of records")
    n_records = n_records if promised < 0 else min(promised, n_records)
    records = body[: n_records * 2 * sum(widths)].reshape(n_records, 2 * sum(widths))
    starts = np.concatenate([[0], np.cumsum(widths)])
    kind = data[192:236].decode("latin-1")
    signals: list[EdfSignal] = []
    onsets = [number * record_s for number in range(n_records)]
    marks: list[EdfAnnotation] = []
    seen_annotations = False
    for index, width in enumerate(widths):
        part = np.ascontiguousarray(records[:, 2 * starts[index] : 2 * starts[index + 1]])
        if columns[0][index].decode("latin-1").strip() == ANNOTATIONS:
            own_onsets, own_marks = _annotations(part)
            marks += own_marks
            if not seen_annotations:
                onsets = [a if b is None else b for a, b in zip(onsets, own_onsets, strict=True)]
            seen_annotations = True
        else:
            counts = part.view("<i2").reshape(-1).astype(np.int16)
            signals.append(_signal(columns, index, counts, width, record_s))
    return EdfFile(
        patient=data[8:88].decode("latin-1").rstrip(),
        recording=data[88:168].decode("latin-1").rstrip(),
        start=f"{data[168:176].decode('latin-1')} {data[176:184].decode('latin-1')}",
        record_s=record_s,
        signals=tuple(signals),
        record_onsets_s=tuple(onsets),
        annotations=tuple(marks),
        is_plus=kind.startswith("EDF+"),
        is_continuous=not kind.startswith("EDF+D"),
    )


def encode_edf(file: EdfFile) -> bytes:
    """The bytes of a file, always EDF+; records are as long as `record_s` says.

    Raises
    ------
    ValueError : the signals have no whole number of records, or not the same one
    """
    widths = [round(each.rate_hz * file.record_s) for each in file.signals]
    n_records = len(file.record_onsets_s)
    for each, width in zip(file.signals, widths, strict=True):
        if len(each.counts) != width * n_records:
            raise ValueError(f"{each.label}: {len(each.counts)} samples in {n_records} records")
    texts = _timekeeping(file)
    wide = max((len(text) for text in texts), default=2)
    wide += wide % 2
    parts = [
        each.counts.astype("<i2").reshape(n_records, width).view(np.uint8)
        for each, width in zip(file.signals, widths, strict=True)
    ]
    parts.append(
        np.frombuffer(b"".join(t.ljust(wide, b"\0") for t in texts), np.uint8).reshape(-1, wide)
    )
    head = encode_head(file, n_records=n_records, annotation_bytes=wide)
    return head + np.concatenate(parts, axis=1).tobytes()


def encode_head(file: EdfFile, *, n_records: int, annotation_bytes: int) -> bytes:
    """The header of a file whose records follow.

    Parameters
    ----------
    annotation_bytes : of each record, even; they stand behind its samples
    """
    n_all = len(file.signals) + 1
    date, _, clock = file.start.partition(" ")
    head = _padded(("0", 8), (file.patient, 80), (file.recording, 80), (date, 8), (clock, 8))
    kind = "EDF+C" if file.is_continuous else "EDF+D"
    head += _padded((str(_HEAD * (n_all + 1)), 8), (kind, 44), (str(n_records), 8))
    head += _padded((_number(file.record_s), 8), (str(n_all), 4))
    described = [
        (
            each.label, each.transducer, each.unit, _number(each.physical_min),
            _number(each.physical_max), str(each.digital_min), str(each.digital_max),
            each.prefiltering, str(round(each.rate_hz * file.record_s)), "",
        )
        for each in file.signals
    ]  # fmt: skip
    described.append(
        (ANNOTATIONS, "", "", "-1", "1", "-32768", "32767", "", str(annotation_bytes // 2), "")
    )
    for field, size in enumerate(_FIELDS):
        head += _padded(*((row[field], size) for row in described))
    return head


def record_text(onset_s: float) -> bytes:
    """The text with which the annotations of a record begin: when it begins."""
    return _onset(onset_s) + TEXT_END + TEXT_END + b"\0"


def annotation_text(mark: EdfAnnotation) -> bytes:
    """One mark among the annotations of a record."""
    lasts = b"" if mark.duration_s is None else FIELD_END + _seconds(mark.duration_s).encode()
    return _onset(mark.onset_s) + lasts + TEXT_END + mark.text.encode() + TEXT_END + b"\0"


def _timekeeping(file: EdfFile) -> list[bytes]:
    """Text of the annotation signal of each record: its onset, and the marks that begin in it."""
    texts = [record_text(each) for each in file.record_onsets_s]
    edges = np.array(file.record_onsets_s)
    for mark in file.annotations:
        index = max(0, int(np.searchsorted(edges, mark.onset_s, side="right")) - 1)
        texts[index] += annotation_text(mark)
    return texts


def _onset(seconds: float) -> bytes:
    return f"{'' if seconds < 0 else '+'}{_seconds(seconds)}".encode()


def _seconds(seconds: float) -> str:
    """To the microsecond, without an exponent."""
    text = f"{seconds:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _number(value: float) -> str:
    """As many digits as eight characters hold."""
    texts = (f"{value:.{digits}g}" for digits in range(8, 0, -1))
    return next((text for text in texts if len(text) <= 8), f"{value:.0f}"[:8])


def _annotations(part: NDArray[np.uint8]) -> tuple[list[float | None], list[EdfAnnotation]]:
    onsets: list[float | None] = []
    marks: list[EdfAnnotation] = []
    for row in part:
        first: float | None = None
        for each in row.tobytes().split(b"\0"):
            stamp, *texts = each.split(TEXT_END)
            when, _, lasts = stamp.partition(FIELD_END)
            if not when:
                continue
            onset = _float(when, "onset of an annotation")
            if first is None:
                first = onset
            duration = _float(lasts, "duration of an annotation") if lasts else None
            marks += [
                EdfAnnotation(onset, duration, t.decode("utf-8", "replace")) for t in texts if t
            ]
        onsets.append(first)
    return onsets, marks


def _signal(
    columns: list[list[bytes]], index: int, counts: Counts, width: int, record_s: float
) -> EdfSignal:
    text = [column[index].decode("latin-1").strip() for column in columns]
    low, high = _int(columns[5][index], "digital minimum"), _int(columns[6][index], "maximum")
    if low == high:
        raise BadFileError(f"the signal {text[0]!r} has no digital range")
    return EdfSignal(
        label=text[0],
        unit=text[2],
        physical_min=_float(columns[3][index], "physical minimum"),
        physical_max=_float(columns[4][index], "physical maximum"),
        digital_min=low,
        digital_max=high,
        rate_hz=width / record_s if record_s > 0 else float(width),
        counts=counts,
        transducer=text[1],
        prefiltering=text[7],
    )


def _columns(data: bytes, n_signals: int) -> list[list[bytes]]:
    columns, at = [], 0
    for size in _FIELDS:
        columns.append([data[at + k * size : at + (k + 1) * size] for k in range(n_signals)])
        at += size * n_signals
    return columns


def _padded(*fields: tuple[str, int]) -> bytes:
    return b"".join(text.encode("latin-1", "replace")[:size].ljust(size) for text, size in fields)


def _int(text: bytes, what: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise BadFileError(f"{what} is {text!r}") from error


def _float(text: bytes, what: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise BadFileError(f"{what} is {text!r}") from error
    if not np.isfinite(number):
        raise BadFileError(f"{what} is {text!r}")
    return number
