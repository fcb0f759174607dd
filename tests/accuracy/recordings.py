"""Reference recordings that lie beside the repository, if they do. They are never part of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.recordings.wfdb import decode_annotations, decode_header, decode_signals

Floats = NDArray[np.float64]
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
MITDB, NSTDB, BIDMC, OXIWEAR = DATA / "mitdb", DATA / "nstdb", DATA / "bidmc", DATA / "oxiwear"

# WFDB annotation symbol to class of ANSI/AAMI EC57
AAMI = (
    dict.fromkeys("NLRBejn", "N") | dict.fromkeys("AaJS", "S")
    | dict.fromkeys("VEr", "V") | {"F": "F"} | dict.fromkeys("/fQ?", "Q")
)  # fmt: skip


def needed(folder: Path) -> Path:
    """The folder, or a skip that says what is missing."""
    if not folder.is_dir():
        pytest.skip(f"the reference recordings {folder.name} are not beside the repository")
    return folder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EcgRecord:
    """One lead of a record in mV, and its annotated beats."""

    name: str
    rate_hz: int
    lead: Floats
    beats_s: Floats
    classes: NDArray[np.str_]
    flutter_s: list[tuple[float, float]]


def record_names(folder: Path = MITDB) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.atr"))


def ecg_record(name: str, folder: Path = MITDB, number: int = 0) -> EcgRecord:
    """A record by one of its leads, the first unless told."""
    header = decode_header((folder / f"{name}.hea").read_bytes())
    lead = leads(name, folder)[:, number]
    rate_hz = int(header.rate_hz)
    times, classes, flutter, begun = [], [], [], None
    for note in decode_annotations((folder / f"{name}.atr").read_bytes()):
        second = note.sample / rate_hz
        if note.symbol in AAMI:
            times.append(second)
            classes.append(AAMI[note.symbol])
        elif note.symbol == "[":
            begun = second
        elif note.symbol == "]" and begun is not None:
            flutter.append((begun, second))
            begun = None
    if begun is not None:
        flutter.append((begun, len(lead) / rate_hz))
    return EcgRecord(
        name=name, rate_hz=rate_hz, lead=lead, beats_s=np.array(times),
        classes=np.array(classes), flutter_s=flutter,
    )  # fmt: skip


def leads(name: str, folder: Path) -> Floats:
    """All leads (samples, leads) in mV, or in counts where the header has no gain."""
    header = decode_header((folder / f"{name}.hea").read_bytes())
    counts = decode_signals((folder / header.signals[0].file).read_bytes(), header)
    gain = np.array([each.gain or 1.0 for each in header.signals])
    baseline = np.array([each.baseline for each in header.signals])
    return np.asarray((counts - baseline) / gain)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """Channels by name, at one rate, and the references of the file."""

    name: str
    rate_hz: int
    channels: dict[str, Floats]
    references: dict[str, NDArray[Any]]


def packed_recordings(folder: Path) -> list[Recording]:
    """The recordings of a folder of .npz files (their README.md tells the form)."""
    return [_packed(path) for path in sorted(folder.glob("*.npz"))]


def _packed(path: Path) -> Recording:
    with np.load(path) as archive:
        data = {key: archive[key] for key in archive.files}
    counts = np.cumsum(data.pop("deltas"), axis=1, dtype=np.int16)
    values = counts.T * data.pop("scale") + data.pop("offset", 0.0)
    names = [str(name) for name in data.pop("channels")]
    return Recording(
        name=path.stem,
        rate_hz=int(data.pop("fs")),
        channels={name: values[:, k] for k, name in enumerate(names)},
        references=data,
    )


CLEAN_S, NOISY_S = 300.0, 120.0


def as_mixed(record: EcgRecord, noise: Floats, snr_db: float) -> Floats:
    """The lead with calibrated noise in alternate two minutes, by the rules of WFDB's `nst`.

    Signal: an eighth of the squared mean peak-to-peak amplitude of the QRS complexes; noise: its
    mean square about the mean of each second; both means without the outer 5 % each side.
    """
    normal = record.beats_s[record.classes == "N"]
    beats = (normal if len(normal) > 50 else record.beats_s)[:300]
    spans = []
    for beat in np.rint(beats * record.rate_hz).astype(int):
        near = record.lead[max(0, beat - record.rate_hz // 20) : beat + record.rate_hz // 10 + 1]
        spans.append(np.ptp(near))
    seconds = noise[: len(noise) // record.rate_hz * record.rate_hz]
    level = _trimmed(seconds.reshape(-1, record.rate_hz)[:300].std(axis=1))
    gain = np.sqrt(_trimmed(np.array(spans)) ** 2 / 8 * 10 ** (-snr_db / 10)) / level
    mixed = record.lead.copy()
    for start_s in np.arange(CLEAN_S, len(mixed) / record.rate_hz, 2 * NOISY_S):
        start, end = int(start_s * record.rate_hz), int((start_s + NOISY_S) * record.rate_hz)
        end = min(end, len(mixed), len(noise))
        mixed[start:end] += gain * noise[start:end]
    return mixed


def _trimmed(values: Floats) -> float:
    cut = round(0.05 * len(values))
    return float(np.sort(values)[cut : len(values) - cut].mean())
