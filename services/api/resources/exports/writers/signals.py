"""Samples as EDF+ and as WFDB."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np

from services.api.core.count_scale import MISSING_COUNT, CountScale
from services.api.core.sample_layout import Filling, Stretch
from services.api.resources.exports.writers.sink import Sink
from shared.recordings import edf_stream
from shared.recordings.edf_plus import EdfAnnotation
from shared.recordings.edf_stream import EdfStream, Trace
from shared.recordings.wfdb import Annotation, AnnotationWriter, Header, Signal, encode_header

_SYMBOLS = {0: "Q", 1: "N", 2: "S", 3: "V", 4: "F", 5: "Q"}  # EC57 classes; unjudged: Q
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_BASELINE_MOST = 2_000_000_000  # a header keeps it in 32 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a file says of its samples."""

    patient: str
    device: str
    place: str
    stream: str
    unit: str
    channels: tuple[str, ...]
    interval_ns: int
    scales: tuple[CountScale, ...]
    stretches: tuple[Stretch, ...]

    @property
    def start_us(self) -> float:
        """When the first sample was taken."""
        return self.stretches[0].start_us

    @property
    def remarks(self) -> list[str]:
        """What whoever opens the file should know."""
        told = [f"device {self.device}, worn: {self.place}, stream {self.stream}"]
        if not all(scale.is_exact for scale in self.scales):
            told.append("rounded to 16 bits: the device's samples are wider")
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatMark:
    """One beat: its time and its class by EC57."""

    t_us: int
    beat_class: int


def symbol_of(mark: BeatMark) -> str:
    """The letter of a beat in files."""
    return _SYMBOLS.get(mark.beat_class, "Q")


class SignalWriter(Protocol):
    """Writes one recording; each method gives the next bytes of the file."""

    media_type: str
    suffix: str

    def begin(self) -> bytes:
        """The beginning of the file."""
        ...

    def beats(self, marks: Sequence[BeatMark]) -> bytes:
        """Beats, ascending in time, before the samples of their time."""
        ...

    def samples(self, filling: Filling) -> bytes:
        """The next samples of the layout."""
        ...

    def end(self) -> bytes:
        """The end of the file."""
        ...


class EdfWriter:
    """EDF+: continuous, or EDF+D with the onset of each record where there are holes."""

    media_type = edf_stream.MEDIA_TYPE
    suffix = "edf"

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        interval_s = recording.interval_ns / 1e9
        self._width = max(1, round(1 / interval_s))
        self._origin_us = int(recording.start_us // 1_000_000) * 1_000_000
        self._stream = EdfStream(
            [
                Trace(
                    label=f"{recording.stream.upper()} {channel}",
                    unit=recording.unit,
                    scale=scale.scale,
                    offset=scale.offset,
                    transducer=f"{recording.device} {recording.place}",
                )
                for channel, scale in zip(recording.channels, recording.scales, strict=True)
            ],
            samples_a_record=self._width,
            record_s=self._width * interval_s,
            missing=MISSING_COUNT,
        )

    def begin(self) -> bytes:
        """The header."""
        origin = datetime.fromtimestamp(self._origin_us // 1_000_000, tz=UTC)
        day = f"{origin.day:02d}-{_MONTHS[origin.month - 1]}-{origin.year}"
        for remark in self._recording.remarks:
            self._stream.mark(EdfAnnotation(0.0, None, remark))
        return self._stream.head(
            patient=f"{self._recording.patient} X X X",
            recording=f"Startdate {day} X X {self._recording.device}",
            start=origin.strftime("%d.%m.%y %H.%M.%S"),
            n_records=sum(-(-one.n_samples // self._width) for one in self._recording.stretches),
            is_continuous=len(self._recording.stretches) == 1,
        )

    def beats(self, marks: Sequence[BeatMark]) -> bytes:
        """Beats as annotations."""
        for mark in marks:
            onset_s = (mark.t_us - self._origin_us) / 1e6
            self._stream.mark(EdfAnnotation(onset_s, None, symbol_of(mark)))
        return b""

    def samples(self, filling: Filling) -> bytes:
        """Whole records."""
        begun = b""
        if filling.begins:
            begun = self._stream.begin((filling.start_us - self._origin_us) / 1e6)
        return begun + self._stream.add(counts_of(self._recording, filling))

    def end(self) -> bytes:
        """The last record."""
        return self._stream.finish()


class WfdbWriter:
    """A WFDB record in a ZIP archive: samples in format 16, beats, and the header at last."""

    media_type = "application/zip"
    suffix = "zip"

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._name = f"{recording.patient}_{recording.stream}"
        self._sink = Sink()
        self._archive = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._file = self._archive.open(self._entry("dat"), "w", force_zip64=True)
        self._annotations = AnnotationWriter()
        self._marked = bytearray()
        n_channels = len(recording.channels)
        self._checksums = np.zeros(n_channels, np.int64)
        self._firsts: list[int] | None = None
        self._n_samples = 0

    def begin(self) -> bytes:
        """The beginning of the archive."""
        return self._sink.take()

    def beats(self, marks: Sequence[BeatMark]) -> bytes:
        """Beats; two bytes each are kept until the samples are written."""
        found = [
            Annotation(
                round((mark.t_us - self._recording.start_us) * 1_000 / self._recording.interval_ns),
                symbol_of(mark),
            )
            for mark in marks
        ]
        self._marked += self._annotations.add([one for one in found if one.sample >= 0])
        return b""

    def samples(self, filling: Filling) -> bytes:
        """Samples interleaved by channel."""
        counts = counts_of(self._recording, filling)
        self._checksums += counts.sum(axis=1, dtype=np.int64)
        self._firsts = self._firsts or counts[:, 0].tolist()
        self._n_samples += counts.shape[1]
        self._file.write(counts.T.astype("<i2").tobytes())
        return self._sink.take()

    def end(self) -> bytes:
        """The beats, the header and the contents of the archive."""
        self._file.close()
        self._archive.writestr(self._entry("atr"), bytes(self._marked) + AnnotationWriter.END)
        self._archive.writestr(self._entry("hea"), encode_header(self._header()))
        self._archive.close()
        return self._sink.take()

    def _header(self) -> Header:
        recording = self._recording
        start = datetime.fromtimestamp(recording.start_us // 1e6, tz=UTC)
        fraction_us = int(recording.start_us) % 1_000_000
        firsts = self._firsts or [0] * len(recording.channels)
        return Header(
            record=self._name,
            rate_hz=1e9 / recording.interval_ns,
            n_samples=self._n_samples,
            start=f"{start:%H:%M:%S}.{fraction_us:06d} {start:%d/%m/%Y}",
            signals=tuple(
                Signal(
                    file=f"{self._name}.dat",
                    format=16,
                    gain=1 / scale.scale,
                    baseline=round(
                        min(max(-scale.offset / scale.scale, -_BASELINE_MOST), _BASELINE_MOST)
                    ),
                    unit=recording.unit,
                    name=channel,
                    first=first,
                    checksum=int(total) & 0xFFFF,
                )
                for channel, scale, first, total in zip(
                    recording.channels, recording.scales, firsts, self._checksums, strict=True
                )
            ),
            comments=(*recording.remarks, "times in UTC"),
        )

    def _entry(self, suffix: str) -> zipfile.ZipInfo:
        when = datetime.fromtimestamp(self._recording.start_us // 1e6, tz=UTC)
        # A ZIP archive knows no time before 1980.
        entry = zipfile.ZipInfo(
            f"{self._name}.{suffix}", max((1980, 1, 1, 0, 0, 0), when.timetuple()[:6])
        )
        entry.compress_type = zipfile.ZIP_DEFLATED
        return entry


def counts_of(recording: Recording, filling: Filling) -> edf_stream.Counts:
    """Counts of the next samples: (channels, samples)."""
    return np.stack(
        [
            scale.counts(channel)
            for channel, scale in zip(filling.values, recording.scales, strict=True)
        ]
    )
