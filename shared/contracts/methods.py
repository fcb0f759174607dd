"""THE table of methods: by which way a value was computed. Several stand side by side.

And THE order of them: which of several is shown and judged (`preference.py` says how).
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType

from shared.contracts.measures import Measure


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
    PPG_RATIO_LINEAR = 27
    PPG_RATIO_BEER_LAMBERT = 28
    PPG_RATIO_TABLE = 29


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
    MethodRow(
        id=Method.PPG_RATIO_LINEAR,
        key="ppg_ratio_linear",
        says="From the ratio of ratios of red and infrared light, by the line 110 - 25 R",
    ),
    MethodRow(
        id=Method.PPG_RATIO_BEER_LAMBERT,
        key="ppg_ratio_beer_lambert",
        says="From the ratio of ratios of red and infrared light, by absorption alone",
    ),
    MethodRow(
        id=Method.PPG_RATIO_TABLE,
        key="ppg_ratio_table",
        says="From the ratio of ratios of red and infrared light, by the table of a maker",
    ),
)

METHODS: MappingProxyType[Method, MethodRow] = MappingProxyType({row.id: row for row in _ROWS})


class Nature(StrEnum):
    """How close a method is to what it tells of; the order in which they are ranked."""

    FUSED = "fused"  # several sources that were compared
    DIRECT = "direct"  # the sensor sees the thing itself
    DERIVED = "derived"  # read from what the thing does to another signal
    COMPARISON = "comparison"  # as somebody published it: to compare with, not to rely on


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedMethod:
    """A method of a measure at its place, with why it stands there."""

    method: Method
    nature: Nature
    because: str


def _ranked(method: Method, nature: Nature, because: str) -> RankedMethod:
    return RankedMethod(method=method, nature=nature, because=because)


_ALONE = "nothing else gives it"
_BLACK_BOX = "computed in the device: how, and how surely, it does not tell"
_BEATS = _ranked(
    Method.ECG_BEAT_INTERVALS, Nature.DIRECT, "each beat of the heart, the weak ones too"
)
_PULSES = _ranked(Method.PPG_PULSE_INTERVALS, Nature.DIRECT, "each pulse that can be told apart")
_OF_DEVICE = _ranked(Method.DEVICE, Nature.DIRECT, _BLACK_BOX)
_PUBLISHED = _ranked(
    Method.RADAR_PUBLISHED, Nature.COMPARISON, "the highest peak, whether or not it is a person's"
)
_STEPS = (
    _ranked(Method.MOTION_STEPS, Nature.DIRECT, "the rhythm of walking; says when it sees none"),
    _OF_DEVICE,
    _ranked(Method.MOTION_STEPS_PUBLISHED, Nature.COMPARISON, "counts the steps of one thigh"),
)
_BLOW = (_ranked(Method.FLOW_BLOW, Nature.DIRECT, "the whole curve was seen"), _OF_DEVICE)
_VARIABILITY = (
    _ranked(Method.NORMAL_INTERVALS, Nature.DIRECT, "leaves out beats that are not normal"),
    _PULSES,
)

PREFERENCE: MappingProxyType[Measure, tuple[RankedMethod, ...]] = MappingProxyType(
    {
        Measure.HEART_RATE: (
            _BEATS,
            _ranked(Method.RADAR_PULSE, Nature.DIRECT, "the beating chest, without contact"),
            _OF_DEVICE,
            _PUBLISHED,
        ),
        Measure.PULSE_RATE: (
            _ranked(Method.PPG_SPECTRUM, Nature.DIRECT, "holds in motion, where pulses are lost"),
            _PULSES,
            _OF_DEVICE,
        ),
        Measure.SPO2: (
            _ranked(Method.PPG_RATIO_OF_RATIOS, Nature.DIRECT, "with the quality of its light"),
            # A device has one curve: these never stand beside each other.
            _ranked(Method.PPG_RATIO_TABLE, Nature.DIRECT, "with the quality of its light"),
            _ranked(Method.PPG_RATIO_LINEAR, Nature.DIRECT, "with the quality of its light"),
            _ranked(Method.PPG_RATIO_BEER_LAMBERT, Nature.DIRECT, "with the quality of its light"),
            _OF_DEVICE,
        ),
        Measure.PERFUSION_INDEX: (
            _ranked(Method.PPG_AC_DC, Nature.DIRECT, "with the quality of its light"),
            _OF_DEVICE,
        ),
        Measure.RESPIRATION_RATE: (
            _ranked(
                Method.RESPIRATION_FUSED, Nature.FUSED, "what most agree on; doubts what differs"
            ),
            _ranked(Method.IMPEDANCE_BREATHS, Nature.DIRECT, "breaths of the chest, counted"),
            _ranked(Method.IMPEDANCE_SPECTRUM, Nature.DIRECT, "the chest as it fills: 0.2 /min"),
            _ranked(Method.CHEST_MOTION_BREATH, Nature.DIRECT, "the chest as it moves, at rest"),
            _ranked(Method.RADAR_BREATH, Nature.DIRECT, "the chest as it moves, without contact"),
            _OF_DEVICE,
            _ranked(Method.ECG_RESPIRATION, Nature.DERIVED, "0.9 /min, 94 % right"),
            _ranked(Method.PPG_RESPIRATION, Nature.DERIVED, "0.9 /min, 91 % right"),
            _PUBLISHED,
        ),
        Measure.TEMPERATURE: (
            _ranked(Method.TEMPERATURE_SENSOR, Nature.DIRECT, "waits until the sensor settled"),
            _OF_DEVICE,
        ),
        Measure.RR_INTERVAL: (_BEATS, _PULSES),
        Measure.HRV_SDNN: _VARIABILITY,
        Measure.HRV_RMSSD: _VARIABILITY,
        Measure.HRV_PNN50: _VARIABILITY,
        Measure.HRV_LF_HF: _VARIABILITY,
        Measure.STEPS: _STEPS,
        Measure.CADENCE: _STEPS,
        Measure.FVC: _BLOW,
        Measure.FEV1: _BLOW,
        Measure.PEF: _BLOW,
        Measure.FEF25: _BLOW,
        Measure.FEF50: _BLOW,
        Measure.FEF75: _BLOW,
        Measure.FEF25_75: _BLOW,
    }
)
"""Methods of each measure, the one to rely on first: fused, then direct, then derived.

Figures are mean errors by `docs/science/respiration.md`. Our own go before the device's, which
tells no quality. Measures that one method alone gives are left out; a method that is not in the
order of its measure goes behind those that are, by its number.
"""
