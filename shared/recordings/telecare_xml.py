"""Telecare XML: a recording as the gateway of the Telecare-ECG gives it on, written as it comes.

Zagan et al., Computers 2020, 9, 15, tell that there is an XML file of a recording, not what stands
in it; the elements here are decided (docs/interfaces.md). Samples are hex words of 16 bits, a row
each as in the monitor's own text file; 8000 where one is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from shared.contracts.file_reading import BadFile, FileFormat, ReadFile
from shared.contracts.instants import from_text, to_text
from shared.contracts.parking import Reason
from shared.contracts.streams import STREAMS_BY_KEY, Place
from shared.recordings.pieces import identity_of, read_file_of
from shared.recordings.signals import Named, Stretch, UnfitError, tracks_of
from shared.recordings.times import BadTimeError, start_option

NAME = "telecare_xml"
MEDIA_TYPE = "application/vnd.vitalwire.telecare+xml"
SUFFIX = "xml"
VERSION = "1"
ROOT = "telecare_recording"
ROWS_MOST = 4_096
"""In one element, so that a reader need not hold a day of them in one text."""
ELEMENTS_MOST = 2_000_000
"""Two brackets an element: a week of beats and rows. More would only take memory."""
LONGEST_INTERVAL_NS = 86_400_000_000_000
_PLACES = {place.name.lower(): int(place) for place in Place}

Counts = NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlLead:
    """One channel. Value = word * scale + offset, in the unit of the recording."""

    name: str
    scale: float
    offset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlHead:
    """What a file says of its samples. ``patient`` is an opaque key."""

    patient: str
    device: str
    place: str
    stream: str
    unit: str
    interval_ns: int
    leads: tuple[XmlLead, ...]
    remarks: tuple[str, ...] = ()


class XmlStream:
    """Writes one file; each method gives the next bytes of it."""

    def __init__(self, head: XmlHead) -> None:
        self._head = head
        self._is_open = False

    def begin(self) -> bytes:
        """The head."""
        head = self._head
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<{ROOT} version="{VERSION}">',
            _element(
                "recording", patient=head.patient, stream=head.stream, unit=head.unit,
                interval_ns=str(head.interval_ns),
            ),
            _element("device", id=head.device, place=head.place),
            "<leads>",
            *(
                _element("lead", name=one.name, scale=repr(one.scale), offset=repr(one.offset))
                for one in head.leads
            ),
            "</leads>",
            *(_element("remark", text=remark) for remark in head.remarks),
        ]  # fmt: skip
        return _lines(lines)

    def beat(self, t_us: int, symbol: str) -> bytes:
        """One beat, before the samples of its time."""
        return _lines([_element("beat", t=to_text(t_us), symbol=symbol)])

    def stretch(self, start_us: int) -> bytes:
        """Begin a stretch without a hole."""
        closed = self._closed()
        self._is_open = True
        return closed + _lines([f"<stretch start={quoteattr(to_text(start_us))}>"])

    def add(self, counts: Counts) -> bytes:
        """Go on with the stretch: (channels, samples)."""
        rows = np.ascontiguousarray(counts.T.astype(">i2"))
        row_bytes = 2 * len(self._head.leads)
        parts = []
        for first in range(0, len(rows), ROWS_MOST):
            text = rows[first : first + ROWS_MOST].tobytes().hex("\n", row_bytes).upper()
            parts.append(f"<rows>\n{text}\n</rows>\n")
        return "".join(parts).encode("ascii")

    def end(self) -> bytes:
        """The end of the file."""
        return self._closed() + _lines([f"</{ROOT}>"])

    def _closed(self) -> bytes:
        was_open, self._is_open = self._is_open, False
        return b"</stretch>\n" if was_open else b""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class XmlStretch:
    """Samples without a hole, (samples, channels) of int16."""

    start_us: int
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlRecording:
    """What a file holds; beats are (us UTC, symbol)."""

    head: XmlHead
    stretches: tuple[XmlStretch, ...]
    beats: tuple[tuple[int, str], ...]


class BadXmlError(ValueError):
    """The bytes are no file of this format; the text says where, and quotes nothing of it."""

    def __init__(self, detail: str, line: int | None = None) -> None:
        super().__init__(detail)
        self.line = line


def decode_telecare_xml(data: bytes) -> XmlRecording:
    """Read a file.

    Raises
    ------
    BadXmlError : it is none, or it is not whole
    """
    root = _parse(data)
    if root.tag != ROOT or root.get("version") != VERSION:
        raise BadXmlError(f"no {ROOT} of version {VERSION}")
    recording, device, leads = (_child(root, name) for name in ("recording", "device", "leads"))
    stream = _text(recording, "stream")
    row = STREAMS_BY_KEY.get(stream)
    if row is None:
        raise BadXmlError("recording: there is no such stream")
    head = XmlHead(
        patient=_text(recording, "patient"),
        device=_text(device, "id"),
        place=_text(device, "place"),
        stream=stream,
        unit=_text(recording, "unit"),
        interval_ns=round(_number(recording, "interval_ns")),
        leads=tuple(
            XmlLead(
                name=_text(one, "name"), scale=_number(one, "scale"), offset=_number(one, "offset")
            )
            for one in leads.iterfind("lead")
        ),
        remarks=tuple(_text(one, "text") for one in root.iterfind("remark")),
    )
    if not 0 < head.interval_ns <= LONGEST_INTERVAL_NS:
        raise BadXmlError("recording: interval_ns is out of range")
    if not 0 < len(head.leads) <= len(row.channels):
        raise BadXmlError(f"{len(head.leads)} leads of {stream}")
    if any(one.scale == 0 for one in head.leads):
        raise BadXmlError("a scale of 0 makes all samples equal")
    stretches = tuple(
        XmlStretch(
            start_us=_time(one, "start"),
            counts=_rows(one, number, len(head.leads)),
        )
        for number, one in enumerate(root.iterfind("stretch"), start=1)
    )
    beats = tuple((_time(one, "t"), _text(one, "symbol")) for one in root.iter("beat"))
    return XmlRecording(head=head, stretches=stretches, beats=beats)


def read_telecare_xml(data: bytes, options: Mapping[str, Any]) -> ReadFile | BadFile:
    """Read a file to be taken in; beats are left out, for they are computed from the samples.

    Parameters
    ----------
    options : ``start`` (RFC 3339) instead of the file's
    """
    try:
        file = decode_telecare_xml(data)
        asked_us = start_option(options)
        first_us = min((one.start_us for one in file.stretches), default=0)
        moved_us = 0 if asked_us is None else asked_us - first_us
        tracks = tracks_of(_signals(file, moved_us))
        if not any(len(track.samples) for track in tracks):
            return BadFile(Reason.EMPTY_SAMPLES, "no samples")
        personal = {"patient": file.head.patient} if file.head.patient else {}
        return read_file_of(tracks, key=identity_of(NAME, data, options), personal=personal)
    except BadXmlError as error:
        return BadFile(Reason.MALFORMED, str(error)[:400], error.line)
    except UnfitError as error:
        return BadFile(Reason.UNKNOWN_STREAM, str(error)[:400])
    except BadTimeError as error:
        return BadFile(Reason.BAD_TIME, str(error)[:400])


TELECARE_XML = FileFormat(name=NAME, suffixes=(f".{SUFFIX}",), read=read_telecare_xml)


def _signals(file: XmlRecording, moved_us: int) -> Sequence[Stretch]:
    head = file.head
    row = STREAMS_BY_KEY[head.stream]
    return [
        Stretch(
            label=lead.name,
            unit=head.unit,
            named=Named(row.id, channel),
            place=_PLACES.get(head.place, 0),
            t0_us=stretch.start_us + moved_us,
            interval_us=head.interval_ns / 1_000,
            samples=stretch.counts[:, channel],
            scale=lead.scale,
            offset=lead.offset,
        )
        for stretch in file.stretches
        for channel, lead in enumerate(head.leads)
    ]


def _parse(data: bytes) -> ET.Element:
    """The document, where it defines nothing of its own: no entity is ever expanded."""
    if data.count(b"<") > ELEMENTS_MOST:
        raise BadXmlError("it has too many elements")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadXmlError("it is not in UTF-8") from error
    if "<!" in text:
        raise BadXmlError("it has a document type or a comment: none belongs here")
    try:
        return ET.fromstring(text)  # noqa: S314 - see above
    except ET.ParseError as error:
        raise BadXmlError("it is no XML, or cut off", error.position[0]) from error


def _child(parent: ET.Element, name: str) -> ET.Element:
    found = parent.find(name)
    if found is None:
        raise BadXmlError(f"there is no element {name}")
    return found


def _text(element: ET.Element, name: str) -> str:
    found = element.get(name)
    if found is None or len(found) > 400:
        raise BadXmlError(f"{element.tag} has no {name} of at most 400 characters")
    return found


def _number(element: ET.Element, name: str) -> float:
    try:
        number = float(_text(element, name))
    except ValueError as error:
        raise BadXmlError(f"{name} of {element.tag} is no number") from error
    if not abs(number) < 1e30:
        raise BadXmlError(f"{name} of {element.tag} is out of range")
    return number


def _time(element: ET.Element, name: str) -> int:
    try:
        return from_text(_text(element, name))
    except (ValueError, OverflowError) as error:
        raise BadTimeError(f"{name} of a {element.tag} is no time with its offset") from error


def _rows(stretch: ET.Element, number: int, n_leads: int) -> Counts:
    try:
        data = b"".join(bytes.fromhex(rows.text or "") for rows in stretch.iterfind("rows"))
    except ValueError as error:
        raise BadXmlError(f"stretch {number} holds something else than hex digits") from error
    if len(data) % (2 * n_leads):
        raise BadXmlError(f"stretch {number} holds no whole number of rows")
    return np.frombuffer(data, ">i2").astype(np.int16).reshape(-1, n_leads)


def _element(tag: str, /, **attributes: str) -> str:
    told = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{tag}{told}/>"


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
