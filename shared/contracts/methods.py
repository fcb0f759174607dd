"""THE table of methods: by which way a value was computed. Several stand side by side."""

from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType


class Method(IntEnum):
    """Number of a method in ``vitals.v1`` and in tables. Never reused."""

    DEVICE = 0
    ECG_BEAT_INTERVALS = 1
    PPG_PULSE_INTERVALS = 2
    PPG_SPECTRUM = 3
    PPG_RATIO_OF_RATIOS = 4
    PPG_AC_DC = 5
    IMPEDANCE_SPECTRUM = 6
    IMPEDANCE_BREATHS = 7
    TEMPERATURE_SENSOR = 8
    RADAR_PULSE = 9
    RADAR_BREATH = 10
    RADAR_PRESENCE = 11
    RADAR_PUBLISHED = 12
    RADAR_TRIAGE = 13
    MOTION_TILT = 14
    MOTION_STEPS = 15
    MOTION_STEPS_PUBLISHED = 16
    MOTION_MAGNITUDE = 17
    WIFI_FINGERPRINTS = 18
    FLOW_BLOW = 19
    ECG_RESPIRATION = 20
    PPG_RESPIRATION = 21
    CHEST_MOTION_BREATH = 22
    RESPIRATION_FUSED = 23
    NORMAL_INTERVALS = 24
    MOTION_STEP_LENGTH = 25
    MOTION_SUMMARY = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRow:
    """One method: its key outside and one sentence that tells a reader what was done."""

    id: Method
    key: str
    says: str


_ROWS = (
    MethodRow(id=Method.DEVICE, key="device", says="The device computed it"),
    MethodRow(
        id=Method.ECG_BEAT_INTERVALS,
        key="ecg_beat_intervals",
        says="From the intervals between heart beats in the ECG",
    ),
    MethodRow(
        id=Method.PPG_PULSE_INTERVALS,
        key="ppg_pulse_intervals",
        says="From the intervals between pulses in the photoplethysmogram",
    ),
    MethodRow(
        id=Method.PPG_SPECTRUM,
        key="ppg_spectrum",
        says="From the spectrum of the photoplethysmogram",
    ),
    MethodRow(
        id=Method.PPG_RATIO_OF_RATIOS,
        key="ppg_ratio_of_ratios",
        says="From the ratio of ratios of red and infrared light",
    ),
    MethodRow(
        id=Method.PPG_AC_DC,
        key="ppg_ac_dc",
        says="Pulsatile share of the infrared light",
    ),
    MethodRow(
        id=Method.IMPEDANCE_SPECTRUM,
        key="impedance_spectrum",
        says="From the spectrum of the thoracic impedance",
    ),
    MethodRow(
        id=Method.IMPEDANCE_BREATHS,
        key="impedance_breaths",
        says="From the breaths in the thoracic impedance",
    ),
    MethodRow(
        id=Method.TEMPERATURE_SENSOR,
        key="temperature_sensor",
        says="Mean of the sensor's settled readings",
    ),
    MethodRow(
        id=Method.RADAR_PULSE,
        key="radar_pulse",
        says="From the harmonics of the pulse in the movement of the chest, seen by radar",
    ),
    MethodRow(
        id=Method.RADAR_BREATH,
        key="radar_breath",
        says="From the movement of the chest, seen by radar",
    ),
    MethodRow(
        id=Method.RADAR_PRESENCE,
        key="radar_presence",
        says="From breath and pulse in what moves before the radar",
    ),
    MethodRow(
        id=Method.RADAR_PUBLISHED,
        key="radar_published",
        says="By the published chain of the radar: matched filter, highest peak of each band",
    ),
    MethodRow(
        id=Method.RADAR_TRIAGE,
        key="radar_triage",
        says="From the last quarter of a minute of the radar, for triage",
    ),
    MethodRow(
        id=Method.MOTION_TILT,
        key="motion_tilt",
        says="From the directions of gravity at trunk and thigh",
    ),
    MethodRow(
        id=Method.MOTION_STEPS,
        key="motion_steps",
        says="From the rhythm of the acceleration of walking",
    ),
    MethodRow(
        id=Method.MOTION_STEPS_PUBLISHED,
        key="motion_steps_published",
        says="By the published five-point rule of the thigh",
    ),
    MethodRow(
        id=Method.MOTION_MAGNITUDE,
        key="motion_magnitude",
        says="Mean amplitude deviation of the acceleration over five seconds",
    ),
    MethodRow(
        id=Method.WIFI_FINGERPRINTS,
        key="wifi_fingerprints",
        says="From measured places with similar strengths of the access points",
    ),
    MethodRow(
        id=Method.FLOW_BLOW,
        key="flow_blow",
        says="From the flow of one forced breath, time zero by back extrapolation",
    ),
    MethodRow(
        id=Method.ECG_RESPIRATION,
        key="ecg_respiration",
        says="From what breath changes in the ECG from beat to beat",
    ),
    MethodRow(
        id=Method.PPG_RESPIRATION,
        key="ppg_respiration",
        says="From what breath changes in the photoplethysmogram from pulse to pulse",
    ),
    MethodRow(
        id=Method.CHEST_MOTION_BREATH,
        key="chest_motion_breath",
        says="From the tilt of the chest with each breath",
    ),
    MethodRow(
        id=Method.RESPIRATION_FUSED,
        key="respiration_fused",
        says="From several sources, weighed by their qualities",
    ),
    MethodRow(
        id=Method.NORMAL_INTERVALS,
        key="normal_intervals",
        says="From the intervals between normal heart beats of five minutes",
    ),
    MethodRow(
        id=Method.MOTION_STEP_LENGTH,
        key="motion_step_length",
        says="Cadence times a step length from how far the trunk rises and falls",
    ),
    MethodRow(
        id=Method.MOTION_SUMMARY,
        key="motion_summary",
        says="From postures and steps of five seconds",
    ),
)

METHODS: MappingProxyType[Method, MethodRow] = MappingProxyType({row.id: row for row in _ROWS})
