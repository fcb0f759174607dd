import json
from pathlib import Path

import numpy as np
import pytest

from devices.sdk import Place, Stream
from devices.simulators.recordings import (
    BadRecordingError,
    device_of,
    find_recordings,
    load_recording,
)
from devices.simulators.replay import Replay, write_replay_file
from shared.contracts.frames import MISSING_INT16
from shared.contracts.identity import parse_device_id
from shared.recordings.edf_plus import EdfFile, EdfSignal, encode_edf
from shared.recordings.wfdb import (
    Annotation,
    Header,
    Signal,
    encode_annotations,
    encode_header,
    encode_signals,
)

START_US = 1_800_000_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A WFDB record of 5.5 s, an EDF file of 3 s, an npz of 4 s, and one that is none."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    counts = np.arange(2 * 1980, dtype=np.int16).reshape(-1, 2) % 2000
    signals = tuple(Signal("100.dat", 212, 200.0, 1024, "mV", name) for name in ("MLII", "V5"))
    header = Header(record="100", rate_hz=360.0, n_samples=1980, signals=signals)
    (folder / "100.hea").write_bytes(encode_header(header).replace(b" 16 0 0 0 0 ", b" "))
    (folder / "100.dat").write_bytes(encode_signals(counts, 212))
    (folder / "100.atr").write_bytes(encode_annotations([Annotation(77, "N")]))
    ecg = EdfSignal("ECG II", "uV", -3276.8, 3276.7, -32768, 32767, 256.0, np.zeros(768, np.int16))
    other = EdfSignal("EEG Fpz", "uV", -100, 100, -100, 100, 10.0, np.zeros(30, np.int16))
    edf = EdfFile(
        patient="X", recording="X", start="01.01.26 00.00.00", record_s=1.0,
        signals=(ecg, other), record_onsets_s=(0.0, 1.0, 2.0),
    )  # fmt: skip
    (folder / "sleep.edf").write_bytes(encode_edf(edf))
    light = np.stack([1000 + np.arange(256), 3000 + np.arange(256)]).astype(np.int16)
    np.savez(
        folder / "Ox_1.npz",
        deltas=np.diff(light, axis=1, prepend=np.int16(0)),
        scale=np.array([1.0, 1.0]), offset=np.array([500.0, 100.0]), fs=64.0,
        channels=["RED", "IR"], units=["counts", "counts"],
    )  # fmt: skip
    (folder / "broken.edf").write_bytes(b"0 nothing")
    return folder


def test_a_wfdb_record_keeps_its_integers(folder: Path) -> None:
    recording = load_recording(folder / "100.hea")
    assert (recording.device, recording.model) == ("rec-mixed-100", "ecg-recorder")
    assert recording.reference == folder / "100.atr"
    (stream,) = recording.streams
    assert stream.counts[:2].tolist() == [[0, 1], [2, 3]]
    assert stream.scale == pytest.approx(0.005)
    assert 1024 * stream.scale + stream.offset == pytest.approx(0.0)
    assert stream.channels == ("MLII", "V5")
    assert recording.duration_s == 5


def test_an_edf_file_gives_the_channels_that_we_have_a_stream_for(folder: Path) -> None:
    recording = load_recording(folder / "sleep.edf")
    (stream,) = recording.streams
    assert stream.stream is Stream.ECG
    assert stream.scale == pytest.approx(1e-4)  # 0.1 uV in mV


def test_an_npz_gives_both_lights_in_one_scale(folder: Path) -> None:
    recording = load_recording(folder / "Ox_1.npz")
    (stream,) = recording.streams
    assert (stream.stream, stream.place) == (Stream.PPG, Place.FINGER)
    values = stream.counts * stream.scale + stream.offset
    assert values[0].tolist() == [1500.0, 3100.0]
    assert values[255].tolist() == [1755.0, 3355.0]
    assert recording.model == "pulse-oximeter"


def test_green_light_stands_in_its_own_channel(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "wrist.npz",
        deltas=np.ones((4, 500), np.int16), scale=np.full(4, 0.5), fs=125.0,
        channels=["PPG1", "ACCX", "ACCY", "ACCZ"], units=["adc", "g", "g", "g"],
    )  # fmt: skip
    ppg, acc = load_recording(tmp_path / "wrist.npz").streams
    assert ppg.counts[0].tolist() == [MISSING_INT16, MISSING_INT16, 1]
    assert acc.counts.shape == (500, 3)


def test_what_cannot_be_read_is_told(folder: Path) -> None:
    with pytest.raises(BadRecordingError, match=r"broken\.edf"):
        load_recording(folder / "broken.edf")
    (folder / "100.dat").unlink()
    with pytest.raises(BadRecordingError, match=r"100\.hea"):
        load_recording(folder / "100.hea")


def test_records_are_found_in_order_and_at_most_so_many(folder: Path) -> None:
    names = [path.name for path in find_recordings(folder, most=10)]
    assert names == ["100.hea", "Ox_1.npz", "broken.edf", "sleep.edf"]
    assert len(find_recordings(folder, most=2)) == 2


@pytest.mark.parametrize("stem", ["x", "A_very_Long Name_of_a_record_that_goes_on_1", "ä"])
def test_device_ids_are_valid_and_differ(stem: str) -> None:
    one, other = (device_of(Path(f"/data/set/{stem}{end}.npz")) for end in ("a", "b"))
    assert parse_device_id(one) == one != other


def test_a_replay_covers_every_sample_once_and_begins_again(folder: Path) -> None:
    recording = load_recording(folder / "100.hea")
    replay = Replay(recording)
    seconds = [replay.second(k, START_US + k * 1_000_000)[0].frames[0] for k in range(6)]
    whole = np.concatenate([np.asarray(frame.samples) for frame in seconds[:5]])
    np.testing.assert_array_equal(whole, recording.streams[0].counts[:1800])
    np.testing.assert_array_equal(seconds[5].samples, seconds[0].samples)
    assert seconds[3].start_us == START_US + 3_000_000


def test_a_rate_that_is_no_whole_number_drifts_nowhere(folder: Path) -> None:
    recording = load_recording(folder / "Ox_1.npz")
    odd = [
        type(stream)(
            stream=stream.stream, rate_hz=31.25, counts=stream.counts, scale=1.0, offset=0.0,
            place=stream.place, channels=stream.channels,
        )
        for stream in recording.streams
    ]  # fmt: skip
    replay = Replay(
        type(recording)(
            device=recording.device, model="x", file=recording.file, reference=None,
            streams=tuple(odd),
        )
    )  # fmt: skip
    taken = 0
    for k in range(8):
        (frame,) = replay.second(k, START_US + k * 1_000_000)[0].frames
        assert frame.start_us == pytest.approx(START_US + taken / 31.25 * 1e6, abs=1)
        taken += len(frame.samples)
    assert taken == 250


def test_the_start_is_written_for_who_compares(folder: Path, tmp_path: Path) -> None:
    recording = load_recording(folder / "100.hea")
    path = tmp_path / "local" / "replay.json"
    write_replay_file(path, [recording], START_US)
    told = json.loads(path.read_text())
    assert told["started_us"] == START_US
    assert told["records"][0]["device"] == "rec-mixed-100"
    assert told["records"][0]["reference"] == str(folder / "100.atr")
    assert told["records"][0]["streams"] == [
        {"stream": "ecg", "rate_hz": 360.0, "channels": ["MLII", "V5"]}
    ]
