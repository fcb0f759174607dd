"""EDF and EDF+ as files that are taken in, continuous (C) or with holes (D).

Annotations are left out: they are free text, and may name people. What the header says of the
patient is told apart, so that whoever takes the file in can drop it.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np

from shared.contracts.file_reading import BadFile, FileFormat, ReadFile
from shared.contracts.parking import Reason
from shared.recordings.edf_plus import BadFileError, EdfFile, decode_edf
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

SMALLEST_GAP_S = 1e-3
"""Records that begin later than this after the end of the one before leave a hole."""
LONGEST_S = 1e9
"""Thirty years: a header that says more is damaged, and no arithmetic overflows below."""
_START = re.compile(r"(\d\d)\.(\d\d)\.(\d\d) (\d\d)\.(\d\d)\.(\d\d)")
_YEAR = re.compile(r"Startdate \d\d-[A-Z]{3}-(\d{4})\b")
_MISSING = np.iinfo(np.int16).min


def read_edf(data: bytes, options: Mapping[str, Any]) -> ReadFile | BadFile:
    """Read a file of EDF or EDF+.

    Parameters
    ----------
    options : ``start`` (RFC 3339) instead of the file's, ``time_zone`` of its clock (UTC, or an
        offset as +02:00), ``signals`` (``label=stream:channel,...``)
    """
    try:
        file = decode_edf(data)
        promised = int(data[236:244])
        n_records = len(file.record_onsets_s)
        if n_records < promised:
            return BadFile(
                Reason.MALFORMED,
                f"{promised} records are promised, after {n_records} the file ends",
                offset=len(data),
            )
        if n_records and not _is_sensible(file):
            return BadFile(Reason.BAD_TIME, "records last or begin beyond all reason")
        start_us = start_option(options)
        if start_us is None:
            start_us = to_us(_start(file), options)
        tracks = tracks_of(_stretches(file, start_us, options))
        if not any(len(track.samples) for track in tracks):
            labels = ", ".join(signal.label for signal in file.signals)[:200]
            return BadFile(Reason.UNKNOWN_STREAM, f"no signal is known: {labels}")
        personal = {"patient": file.patient} if file.patient else {}
        return read_file_of(tracks, key=identity_of("edf", data, options), personal=personal)
    except BadFileError as error:
        return BadFile(Reason.MALFORMED, str(error)[:400])
    except UnfitError as error:
        return BadFile(Reason.UNKNOWN_STREAM, str(error)[:400])
    except BadTimeError as error:
        return BadFile(Reason.BAD_TIME, str(error)[:400])


EDF = FileFormat(name="edf_plus", suffixes=(".edf",), read=read_edf)


def _stretches(file: EdfFile, start_us: int, options: Mapping[str, Any]) -> list[Stretch]:
    names = signal_names(options)
    onsets = np.array(file.record_onsets_s)
    holes = np.flatnonzero(np.diff(onsets) > file.record_s + SMALLEST_GAP_S) + 1
    edges = [0, *holes.tolist(), len(onsets)]
    found: list[Stretch] = []
    for signal in file.signals:
        named = name_signal(signal.label, names)
        width = round(signal.rate_hz * file.record_s)
        if named is None or width == 0 or file.record_s <= 0 or signal.scale == 0:
            continue
        for first, end in pairwise(edges):
            counts = signal.counts[first * width : end * width]
            if not len(counts):
                continue
            found.append(
                Stretch(
                    label=signal.label,
                    unit=signal.unit,
                    named=named,
                    place=place_of(signal.transducer),
                    t0_us=start_us + round(float(onsets[first]) * 1e6),
                    interval_us=file.record_s * 1e6 / width,
                    samples=counts,
                    scale=signal.scale,
                    offset=signal.offset,
                )
            )
    return _without_padding(found)


def _is_sensible(file: EdfFile) -> bool:
    onsets = np.array(file.record_onsets_s)
    return 1e-5 <= file.record_s <= LONGEST_S and bool((np.abs(onsets) <= LONGEST_S).all())


def _without_padding(stretches: list[Stretch]) -> list[Stretch]:
    """Leave out the end of stretches where no signal has a sample: records are filled up."""
    ends: dict[tuple[float, float], int] = {}
    for one in stretches:
        there = np.flatnonzero(one.samples != _MISSING)
        end = int(there[-1]) + 1 if len(there) else 0
        kind = (one.t0_us, one.interval_us)
        ends[kind] = max(ends.get(kind, 0), end)
    return [
        one._replace(samples=one.samples[: ends[one.t0_us, one.interval_us]]) for one in stretches
    ]


def _start(file: EdfFile) -> datetime:
    """When the file says that it begins: EDF counts from 1985 to 2084, EDF+ writes the year out."""
    found = _START.fullmatch(file.start)
    if found is None:
        raise BadTimeError("the header tells no start as dd.mm.yy hh.mm.ss")
    day, month, year, hour, minute, second = map(int, found.groups())
    written = _YEAR.match(file.recording)
    full = int(written[1]) if written is not None else year + (1900 if year >= 85 else 2000)
    try:
        return datetime(full, month, day, hour, minute, second)  # noqa: DTZ001 - its own clock
    except ValueError as error:
        raise BadTimeError("the header tells no start as dd.mm.yy hh.mm.ss") from error
