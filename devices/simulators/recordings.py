"""Recordings as devices: files of a folder to streams of raw counts, with where they came from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shared.contracts.frames import MISSING_INT16
from shared.contracts.identity import DeviceId
from shared.contracts.streams import Place, Stream
from shared.recordings.edf_plus import BadFileError, decode_edf
from shared.recordings.wfdb import BadRecordError, decode_header, decode_signals

Counts = NDArray[np.int16]
Arrays = dict[str, NDArray[Any]]
LONGEST_ID = 40
MOST_RECORDINGS = 64
SHORTEST_S = 2.0  # a record that is shorter shows nothing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedStream:
    """One stream of a recording: (samples, channels), value = count * scale + offset."""

    stream: Stream
    rate_hz: float
    counts: Counts
    scale: float
    offset: float
    place: Place
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """One recording and the device that it is replayed as."""

    device: DeviceId
    model: str
    file: Path
    reference: Path | None
    streams: tuple[RecordedStream, ...]

    @property
    def duration_s(self) -> int:
        """Whole seconds that all of its streams cover."""
        return int(min(len(each.counts) / each.rate_hz for each in self.streams))


class BadRecordingError(Exception):
    """A file of the folder cannot be replayed; the text says which and why."""


def find_recordings(folder: Path, *, most: int) -> list[Path]:
    """Files of a folder that can be replayed, in order of their names: .hea, .edf and .npz."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in (".hea", ".edf", ".npz")]
    return sorted(found)[:most]


def load_recordings(folder: Path, *, most: int) -> tuple[list[Recording], list[str]]:
    """The recordings of a folder, and why files were left out.

    The registry of a private system and the fleet both call this, so that they cannot disagree.
    """
    recordings: list[Recording] = []
    left_out: list[str] = []
    for path in find_recordings(folder, most=most):
        try:
            recordings.append(load_recording(path))
        except BadRecordingError as error:
            left_out.append(str(error))
    return recordings, left_out


def device_of(path: Path) -> DeviceId:
    """Device id of a record: ``rec-{folder}-{file}``, in the letters that ids may have."""
    folder, name = path.parent.name, path.stem
    text = f"rec-{name}" if name.startswith(folder) else f"rec-{folder}-{name}"
    clean = "".join(c if c.isascii() and c.isalnum() else "-" for c in text.lower())
    if len(clean) > LONGEST_ID:
        clean = f"{clean[: LONGEST_ID - 9]}-{crc32(str(path.name).encode()):08x}"
    return DeviceId(clean)


def model_of(streams: tuple[RecordedStream, ...]) -> str:
    """The device model that sends such streams."""
    kinds = {each.stream for each in streams}
    if kinds == {Stream.ECG}:
        return "ecg-recorder"
    if Stream.ACCELEROMETER in kinds:
        return "wrist-monitor" if Stream.PPG in kinds else "motion-sensor"
    return "pulse-oximeter" if kinds == {Stream.PPG} else "bedside-monitor"


def load_recording(path: Path) -> Recording:
    """Read one record.

    Raises
    ------
    BadRecordingError : the file is damaged, or holds nothing that we have a stream for
    """
    reader: Callable[[Path], Iterator[RecordedStream]]
    reader = {".hea": _wfdb, ".edf": _edf, ".npz": _npz}[path.suffix.lower()]
    try:
        streams = tuple(reader(path))
    except (OSError, BadRecordError, BadFileError, KeyError, ValueError) as error:
        raise BadRecordingError(f"{path}: {error}") from error
    if not streams:
        raise BadRecordingError(f"{path}: no channel that there is a stream for")
    reference = path.with_suffix(".atr")
    recording = Recording(
        device=device_of(path),
        model=model_of(streams),
        file=path,
        reference=reference if reference.exists() else None,
        streams=streams,
    )
    if recording.duration_s < SHORTEST_S:
        raise BadRecordingError(f"{path}: shorter than {SHORTEST_S} s")
    return recording


def _wfdb(path: Path) -> Iterator[RecordedStream]:
    header = decode_header(path.read_bytes())
    if not header.signals:
        raise BadRecordingError(f"{path}: no signals")
    counts = decode_signals((path.parent / header.signals[0].file).read_bytes(), header)
    first = header.signals[0]
    same = [
        k
        for k, each in enumerate(header.signals)
        if (each.gain, each.baseline, each.unit) == (first.gain, first.baseline, first.unit)
    ]
    # One frame has one scale: the leads that share the first one's go together.
    yield RecordedStream(
        stream=Stream.ECG,
        rate_hz=header.rate_hz,
        counts=np.ascontiguousarray(counts[:, same]),
        scale=1.0 / first.gain,
        offset=-first.baseline / first.gain,
        place=Place.CHEST,
        channels=tuple(header.signals[k].name for k in same),
    )


def _edf(path: Path) -> Iterator[RecordedStream]:
    for signal in decode_edf(path.read_bytes()).signals:
        stream, place = _by_label(signal.label)
        if stream is None:
            continue
        in_mv = {"uV": 1e-3, "mV": 1.0, "V": 1e3}.get(signal.unit, 1.0)
        factor = in_mv if stream is Stream.ECG else 1.0
        yield RecordedStream(
            stream=stream,
            rate_hz=signal.rate_hz,
            counts=signal.counts[:, None],
            scale=signal.scale * factor,
            offset=signal.offset * factor,
            place=place,
            channels=(signal.label,),
        )


def _npz(path: Path) -> Iterator[RecordedStream]:
    """The npz of our reference data: int16 differences, or accelerations, as its README says."""
    with np.load(path, allow_pickle=False) as archive:
        data: Arrays = {name: archive[name] for name in archive.files}
    if "deltas" in data:
        yield from _channels(data)
    elif "acc" in data or "acc_diff" in data:
        counts = data["acc"] if "acc" in data else _undifferenced(data)
        placement = str(data.get("placement", ""))
        yield RecordedStream(
            stream=Stream.ACCELEROMETER,
            rate_hz=float(data["fs"]),
            counts=np.ascontiguousarray(counts[:, :3]),
            scale=float(data["g_per_count"]),
            offset=0.0,
            place=_PLACES.get(placement, Place.NONE),
            channels=("x", "y", "z"),
        )


_PLACES = {
    "chest": Place.CHEST,
    "thigh": Place.THIGH,
    "waist": Place.WAIST,
    "lower back": Place.BACK,
}
_NPZ_GROUPS = (
    # names of channels in the file, stream, place, position of the first in the stream
    (("ECG",), Stream.ECG, Place.CHEST, 0),
    (("RED", "IR"), Stream.PPG, Place.FINGER, 0),
    (("PPG",), Stream.PPG, Place.FINGER, 0),
    (("PPG1",), Stream.PPG, Place.WRIST, 2),  # green: red and infrared are missing before it
    (("RESP",), Stream.IMPEDANCE, Place.CHEST, 0),
    (("ACCX", "ACCY", "ACCZ"), Stream.ACCELEROMETER, Place.WRIST, 0),
)


def _channels(data: Arrays) -> Iterator[RecordedStream]:
    names = [str(name) for name in data["channels"]]
    counts = np.cumsum(data["deltas"], axis=1, dtype=np.int16)  # wraps as it was written
    offsets = data.get("offset", np.zeros(len(names)))
    for wanted, stream, place, first in _NPZ_GROUPS:
        if not set(wanted) <= set(names):
            continue
        rows = [names.index(name) for name in wanted]
        scales, own_offsets = data["scale"][rows], offsets[rows]
        columns: NDArray[Any] = counts[rows].T
        scale, offset = float(scales[0]), float(own_offsets[0])
        if np.ptp(scales) or np.ptp(own_offsets):
            # Channels of one frame share one scale: what differs is moved in whole counts.
            moved = columns * scales / scale + (own_offsets - offset) / scale
            if np.abs(moved).max() > 32_767:
                offset = float((columns * scales + own_offsets).mean())
                moved = (columns * scales + own_offsets - offset) / scale
            columns = np.clip(np.round(moved), -32_767, 32_767).astype(np.int16)
        padding = np.full((len(columns), first), MISSING_INT16, np.int16)
        yield RecordedStream(
            stream=stream,
            rate_hz=float(data["fs"]),
            counts=np.concatenate([padding, columns], axis=1),
            scale=scale,
            offset=offset,
            place=place,
            channels=wanted,
        )


def _undifferenced(data: Arrays) -> Counts:
    """Running sums that begin anew at each trial."""
    parts = np.split(data["acc_diff"], data["start"][1:-1])
    return np.concatenate([np.cumsum(part, axis=0, dtype=np.int16) for part in parts])


def _by_label(label: str) -> tuple[Stream | None, Place]:
    """Stream of an EDF label; labels follow "type sensor" (EDF+ specification, section 3)."""
    first = label.upper().split()[0] if label.split() else ""
    return {
        "ECG": (Stream.ECG, Place.CHEST),
        "EKG": (Stream.ECG, Place.CHEST),
        "PPG": (Stream.PPG, Place.FINGER),
        "PLETH": (Stream.PPG, Place.FINGER),
        "RESP": (Stream.IMPEDANCE, Place.CHEST),
        "TEMP": (Stream.TEMPERATURE, Place.NONE),
    }.get(first, (None, Place.NONE))
