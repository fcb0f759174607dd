"""Scenes of recordings with references, where these lie beside the repository."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.contracts.measures import Measure
from shared.contracts.streams import Place, Stream
from tests.accuracy.recordings import (
    CLEAN_S,
    Recording,
    as_mixed,
    ecg_record,
    leads,
    packed_recordings,
    record_names,
)
from tests.accuracy.scenes import SPARE, Scene, Sent
from tests.accuracy.scores import rates

Floats = NDArray[np.float64]
FROM_S = 60  # of each recording: hands are off
AGREE_PER_MIN = 2.0
G_PER_PACKED = "g_per_count"


def recorded_scenes(folder: Path | None, seconds: int) -> list[Scene]:
    """What of the known data sets is in a folder."""
    found: list[Scene] = []
    if folder is None:
        return found
    for name, scenes in (
        ("mitdb", _arrhythmias), ("bidmc", _in_bed), ("troika", _runners),
        ("paced-breathing", _paced), ("oxford-steps", _walks),
    ):  # fmt: skip
        if (folder / name).is_dir():
            found += scenes(folder / name, seconds)
    return found


def _cut(signal: Floats, rate_hz: int, seconds: int, *, from_s: int = FROM_S) -> Floats:
    """So much of a recording from a second on; its end is NaN where it is short."""
    n = int(seconds * SPARE) * rate_hz + rate_hz
    part = signal[..., from_s * rate_hz :][..., :n]
    out = np.full((*signal.shape[:-1], n), np.nan)
    out[..., : part.shape[-1]] = part
    return out


def _each_second(times: Floats, window_s: float, seconds: int, *, from_s: int = FROM_S) -> Floats:
    """Rate of events at each second of the cut; NaN while the window is not whole."""
    ends = np.arange(int(seconds * SPARE) + 2, dtype=np.float64) + from_s
    known: Floats = rates(times, window_s, ends)
    return known


def _arrhythmias(folder: Path, seconds: int) -> list[Scene]:
    """Heart rates of annotated beats, where nobody flutters; other electrodes: the other lead."""
    rows, others, truth = [], [], []
    for name in record_names(folder):
        record = ecg_record(name, folder)
        both = leads(name, folder).T
        rows.append(_cut(both[:1], record.rate_hz, seconds))
        others.append(_cut(both[1:2], record.rate_hz, seconds))
        rate = _each_second(record.beats_s, 10, seconds)
        ends = np.arange(len(rate)) + FROM_S
        for begin, end in record.flutter_s:
            rate[(ends > begin) & (ends - 20 < end)] = np.nan
        truth.append(rate)
    main = Sent(Stream.ECG, Place.NONE, 360, np.array(rows))
    known = {Measure.HEART_RATE: np.array(truth)}
    return [
        Scene("mitdb, ECG", main, known, swapped=np.array(others),
              left_out=frozenset({Measure.RESPIRATION_RATE}))
    ]  # fmt: skip


def noisy_hearts(folder: Path, seconds: int) -> list[Scene]:
    """Two records under the movement of an electrode, by the rules of the Noise Stress Test."""
    noise = leads("em", folder / "nstdb")[:, 0]
    rows, truth = [], []
    for name, snr_db in (("118", 12), ("119", 12), ("118", 6), ("119", 6), ("118", 0), ("119", 0)):
        record = ecg_record(name, folder / "mitdb")
        mixed = as_mixed(record, noise, snr_db)
        from_s = int(CLEAN_S) - FROM_S
        rows.append(_cut(mixed[None], record.rate_hz, seconds, from_s=from_s))
        truth.append(_each_second(record.beats_s, 10, seconds, from_s=from_s))
    main = Sent(Stream.ECG, Place.NONE, 360, np.array(rows))
    return [Scene("noisy, ECG", main, {Measure.HEART_RATE: np.array(truth)})]


def _agreed(first: Floats, second: Floats) -> Floats:
    rate = (first + second) / 2
    rate[~(np.abs(first - second) <= AGREE_PER_MIN)] = np.nan
    return rate


def _in_bed(folder: Path, seconds: int) -> list[Scene]:
    """Where two judges agree."""
    recordings = packed_recordings(folder)
    hearts = [_agreed_rate(one, ("beats_a", "beats_b"), 10, seconds) for one in recordings]
    breaths = [_agreed_rate(one, ("breaths_1", "breaths_2"), 60, seconds) for one in recordings]
    breathing = {Measure.RESPIRATION_RATE: np.array(breaths)}
    scenes = []
    for channel, stream, place, heart in (
        ("ECG", Stream.ECG, Place.NONE, Measure.HEART_RATE),
        ("PPG", Stream.PPG, Place.FINGER, Measure.PULSE_RATE),
        ("RESP", Stream.IMPEDANCE, Place.NONE, None),
    ):
        rows = [_cut(one.channels[channel][None], one.rate_hz, seconds) for one in recordings]
        truth = dict(breathing)
        if heart is not None:
            truth[heart] = np.array(hearts)
        scenes.append(Scene(f"bidmc, {channel}", Sent(stream, place, 125, np.array(rows)), truth))
    return scenes


def _agreed_rate(
    one: Recording, names: tuple[str, str], window_s: float, seconds: int
) -> Floats:  # fmt: skip
    first, second = (_each_second(one.references[name], window_s, seconds) for name in names)
    return _agreed(first, second)


def _runners(folder: Path, seconds: int) -> list[Scene]:
    """Wrists of people who run, from the start; the rate of windows of 8 s."""
    recordings = packed_recordings(folder)
    lights, jolts, truth = [], [], []
    for one in recordings:
        both = np.stack([one.channels[name] for name in ("PPG1", "PPG2")])
        moved = np.stack([one.channels[name] for name in ("ACCX", "ACCY", "ACCZ")])
        lights.append(_cut(both, one.rate_hz, seconds, from_s=0))
        jolts.append(_cut(moved, one.rate_hz, seconds, from_s=0))
        ends = np.arange(int(seconds * SPARE) + 2, dtype=np.float64)
        told = one.references["ref_end_s"]
        rate = np.interp(ends, told, one.references["ref_rate"], left=np.nan, right=np.nan)
        truth.append(rate)
    beside = Sent(Stream.ACCELEROMETER, Place.WRIST, 125, np.array(jolts))
    main = Sent(Stream.PPG, Place.WRIST, 125, np.array(lights))
    known = {Measure.PULSE_RATE: np.array(truth)}
    # both lights are green: no saturation, and nobody counted the breaths
    left_out = frozenset({Measure.RESPIRATION_RATE, Measure.SPO2, Measure.PERFUSION_INDEX})
    return [
        Scene("troika, wrist in motion", main, known, (beside,), left_out=left_out),
        Scene("troika, light alone", main, known, left_out=left_out),
    ]


def _paced(folder: Path, seconds: int) -> list[Scene]:
    """A chest that lies and breathes to a pacer; recordings that are long enough."""
    rows, rate = [], []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as archive:
            samples = archive["acc"].T * float(archive[G_PER_PACKED])
            per_min = float(archive["per_min"])
        if samples.shape[1] >= 50 * 120:
            rows.append(_cut(samples, 50, seconds, from_s=0))
            rate.append(per_min)
    main = Sent(Stream.ACCELEROMETER, Place.CHEST, 50, np.array(rows))
    known = {Measure.RESPIRATION_RATE: np.array(rate)}
    return [Scene("paced breathing, chest", main, known)]


def _walks(folder: Path, seconds: int) -> list[Scene]:
    """Pockets of people who walk; contacts of the feet in 5 s."""
    rows, steps, cadence = [], [], []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as archive:
            samples = archive["acc"].T * float(archive[G_PER_PACKED])
            contacts = np.sort(archive["step_times_s"])
        rows.append(_cut(samples, 100, seconds, from_s=0))
        ends = np.arange(int(seconds * SPARE) + 2)
        n = np.searchsorted(contacts, ends) - np.searchsorted(contacts, ends - 5)
        steps.append(np.where(ends <= samples.shape[1] // 100, n, np.nan))
        cadence.append(_each_second(contacts, 5, seconds, from_s=0))
    main = Sent(Stream.ACCELEROMETER, Place.THIGH, 100, np.array(rows))
    known = {Measure.STEPS: np.array(steps), Measure.CADENCE: np.array(cadence)}
    return [Scene("oxford, pockets", main, known)]
