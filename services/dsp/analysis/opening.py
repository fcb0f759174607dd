"""Recordings from disk: any file that can be imported, as frames."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from shared.codecs.register import load_codecs
from shared.contracts.file_reading import BadFile, FileReader, ReadFile
from shared.contracts.frames import FRAME, FrameBatch
from shared.contracts.records import Table
from shared.recordings.register import load_formats
from shared.recordings.wfdb import BadRecordError, decode_header


class CannotOpenError(Exception):
    """The recording cannot be read; the text says why."""


class Recording(NamedTuple):
    """Frames of a file. Devices are numbered from 1: the recorder, then the units behind it."""

    name: str
    frames: FrameBatch
    devices: Mapping[int, str]


def open_recording(path: Path, form: str | None, options: Mapping[str, Any]) -> Recording:
    """Read a file; of WFDB the header, whose signal files lie beside it.

    Raises
    ------
    CannotOpenError : no reader knows it, or it is broken
    """
    try:
        data = _record(path) if path.suffix.lower() == ".hea" else path.read_bytes()
    except OSError as error:
        raise CannotOpenError(f"{path}: {error.strerror}") from error
    name, reader = _reader(path.name, form)
    found = reader(data, options)
    if isinstance(found, BadFile):
        where = f", line {found.line}" if found.line is not None else ""
        raise CannotOpenError(f"{path.name} ({name}): {found.reason}: {found.detail}{where}")
    return _frames(path.name, found)


def _reader(name: str, form: str | None) -> tuple[str, FileReader]:
    formats, codecs = load_formats(), load_codecs()
    if form is None:
        for one in formats.values():
            if name.lower().endswith(one.suffixes) or (
                one.name == "wfdb" and name.lower().endswith(".hea")
            ):
                return one.name, one.read
        readers = [codec.name for codec in codecs.values() if codec.read_file is not None]
        known = ", ".join(sorted([*formats, *readers]))
        raise CannotOpenError(f"{name}: nobody knows this kind of file; --format one of {known}")
    if form in formats:
        return form, formats[form].read
    codec = codecs.get(form)
    if codec is None or codec.read_file is None:
        raise CannotOpenError(f"no format {form!r}")
    return form, codec.read_file


def _record(path: Path) -> bytes:
    """The WFDB record of a header as the archive that its reader takes."""
    header = path.read_bytes()
    try:
        names = sorted({signal.file for signal in decode_header(header).signals})
    except BadRecordError as error:
        raise CannotOpenError(f"{path.name}: {error}") from error
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(path.name, header)
        for name in names:
            if Path(name).name != name:
                raise CannotOpenError(f"{path.name}: names a file in another folder")
            archive.writestr(name, (path.parent / name).read_bytes())
    return packed.getvalue()


def _frames(name: str, file: ReadFile) -> Recording:
    rows: list[tuple[Any, ...]] = []
    parts: list[bytes] = []
    devices: dict[str, int] = {"": 1}
    start = 0
    for n, (t_us, frames, _) in enumerate(file.pieces()):
        for part, frame in enumerate(frames):
            (
                stream, place, channels, samples, interval_ns, dt_us, layout, scale, offset, data,
                unit,
            ) = frame  # fmt: skip
            t0 = t_us + dt_us
            ends = t0 + samples * interval_ns // 1000
            device = devices.setdefault(unit, len(devices) + 1)
            rows.append((
                device, 1, n, part, stream, t0, interval_ns, ends, 0, channels, layout, place,
                scale, offset, start, len(data),
            ))  # fmt: skip
            parts.append(data)
            start += len(data)
    if not rows:
        raise CannotOpenError(f"{name}: no samples")
    table: Table = np.array(rows, dtype=FRAME)
    told = {number: unit or "recorder" for unit, number in devices.items()}
    return Recording(name, FrameBatch(table, memoryview(b"".join(parts))), told)
