"""EDF+ files that are written as their samples come: equal records, annotations, gaps.

A record holds so many samples of each signal; the last one of a stretch is filled up, which an
annotation tells (`padding`), as it tells samples that are `missing`. Sources as in `edf_plus`.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.recordings.edf_plus import (
    EdfAnnotation,
    EdfFile,
    EdfSignal,
    annotation_text,
    encode_head,
    record_text,
)

Counts = NDArray[np.int16]
MEDIA_TYPE = "application/edf"
LARGEST_RECORD_BYTES = 61_440  # of the specification
ANNOTATION_BYTES = 240  # a second of them: the record's time, five beats, two remarks
_NOTHING = EdfSignal("", "", 0.0, 1.0, 0, 1, 0.0, np.empty(0, np.int16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One signal of a file. Value = count * scale + offset."""

    label: str
    unit: str
    scale: float
    offset: float
    transducer: str = ""


class EdfStream:
    """Writes one file; each method gives the next bytes of it.

    Parameters
    ----------
    samples_a_record : of each signal
    record_s : how long they last
    missing : the count of a sample that is missing
    """

    def __init__(
        self, traces: Sequence[Trace], *, samples_a_record: int, record_s: float, missing: int
    ) -> None:
        self._traces = tuple(traces)
        self._width = samples_a_record
        self._record_s = record_s
        self._missing = missing
        self._waiting: Counts = np.empty((len(traces), 0), np.int16)
        self._onset_s = 0.0
        self._marks: deque[EdfAnnotation] = deque()
        self._n_records = 0
        if 2 * samples_a_record * len(traces) + ANNOTATION_BYTES > LARGEST_RECORD_BYTES:
            raise ValueError(f"{samples_a_record} samples of {len(traces)} signals in a record")

    def head(
        self, *, patient: str, recording: str, start: str, n_records: int, is_continuous: bool
    ) -> bytes:
        """The header.

        Parameters
        ----------
        start : dd.mm.yy hh.mm.ss
        n_records : as many as the samples will fill
        """
        signals = tuple(
            _NOTHING._replace(
                label=one.label,
                unit=one.unit,
                physical_min=-32_768 * one.scale + one.offset,
                physical_max=32_767 * one.scale + one.offset,
                digital_min=-32_768,
                digital_max=32_767,
                rate_hz=self._width / self._record_s,
                transducer=one.transducer,
            )
            for one in self._traces
        )
        return encode_head(
            EdfFile(
                patient=patient,
                recording=recording,
                start=start,
                record_s=self._record_s,
                signals=signals,
                record_onsets_s=(),
                is_continuous=is_continuous,
            ),
            n_records=n_records,
            annotation_bytes=ANNOTATION_BYTES,
        )

    def mark(self, annotation: EdfAnnotation) -> None:
        """Have a mark written with the next record that has room for it."""
        self._marks.append(annotation)

    def begin(self, onset_s: float) -> bytes:
        """Begin a stretch without a hole, this long after the start of the file."""
        rest = self._padded()
        self._onset_s = onset_s
        return rest

    def add(self, counts: Counts) -> bytes:
        """Go on with the stretch: (signals, samples)."""
        joined = np.concatenate([self._waiting, counts], axis=1)
        n_whole = joined.shape[1] // self._width
        records = [
            self._record(joined[:, index * self._width : (index + 1) * self._width])
            for index in range(n_whole)
        ]
        self._waiting = joined[:, n_whole * self._width :]
        return b"".join(records)

    def finish(self) -> bytes:
        """The last record."""
        return self._padded()

    @property
    def n_records(self) -> int:
        """Records written."""
        return self._n_records

    @property
    def n_marks_left(self) -> int:
        """Marks that found no room."""
        return len(self._marks)

    def _padded(self) -> bytes:
        n_there = self._waiting.shape[1]
        if n_there == 0:
            return b""
        step_s = self._record_s / self._width
        full = np.full((len(self._traces), self._width), self._missing, dtype=np.int16)
        full[:, :n_there] = self._waiting
        self._waiting = self._waiting[:, :0]
        padding = EdfAnnotation(
            self._onset_s + n_there * step_s, (self._width - n_there) * step_s, "padding"
        )
        return self._record(full, n_there=n_there, remark=padding)

    def _record(
        self,
        counts: Counts,
        *,
        n_there: int | None = None,
        remark: EdfAnnotation | None = None,
    ) -> bytes:
        step_s = self._record_s / self._width
        remarks = [] if remark is None else [remark]
        missing = np.flatnonzero((counts[:, :n_there] == self._missing).any(axis=0))
        if missing.size:
            first, last = int(missing[0]), int(missing[-1]) + 1
            remarks.append(
                EdfAnnotation(self._onset_s + first * step_s, (last - first) * step_s, "missing")
            )
        text = record_text(self._onset_s) + b"".join(map(annotation_text, remarks))
        while self._marks:
            more = annotation_text(self._marks[0])
            if len(text) + len(more) > ANNOTATION_BYTES:
                break
            self._marks.popleft()
            text += more
        self._onset_s += self._record_s
        self._n_records += 1
        return counts.astype("<i2").tobytes() + text.ljust(ANNOTATION_BYTES, b"\0")
