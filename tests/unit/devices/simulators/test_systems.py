"""Simulated devices speak their protocols to the byte: what they measured is what is decoded."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.faults_on_request import Fault, FaultPlan, read_faults
from devices.simulators.native_source import NativeBytes, NativeSource
from devices.simulators.physiology.happenings import Schedule
from devices.simulators.physiology.patient import Patient, profile_of
from devices.simulators.ppg_terminal import PpgTerminal
from devices.simulators.radar import RadarMonitor
from devices.simulators.smsg_hub import HomeHub
from devices.simulators.systems import SYSTEMS, read_systems, simulated_devices
from devices.simulators.telecare import TelecareMonitor
from devices.simulators.wellness import WellnessEcgNode, WellnessMotionNode
from shared.codecs.modbus.codec import CODEC as MODBUS
from shared.codecs.modbus.frames import Form
from shared.codecs.register import load_codecs
from shared.codecs.smsg import requests
from shared.codecs.telecare_file.text import Recording, read_recording
from shared.contracts.decoding import Decoded, DecodedFrame, Envelope, Refused
from shared.contracts.events import EventKind
from shared.contracts.frames import SampleFormat
from shared.contracts.identity import hub_of, parse_device_id, unit_id
from shared.contracts.quality import MessageFlag
from shared.contracts.streams import Place, Stream
from shared.device_models.catalogue import load_device_models

T0_US = 1_795_262_400_000_000
SEED = 7
CODECS = load_codecs()
DTYPES = {SampleFormat.INT16: "<i2", SampleFormat.INT32: "<i4", SampleFormat.FLOAT32: "<f4"}


def patient(plan: FaultPlan | None = None) -> Patient:
    schedule = Schedule() if plan is None else plan.schedule()
    return Patient(seed=SEED, profile=profile_of(SEED), schedule=schedule)


class Receiver:
    """The gateway's side: a decoder for each codec, and what came out of it."""

    def __init__(self) -> None:
        self._decoders = {
            name: codec.new_decoder(codec.with_constants()) for name, codec in CODECS.items()
        }
        self.decoded: list[Decoded] = []
        self.refused: list[Refused] = []
        self._n = 0

    def take(self, messages: Sequence[NativeBytes | Outgoing]) -> None:
        for message in messages:
            if isinstance(message, Outgoing):
                frames = [frame.to_wire(T0_US) for frame in message.frames]
                self.decoded.append(Decoded(1, self._n, T0_US, 0, frames))
            else:
                envelope = Envelope(1, self._n, message.t_us)
                for one in self._decoders[message.codec].feed(message.body, envelope):
                    if isinstance(one, Decoded):
                        self.decoded.append(one)
                    else:
                        self.refused.append(one)
            self._n += 1

    def frames(self, stream: Stream, unit: str = "") -> list[tuple[int, DecodedFrame]]:
        return [
            (message.t_us + frame.dt_us, frame)
            for message in self.decoded
            for frame in message.frames
            if frame.stream == stream and frame.unit == unit
        ]

    def samples(self, stream: Stream, unit: str = "") -> NDArray[Any]:
        parts = [
            np.frombuffer(frame.data, DTYPES[SampleFormat(frame.format)]).reshape(
                -1, frame.channels
            )
            for _, frame in self.frames(stream, unit)
        ]
        return np.concatenate(parts)

    def follow_on(self, stream: Stream, unit: str = "") -> bool:
        """Whether each frame begins where the last one ended, to a microsecond a sample."""
        found = self.frames(stream, unit)
        ends = [t + frame.samples * frame.interval_ns // 1000 for t, frame in found]
        starts = [t for t, _ in found]
        return all(abs(a - b) <= 3_000 for a, b in zip(ends[:-1], starts[1:], strict=True))


def run(source: NativeSource, seconds: int) -> Receiver:
    receiver = Receiver()
    for second in range(seconds):
        receiver.take(source.second(second, T0_US + second * 1_000_000))
    return receiver


@pytest.mark.parametrize("as_json", [False, True])
def test_the_terminal_sends_its_light(as_json: bool) -> None:
    received = run(PpgTerminal(patient(), as_json=as_json), 3)
    other = PpgTerminal(patient())
    expected = np.concatenate([other.light(second) for second in range(3)])
    assert (received.samples(Stream.PPG) == expected).all()
    assert received.follow_on(Stream.PPG)
    assert received.frames(Stream.PPG)[0][0] == T0_US
    ((_, degrees),) = received.frames(Stream.TEMPERATURE)
    value = np.frombuffer(degrees.data, DTYPES[SampleFormat(degrees.format)])[0] * degrees.scale
    assert value == pytest.approx(other.temperature_c(0), abs=1e-5)
    assert all(message.flags & MessageFlag.SIMULATED for message in received.decoded)
    assert received.refused == []


def test_a_brighter_diode_gives_more_light() -> None:
    terminal = PpgTerminal(patient())
    before = terminal.light(1)
    terminal.adjust({"red_ma": 12.8})
    after = terminal.light(1)
    assert after[:, 0].mean() == pytest.approx(2 * before[:, 0].mean(), rel=1e-3)
    assert (after[:, 1] == before[:, 1]).all()
    with pytest.raises(ValueError, match="no light at 17 Hz"):
        terminal.adjust({"rate_hz": 17})


@pytest.mark.parametrize("bits", [16, 24])
def test_the_radar_sends_its_counts(bits: int) -> None:
    received = run(RadarMonitor(patient(), bits=bits), 2)
    other = RadarMonitor(patient(), bits=bits)
    expected = np.concatenate([other.counts(second) for second in range(2)])
    assert (received.samples(Stream.RADAR_IQ) == expected).all()
    assert received.follow_on(Stream.RADAR_IQ)
    volts = expected * received.frames(Stream.RADAR_IQ)[0][1].scale
    assert 0.2 < volts.std() < 0.4
    assert np.abs(volts).max() < 0.4


def test_an_empty_chair_is_noise() -> None:
    plan = FaultPlan(frozenset({Fault.LEAD_OFF}), SEED)
    second = int(plan.begins_s(Fault.LEAD_OFF)) + 1
    empty = RadarMonitor(patient(plan)).counts(second).std(axis=0)
    assert (empty < 0.1 * RadarMonitor(patient()).counts(second).std(axis=0)).all()


def test_the_wellness_node_sends_its_words_over_any_cut() -> None:
    received = run(WellnessEcgNode(patient()), 5)
    other = WellnessEcgNode(patient())
    expected = np.concatenate([other.words(second) for second in range(5)])
    assert (received.samples(Stream.ECG)[:, 0] == expected).all()
    assert received.follow_on(Stream.ECG)
    assert received.refused == []
    frame = received.frames(Stream.ECG)[0][1]
    lead = patient().lead("I").second(0, 360)
    shown = expected[:360] * frame.scale + frame.offset
    assert np.abs(shown - lead).max() < 0.01  # mV: one step of the converter is 6 uV


def test_the_motion_node_names_places_and_strengths() -> None:
    received = run(WellnessMotionNode(patient()), 2)
    places = {frame.place: frame.samples for _, frame in received.frames(Stream.ACCELEROMETER)}
    assert places == {Place.CHEST: 10, Place.THIGH: 50}
    assert received.samples(Stream.WIFI_RSSI).shape == (1, 6)
    assert (received.samples(Stream.WIFI_RSSI) < -30).all()
    assert len(received.frames(Stream.HEADING)) == 1


def test_the_monitor_sends_leads_that_are_those_of_the_patient() -> None:
    received = run(TelecareMonitor(patient(), FaultPlan()), 2)
    shown = received.samples(Stream.ECG) * received.frames(Stream.ECG)[0][1].scale
    leads = [patient().lead(name) for name in ("I", "II")]
    for channel, lead in enumerate(leads):
        truth = np.concatenate([lead.second(second, 500) for second in range(2)])
        assert np.abs(shown[:, channel] - truth).max() < 0.1  # mV: two counts
    assert received.follow_on(Stream.ECG)
    assert received.refused == []


@pytest.mark.parametrize("form", list(Form))
def test_the_monitor_announces_a_recording_and_gives_it(form: Form) -> None:
    monitor = TelecareMonitor(patient(), FaultPlan(), form=form)
    received = run(monitor, 14)
    (word,) = [w for m in received.decoded for w in m.words if w.name == "new_file"]
    (note,) = [n for m in received.decoded for n in m.notes]
    assert note.kind is EventKind.RECORDING_MADE
    recording = read_recording(monitor.card.files[word.data["file"]])
    assert isinstance(recording, Recording), recording
    assert recording.rate_hz == 500
    other = TelecareMonitor(patient(), FaultPlan())
    expected = np.concatenate([other.words(second) for second in range(2, 12)])
    assert (recording.words == expected).all()


def test_the_hub_sends_what_each_unit_measures() -> None:
    hub = HomeHub(patient())
    received = run(hub, 4)
    ecg, oximeter = f"{hub.ecg:08x}", f"{hub.oximeter:08x}"
    other = HomeHub(patient())
    expected = np.concatenate([other.counts(second) for second in range(4)])
    assert (received.samples(Stream.ECG, ecg)[:, 0] == expected).all()
    assert received.follow_on(Stream.ECG, ecg)
    truth = [HomeHub(patient()).readings(second) for second in range(4)]
    assert received.samples(Stream.SPO2, oximeter)[:, 0].tolist() == [one for one, _ in truth]
    words = [word for message in received.decoded for word in message.words]
    kinds = [word.data["kind"] for word in words if word.name == "identifier"]
    assert kinds == ["core", "ecg", "oximeter", "spirometer"]
    assert received.refused == []
    hub_id = parse_device_id("sim-hub-01")
    assert hub_id is not None
    unit = unit_id(hub_id, ecg)
    assert unit is not None
    assert hub_of(unit) == hub_id


def test_the_spirometer_clears_only_what_it_has_announced() -> None:
    hub = HomeHub(patient())
    hub.second(0, T0_US)
    unit, n_results = hub.spirometer, len(hub.memory)
    assert n_results == 3
    received = Receiver()
    received.take(hub.hear(requests.ask_results(unit, 99), T0_US))
    words = [word for message in received.decoded for word in message.words]
    assert [word.name for word in words] == ["result_header"] + ["result"] * n_results
    assert words[0].data["count"] == n_results
    hub.blow(T0_US)
    received.take(hub.hear(requests.clear_memory(unit, n_results, 99), T0_US))
    assert len(hub.memory) == n_results + 1, "it has measured since: nothing goes"
    received.take(hub.hear(requests.clear_memory(unit, n_results + 1, 99), T0_US))
    assert hub.memory == []


def test_units_are_switched_and_say_so() -> None:
    hub = HomeHub(patient())
    received = Receiver()
    received.take(hub.hear(requests.switch("ecg", "stop", hub.ecg), T0_US))
    assert [word.name for message in received.decoded for word in message.words] == ["stop"]
    after = run(hub, 1)
    assert after.frames(Stream.ECG, f"{hub.ecg:08x}") == []
    hub.restart()
    assert run(hub, 1).frames(Stream.ECG, f"{hub.ecg:08x}") != []
    assert hub.hear(b"no message of any kind", T0_US) == []


def test_faults_are_told_in_the_protocols() -> None:
    faults = frozenset({Fault.LEAD_OFF, Fault.LOW_BATTERY})
    plan = FaultPlan(faults, SEED)
    monitor = run(TelecareMonitor(patient(plan), plan), 30)
    kinds = [note.kind for message in monitor.decoded for note in message.notes]
    assert kinds.count(EventKind.LEAD_OFF) == kinds.count(EventKind.LEAD_ON) == 1
    assert kinds.count(EventKind.BATTERY_LOW) == 1
    hub = run(HomeHub(patient(plan)), 30)
    told = {note.data["status"] for message in hub.decoded for note in message.notes}
    assert told == {"pulse_wave_detected", "searching_for_pulse", "pulse_search_timeout"}
    terminal = run(PpgTerminal(patient(plan)), 30)
    assert {bool(m.flags & MessageFlag.LEAD_OFF) for m in terminal.decoded} == {False, True}


def test_each_fault_has_its_time_in_each_turn() -> None:
    plan = FaultPlan(frozenset(Fault), SEED)
    on = {fault: [s for s in range(120) if plan.is_on(fault, s)] for fault in Fault}
    assert all(len(seconds) in {7, 8} for seconds in on.values()), "four seconds a turn"
    assert all(plan.turns(fault, 125) >= 2 for fault in Fault)
    assert {plan.clock_ahead_us(second) for second in range(120)} == {0, 3_600_000_000}
    assert FaultPlan().schedule() == Schedule()
    with pytest.raises(ValueError, match="no fault is called fire"):
        read_faults("fire, noise")
    assert read_faults("all") == frozenset(Fault)


def test_every_system_has_models_that_speak_what_it_sends() -> None:
    models = load_device_models()
    devices = simulated_devices(read_systems("all"), count=2, seed=1)
    assert len({one.device for one in devices}) == len(devices) == 12
    assert {one.wearer for one in devices} == set(range(1, 11))
    for one in devices:
        assert parse_device_id(one.device) == one.device
        speaks = {
            message.codec if isinstance(message, NativeBytes) else "packed"
            for second in range(3)
            for message in one.source.second(second, T0_US + second * 1_000_000)
        }
        assert speaks <= set(models[one.model].codecs)
    assert MODBUS.name in models["telecare-ecg"].codecs
    with pytest.raises(ValueError, match="no system is called tricorder"):
        read_systems("tricorder")
    assert {part.model for parts in SYSTEMS.values() for part in parts} <= set(models)
