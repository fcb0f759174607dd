"""CSV tables as files that are taken in: a line of names, then a line a sample.

Which column is what, its names tell (``ECG II [mV]``) or the options; when a sample was taken, a
column of times or the options ``start`` and ``rate``. Numbers may have a decimal comma.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contracts.file_reading import BadFile, FileFormat, ReadFile
from shared.contracts.parking import Reason
from shared.contracts.streams import Place
from shared.recordings.csv_lines import (
    BadLineError,
    Heading,
    Table,
    cells_of,
    in_steps,
    line_of,
    numbers_of,
    table_of,
)
from shared.recordings.pieces import Track, identity_of, read_file_of
from shared.recordings.signals import (
    Named,
    Stretch,
    UnfitError,
    name_signal,
    signal_names,
    tracks_of,
)
from shared.recordings.times import BadTimeError, start_option, zone_us

MOST_READINGS = 200_000
"""Of rows that come at no rate: each is a frame of its own."""
_TIME_BYTES = 40
_TIME_NAMES = frozenset({"time", "timestamp", "datetime", "date", "t", "zeit"})
_UNITS_US = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0}
_ISO = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_LONGEST_US = 4e15  # 2096: above, a number is no time in these units


def read_csv(data: bytes, options: Mapping[str, Any]) -> ReadFile | BadFile:
    """Read a table.

    Parameters
    ----------
    options : ``signals`` (``name=stream:channel,...``), ``stream`` (of columns whose name tells
        none), ``units`` (``name=unit,...``), ``place``; ``time`` (the column), ``time_unit``
        (iso, s, ms, us; s and ms since 1970, or since ``start``), ``time_zone``; or ``start`` and
        ``rate`` (Hz); ``decimal`` (``,``), ``separator``
    """
    try:
        table = table_of(data, options)
        when = _time_column(table, options)
        chosen = _chosen(table, when, options)
        if not chosen:
            names = ", ".join(one.label for one in table.headings)[:200]
            return BadFile(Reason.UNKNOWN_STREAM, f"no column is known: {names}", line=1)
        values = numbers_of(table, [one.index for one, _ in chosen], options)
        if not len(values):
            return BadFile(Reason.EMPTY_SAMPLES, "no line behind the names", line=1)
        tracks = _tracks(chosen, values, _times_us(table, when, len(values), options), options)
        if not any(len(track.samples) for track in tracks):
            return BadFile(Reason.EMPTY_SAMPLES, "no number in any line", line=2)
        return read_file_of(tracks, key=identity_of("csv", data, options), personal={})
    except BadLineError as error:
        return BadFile(error.reason, str(error)[:400], line=error.line)
    except UnfitError as error:
        return BadFile(Reason.UNKNOWN_STREAM, str(error)[:400], line=1)
    except BadTimeError as error:
        return BadFile(Reason.BAD_TIME, str(error)[:400])


CSV = FileFormat(name="csv", suffixes=(".csv", ".tsv"), read=read_csv)


def _time_column(table: Table, options: Mapping[str, Any]) -> Heading | None:
    wanted = str(options.get("time") or "")
    for one in table.headings:
        if one.label == wanted or (not wanted and one.label.lower() in _TIME_NAMES):
            return one
    if wanted:
        raise BadLineError(1, f"there is no column {wanted[:40]!r}")
    if not options.get("rate"):
        raise BadLineError(1, "no column is a time; name it, or give start and rate")
    return None


def _chosen(
    table: Table, when: Heading | None, options: Mapping[str, Any]
) -> list[tuple[Heading, Named]]:
    """The columns that are signals, with what they are."""
    names = signal_names(options)
    units = signal_names({"signals": options.get("units")})
    stream = str(options.get("stream") or "")
    found = []
    for one in table.headings:
        if one is when:
            continue
        named = name_signal(one.label, names)
        if stream and one.label not in names:
            named = name_signal(f"{stream} {one.label}")
            if named is None:
                raise UnfitError(f"there is no stream {stream[:40]!r}")
        if named is not None:
            unit = units.get(one.label, one.unit)
            found.append((Heading(index=one.index, label=one.label, unit=unit), named))
    return found


def _times_us(
    table: Table, when: Heading | None, n_rows: int, options: Mapping[str, Any]
) -> NDArray[np.float64]:
    start_us = start_option(options)
    if when is None:
        if start_us is None:
            raise BadTimeError("no column is a time; give start")
        try:
            rate_hz = float(options["rate"])
        except ValueError as error:
            raise BadTimeError("rate is no number") from error
        if not 1e-5 <= rate_hz <= 1e5:
            raise BadTimeError(f"rate is {rate_hz} Hz")
        at: NDArray[np.float64] = start_us + np.arange(n_rows, dtype=np.float64) * (1e6 / rate_hz)
        return at
    unit = str(options.get("time_unit") or "")
    cells = cells_of(table, [when.index], np.dtype(f"S{_TIME_BYTES}"))[:, 0]
    if unit in ("", "iso") and len(cells) and _ISO.match(cells[0]):
        return _from_iso(table, cells, options)
    return _from_numbers(table, cells, unit or when.unit or "s", start_us)


def _from_numbers(
    table: Table, cells: NDArray[np.bytes_], unit: str, start_us: int | None
) -> NDArray[np.float64]:
    if unit not in _UNITS_US:
        raise BadTimeError("times are no ISO 8601; give time_unit (s, ms or us)")
    try:
        numbers = in_steps(cells, lambda some: np.char.replace(some, b",", b".").astype(np.float64))
    except ValueError as error:
        raise BadLineError(2, f"a time is no number: {error}", Reason.BAD_TIME) from error
    times = numbers * _UNITS_US[unit] + (start_us or 0)
    wrong = np.flatnonzero(~(np.abs(times) < _LONGEST_US))
    if len(wrong):
        line = line_of(table.body, int(wrong[0]))
        raise BadLineError(line, "a time is none", Reason.BAD_TIME)
    found: NDArray[np.float64] = times.astype(np.float64)
    return found


def _from_iso(
    table: Table, cells: NDArray[np.bytes_], options: Mapping[str, Any]
) -> NDArray[np.float64]:
    """Times with one offset to UTC in all lines, or none: then in ``time_zone``."""
    match = re.search(rb"(Z|[+-]\d\d:\d\d)$", cells[0])
    suffix = match[1] if match is not None else b""

    def has_it(some: NDArray[np.bytes_]) -> NDArray[np.bool_]:
        if suffix:
            return np.char.endswith(some, suffix)
        return ~np.char.endswith(some, b"Z") & (np.char.find(some, b"+") < 0)

    def read(some: NDArray[np.bytes_]) -> NDArray[np.int64]:
        plain = np.char.replace(some, suffix, b"") if suffix else some
        return plain.astype("U").astype("datetime64[us]").astype(np.int64)

    same = in_steps(cells, has_it)
    if not same.all():
        line = line_of(table.body, int(np.flatnonzero(~same)[0]))
        raise BadLineError(line, "the offset to UTC is another than before", Reason.BAD_TIME)
    try:
        times = in_steps(cells, read)
    except ValueError as error:
        for row, cell in enumerate(cells.tolist()):
            try:
                np.datetime64(cell.removesuffix(suffix).decode("latin-1"), "us")
            except ValueError:
                line = line_of(table.body, row)
                raise BadLineError(line, f"no time: {cell[:30]!r}", Reason.BAD_TIME) from error
        raise BadLineError(2, "a time is none", Reason.BAD_TIME) from error
    written = suffix.decode() if suffix else str(options.get("time_zone") or "UTC")
    found: NDArray[np.float64] = times.astype(np.float64) - zone_us(written)
    return found


def _tracks(
    chosen: Sequence[tuple[Heading, Named]],
    values: NDArray[np.float64],
    times: NDArray[np.float64],
    options: Mapping[str, Any],
) -> list[Track]:
    steps = np.diff(times)
    backwards = np.flatnonzero(steps <= 0)
    if len(backwards):
        line = int(backwards[0]) + 3
        raise BadLineError(line, "the time is not later than before", Reason.BAD_TIME)
    place = _place(options)
    tracks: list[Track] = []
    for first, end, interval_us in _runs(times):
        stretches = [
            Stretch(
                label=heading.label,
                unit=heading.unit,
                named=named,
                place=place,
                t0_us=float(times[first]),
                interval_us=interval_us,
                samples=_narrowed(values[first:end, column]),
                scale=1.0,
                offset=0.0,
            )
            for column, (heading, named) in enumerate(chosen)
        ]
        tracks += tracks_of(stretches)
    return [_without_empty(track) for track in tracks]


def _runs(times: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Stretches of lines that come at one rate: [first, end), and the interval."""
    if len(times) == 1:
        return [(0, 1, 1e6)]
    steps = np.diff(times)
    usual = float(np.median(steps))
    edges = [0, *(np.flatnonzero(np.abs(steps - usual) > usual / 2) + 1).tolist(), len(times)]
    if len(edges) > MOST_READINGS:
        raise BadTimeError(f"more than {MOST_READINGS} lines come at no rate")
    found = []
    for first, end in pairwise(edges):
        n = end - first
        interval = (times[end - 1] - times[first]) / (n - 1) if n > 1 else usual
        fit = times[first] + np.arange(n) * interval
        if n > 2 and float(np.abs(times[first:end] - fit).max()) > max(interval / 2, 1.0):
            # It drifts: each line is a reading of its own.
            if n > MOST_READINGS:
                raise BadTimeError(f"line {first + 2} and those behind it come at no rate")
            found += [(at, at + 1, float(interval)) for at in range(first, end)]
        else:
            found.append((first, end, float(interval)))
    return found


def _narrowed(values: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _without_empty(track: Track) -> Track:
    """Without the lines at the end in which the stream has no number."""
    there = np.flatnonzero(~np.isnan(track.samples).all(axis=1))
    end = int(there[-1]) + 1 if len(there) else 0
    return Track(
        stream=track.stream, t0_us=track.t0_us, interval_us=track.interval_us,
        samples=track.samples[:end], scale=track.scale, offset=track.offset, place=track.place,
    )  # fmt: skip


def _place(options: Mapping[str, Any]) -> int:
    name = str(options.get("place") or "none").upper()
    if name not in Place.__members__:
        raise UnfitError(f"there is no place {name[:20].lower()!r}")
    return int(Place[name])
