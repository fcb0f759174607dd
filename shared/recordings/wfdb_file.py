"""WFDB records (PhysioNet) as files that are taken in: header and signal files in one ZIP archive.

Annotations are left out, as of EDF+. Bounds against archives that unpack to more than they say:
entries, bytes in all, and only files that the header names are unpacked.
"""

import hashlib
import io
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contracts.file_reading import LARGEST_FILE_BYTES, BadFile, FileFormat, ReadFile
from shared.contracts.parking import Reason
from shared.recordings.pieces import identity_of, read_file_of
from shared.recordings.signals import (
    Stretch,
    UnfitError,
    name_signal,
    place_of,
    signal_names,
    tracks_of,
)
from shared.recordings.times import BadTimeError, start_option, to_us
from shared.recordings.wfdb import (
    BadRecordError,
    Header,
    Signal,
    checksum_of,
    decode_header,
    unpack_counts,
)

MOST_ENTRIES = 64
LARGEST_UNPACKED_BYTES = 2 * LARGEST_FILE_BYTES
LARGEST_HEADER_BYTES = 65_536
SLOWEST_HZ, FASTEST_HZ = 1e-5, 1e5
"""A sample a day, and as fast as a frame may be."""
_OURS = re.compile(r"worn: (?P<place>[a-z]+), stream (?P<stream>[a-z0-9_]+)")
_START = re.compile(r"(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,6}))? (\d{1,2})/(\d{1,2})/(\d{4})")


def read_wfdb(data: bytes, options: Mapping[str, Any]) -> ReadFile | BadFile:
    """Read a record.

    Parameters
    ----------
    data : the ZIP archive
    options : as of EDF+; ``start`` must be given where the header tells no date
    """
    try:
        files = _Archive(data)
        name = files.only(".hea")
        text = files.read(name, LARGEST_HEADER_BYTES)
        header = decode_header(text)
        if not SLOWEST_HZ <= header.rate_hz <= FASTEST_HZ:
            return BadFile(Reason.BAD_RATE, f"{header.rate_hz} samples a second")
        start_us = start_option(options)
        if start_us is None:
            start_us = to_us(_start(text), options)
        stretches = _stretches(files, header, start_us, options)
        if not any(len(one.samples) for one in stretches):
            labels = ", ".join(signal.name for signal in header.signals)[:200]
            return BadFile(Reason.UNKNOWN_STREAM, f"no signal is known: {labels}")
        key = identity_of("wfdb", files.digest(), options)
        return read_file_of(tracks_of(stretches), key=key, personal={})
    except BadRecordError as error:
        return BadFile(Reason.MALFORMED, str(error)[:400])
    except UnfitError as error:
        return BadFile(Reason.UNKNOWN_STREAM, str(error)[:400])
    except BadTimeError as error:
        return BadFile(Reason.BAD_TIME, str(error)[:400])


WFDB = FileFormat(name="wfdb", suffixes=(".zip",), read=read_wfdb)


class _Archive:
    """The files of an archive, unpacked within bounds."""

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            names = self._archive.namelist()
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
            raise BadRecordError(f"no ZIP archive: {error}") from error
        if len(names) > MOST_ENTRIES:
            raise BadRecordError(f"{len(names)} files in the archive")
        self._names = {name.rpartition("/")[2]: name for name in names if not name.endswith("/")}
        self._left = LARGEST_UNPACKED_BYTES
        self._read: dict[str, bytes] = {}

    def only(self, suffix: str) -> str:
        """The name of the one file that ends so."""
        found = [name for name in self._names if name.lower().endswith(suffix)]
        if len(found) != 1:
            raise BadRecordError(f"{len(found)} files {suffix} in the archive, one is wanted")
        return found[0]

    def read(self, name: str, most: int = LARGEST_UNPACKED_BYTES) -> bytes:
        """The bytes of a file."""
        if name in self._read:
            return self._read[name]
        if name not in self._names:
            raise BadRecordError(f"{name[:80]!r} is not in the archive")
        most = min(most, self._left)
        try:
            with self._archive.open(self._names[name]) as file:
                found = file.read(most + 1)
        except (
            zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError,
            NotImplementedError,
        ) as error:  # fmt: skip
            raise BadRecordError(f"{name[:80]!r} cannot be unpacked: {error}") from error
        if len(found) > most:
            raise BadRecordError(f"{name[:80]!r} unpacks to more than {most} bytes")
        self._left -= len(found)
        self._read[name] = found
        return found

    def digest(self) -> bytes:
        """What was read, whatever packed it: the same record in another archive is the same."""
        told = hashlib.sha256()
        for name in sorted(self._read):
            told.update(name.encode() + b"\0" + hashlib.sha256(self._read[name]).digest())
        return told.digest()


def _stretches(
    files: _Archive, header: Header, start_us: int, options: Mapping[str, Any]
) -> list[Stretch]:
    names = signal_names(options)
    stream, place = "", 0
    for comment in header.comments:  # of our own exports
        if ours := _OURS.search(comment):
            stream, place = ours["stream"], place_of(ours["place"])
    found: list[Stretch] = []
    for signal, counts in _columns(files, header):
        label = signal.name
        named = name_signal(label, names)
        if stream and label not in names:
            named = name_signal(f"{stream} {label}") or named
        if named is None or signal.gain == 0 or not math.isfinite(signal.gain):
            continue
        found.append(
            Stretch(
                label=label,
                unit=signal.unit,
                named=named,
                place=place,
                t0_us=start_us,
                interval_us=1e6 / header.rate_hz,
                samples=counts,
                scale=1 / signal.gain,
                offset=-signal.baseline / signal.gain,
            )
        )
    return found


def _columns(files: _Archive, header: Header) -> list[tuple[Signal, NDArray[Any]]]:
    """Each signal with its samples; those of one file are interleaved."""
    groups: dict[str, list[Signal]] = {}
    for signal in header.signals:
        groups.setdefault(signal.file, []).append(signal)
    found: dict[int, NDArray[Any]] = {}
    for name, signals in groups.items():
        formats = {signal.format for signal in signals}
        if len(formats) != 1:
            raise BadRecordError(f"{name[:80]!r} is in formats {sorted(formats)}")
        flat = unpack_counts(files.read(name), formats.pop())
        n_samples = header.n_samples or len(flat) // len(signals)
        if len(flat) < n_samples * len(signals):
            raise BadRecordError(
                f"{name[:80]!r} ends after {len(flat) // len(signals)} of {n_samples} samples"
            )
        counts = flat[: n_samples * len(signals)].reshape(n_samples, len(signals))
        for signal, column in zip(signals, counts.T, strict=True):
            if signal.checksum is not None and checksum_of(column) != signal.checksum & 0xFFFF:
                raise BadRecordError(f"the checksum of {signal.name[:40]!r} differs")
            found[id(signal)] = _with_our_missing(column, signal.format)
    return [(signal, found[id(signal)]) for signal in header.signals]


_MISSING = {212: -2_048, 80: -128, 24: -(1 << 23)}


def _with_our_missing(column: NDArray[Any], form: int) -> NDArray[Any]:
    """The column, with what the format calls missing as the most negative number of its type."""
    missing = _MISSING.get(form)
    if missing is None or not (column == missing).any():
        return column
    changed = column.copy()
    changed[column == missing] = np.iinfo(column.dtype).min
    return changed


def _start(header: bytes) -> datetime:
    first = next(
        (line for line in header.decode("latin-1").splitlines()
         if line.strip() and not line.lstrip().startswith("#")), "",
    )  # fmt: skip
    found = _START.fullmatch(" ".join(first.split()[4:]))
    if found is None:
        raise BadTimeError("the header tells no time and date; give the option start")
    hour, minute, second, part, day, month, year = found.groups()
    try:
        return datetime(  # noqa: DTZ001 - of the clock of the recorder
            int(year), int(month), int(day), int(hour), int(minute), int(second),
            int((part or "").ljust(6, "0")),
        )  # fmt: skip
    except ValueError as error:
        raise BadTimeError("the header tells no time and date; give the option start") from error
