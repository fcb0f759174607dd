"""THE table of vital signs: units, codes, plausible ranges, and what is shown of them.

Codes: LOINC, and IEEE 11073-10101 (MDC code = partition x 65536 + term); units in UCUM.
Where no code was found the cell is None and a code system of our own stands in.
"""

from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType


class Measure(IntEnum):
    """Number of a measure in ``vitals.v1`` and in tables. Never reused."""

    HEART_RATE = 1
    PULSE_RATE = 2
    SPO2 = 3
    PERFUSION_INDEX = 4
    RESPIRATION_RATE = 5
    TEMPERATURE = 6
    RR_INTERVAL = 7
    HRV_SDNN = 8
    HRV_RMSSD = 9
    HRV_PNN50 = 10
    HRV_LF_HF = 11
    POSTURE = 12
    STEPS = 13
    CADENCE = 14
    WALKING_SPEED = 15
    ACTIVITY = 16
    POSITION = 17
    FVC = 18
    FEV1 = 19
    PEF = 20
    FEF25 = 21
    FEF50 = 22
    FEF75 = 23
    FEF25_75 = 24
    PRESENCE = 25
    BREATHING_SEEN = 26
    FAST_BREATHING = 27
    PULSE_SEEN = 28
    POSITION_X = 29
    POSITION_Y = 30
    ROOM = 31
    DOING = 32
    EFFORT = 33
    TIME_SINCE_BREATH = 34
    EXTRAPOLATED_VOLUME = 35
    EXPIRATORY_TIME = 36
    END_RISE = 37
    FLOW_REGAINED = 38


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRow:
    """One vital sign.

    `low` and `high` bound what is plausible: a value outside is never given.
    `least_quality` is the quality below which no number is given.
    `stale_s` is the age after which a page shows no number any more; `interval_s` how often
    a fresh one is expected. `is_code`: its values are no quantities, so they have no mean; `codes`
    names the values 1, 2, ... where each has a name. `adds_up`: their sum means something.
    """

    id: Measure
    key: str
    label: str
    unit: str
    ucum: str
    loinc: str | None
    mdc: str | None
    mdc_code: int | None
    low: float
    high: float
    decimals: int
    least_quality: float
    interval_s: float
    stale_s: float
    is_code: bool = False
    codes: tuple[str, ...] = ()
    adds_up: bool = False


_ROWS = (
    MeasureRow(
        id=Measure.HEART_RATE, key="heart_rate", label="Heart rate", unit="/min", ucum="/min",
        loinc="8867-4", mdc="MDC_ECG_HEART_RATE", mdc_code=147842,
        low=15, high=300, decimals=0, least_quality=0.3, interval_s=1, stale_s=10,
    ),
    MeasureRow(
        id=Measure.PULSE_RATE, key="pulse_rate", label="Pulse rate", unit="/min", ucum="/min",
        loinc="8867-4", mdc="MDC_PULS_OXIM_PULS_RATE", mdc_code=149530,
        low=20, high=300, decimals=0, least_quality=0.3, interval_s=1, stale_s=10,
    ),
    MeasureRow(
        id=Measure.SPO2, key="spo2", label="Oxygen saturation", unit="%", ucum="%",
        loinc="59408-5", mdc="MDC_PULS_OXIM_SAT_O2", mdc_code=150456,
        low=40, high=100, decimals=0, least_quality=0.3, interval_s=1, stale_s=10,
    ),
    MeasureRow(
        id=Measure.PERFUSION_INDEX, key="perfusion_index", label="Perfusion index", unit="%",
        ucum="%", loinc=None, mdc="MDC_PULS_OXIM_PERF_REL", mdc_code=150448,
        low=0, high=30, decimals=1, least_quality=0.3, interval_s=1, stale_s=10,
    ),
    MeasureRow(
        id=Measure.RESPIRATION_RATE, key="respiration_rate", label="Breathing rate", unit="/min",
        ucum="/min", loinc="9279-1", mdc="MDC_RESP_RATE", mdc_code=151562,
        low=0, high=120, decimals=0, least_quality=0.3, interval_s=1, stale_s=10,
    ),
    MeasureRow(
        id=Measure.TEMPERATURE, key="temperature", label="Temperature", unit="°C", ucum="Cel",
        loinc="8310-5", mdc="MDC_TEMP_BODY", mdc_code=150364,
        low=20, high=45, decimals=1, least_quality=0.3, interval_s=60, stale_s=300,
    ),
    MeasureRow(
        id=Measure.RR_INTERVAL, key="rr_interval", label="R-R interval", unit="ms", ucum="ms",
        loinc=None, mdc=None, mdc_code=None,
        low=200, high=5000, decimals=0, least_quality=0.3, interval_s=1, stale_s=10,
    ),
    MeasureRow(
        id=Measure.HRV_SDNN, key="hrv_sdnn", label="SDNN", unit="ms", ucum="ms",
        loinc="80404-7", mdc=None, mdc_code=None,
        low=0, high=1000, decimals=0, least_quality=0.5, interval_s=300, stale_s=900,
    ),
    MeasureRow(
        id=Measure.HRV_RMSSD, key="hrv_rmssd", label="RMSSD", unit="ms", ucum="ms",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=1000, decimals=0, least_quality=0.5, interval_s=300, stale_s=900,
    ),
    MeasureRow(
        id=Measure.HRV_PNN50, key="hrv_pnn50", label="pNN50", unit="%", ucum="%",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=100, decimals=0, least_quality=0.5, interval_s=300, stale_s=900,
    ),
    MeasureRow(
        id=Measure.HRV_LF_HF, key="hrv_lf_hf", label="LF/HF", unit="1", ucum="1",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=100, decimals=1, least_quality=0.5, interval_s=300, stale_s=900,
    ),
    MeasureRow(
        id=Measure.POSTURE, key="posture", label="Posture", unit="1", ucum="1",
        loinc="8361-8", mdc=None, mdc_code=None,
        low=0, high=15, decimals=0, least_quality=0.5, interval_s=1, stale_s=15,
        is_code=True,
        codes=(
            "standing", "sitting", "bending", "lying_back", "lying_front", "lying_left",
            "lying_right",
        ),
    ),
    MeasureRow(
        id=Measure.STEPS, key="steps", label="Steps in 5 s", unit="steps", ucum="{steps}",
        loinc="55423-8", mdc=None, mdc_code=None,
        low=0, high=200_000, decimals=0, least_quality=0.3, interval_s=5, stale_s=30,
        adds_up=True,
    ),
    MeasureRow(
        id=Measure.CADENCE, key="cadence", label="Cadence", unit="/min", ucum="/min",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=300, decimals=0, least_quality=0.3, interval_s=5, stale_s=30,
    ),
    MeasureRow(
        id=Measure.WALKING_SPEED, key="walking_speed", label="Walking speed", unit="m/s",
        ucum="m/s", loinc=None, mdc=None, mdc_code=None,
        low=0, high=12, decimals=1, least_quality=0.3, interval_s=5, stale_s=30,
    ),
    MeasureRow(
        id=Measure.ACTIVITY, key="activity", label="Activity", unit="g", ucum="[g]",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=16, decimals=2, least_quality=0.3, interval_s=5, stale_s=30,
    ),
    MeasureRow(
        id=Measure.POSITION, key="position", label="Position", unit="m", ucum="m",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=1_000, decimals=1, least_quality=0.3, interval_s=5, stale_s=15,
    ),
    MeasureRow(
        id=Measure.FVC, key="fvc", label="FVC", unit="L", ucum="L",
        loinc="19868-9", mdc=None, mdc_code=188928,
        low=0, high=12, decimals=2, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
    MeasureRow(
        id=Measure.FEV1, key="fev1", label="FEV1", unit="L", ucum="L",
        loinc="20150-9", mdc="MDC_VOL_AWAY_EXP_FORCED_1S", mdc_code=152586,
        low=0, high=12, decimals=2, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
    MeasureRow(
        id=Measure.PEF, key="pef", label="PEF", unit="L/min", ucum="L/min",
        loinc="33452-4", mdc="MDC_FLOW_AWAY_EXP_FORCED_PEAK", mdc_code=152584,
        low=0, high=1200, decimals=0, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
    MeasureRow(
        id=Measure.FEF25, key="fef25", label="FEF25", unit="L/s", ucum="L/s",
        loinc=None, mdc="MDC_FLOW_AWAY_EXP_FORCED_25_FVC", mdc_code=188964,
        low=0, high=20, decimals=1, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
    MeasureRow(
        id=Measure.FEF50, key="fef50", label="FEF50", unit="L/s", ucum="L/s",
        loinc=None, mdc="MDC_FLOW_AWAY_EXP_FORCED_50_FVC", mdc_code=188968,
        low=0, high=20, decimals=1, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
    MeasureRow(
        id=Measure.FEF75, key="fef75", label="FEF75", unit="L/s", ucum="L/s",
        loinc=None, mdc="MDC_FLOW_AWAY_EXP_FORCED_75_FVC", mdc_code=188972,
        low=0, high=20, decimals=1, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
    MeasureRow(
        id=Measure.FEF25_75, key="fef25_75", label="FEF25-75", unit="L/s", ucum="L/s",
        loinc=None, mdc="MDC_FLOW_AWAY_EXP_FORCED_25_75_FVC", mdc_code=188960,
        low=0, high=20, decimals=1, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
    MeasureRow(
        id=Measure.PRESENCE, key="presence", label="Presence", unit="1", ucum="1",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=1, decimals=0, least_quality=0.5, interval_s=1, stale_s=15,
    ),
    MeasureRow(
        id=Measure.BREATHING_SEEN, key="breathing_seen", label="Breathing seen", unit="1", ucum="1",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=1, decimals=0, least_quality=0.5, interval_s=1, stale_s=15,
    ),
    MeasureRow(
        id=Measure.FAST_BREATHING, key="fast_breathing", label="Breathing above 30 /min", unit="1",
        ucum="1", loinc=None, mdc=None, mdc_code=None,
        low=0, high=1, decimals=0, least_quality=0.5, interval_s=1, stale_s=15,
    ),
    MeasureRow(
        id=Measure.PULSE_SEEN, key="pulse_seen", label="Pulse seen", unit="1", ucum="1",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=1, decimals=0, least_quality=0.5, interval_s=1, stale_s=15,
    ),
    MeasureRow(
        id=Measure.POSITION_X, key="position_x", label="Position, x", unit="m", ucum="m",
        loinc=None, mdc=None, mdc_code=None,
        low=-100_000, high=100_000, decimals=1, least_quality=0.3, interval_s=5, stale_s=15,
    ),
    MeasureRow(
        id=Measure.POSITION_Y, key="position_y", label="Position, y", unit="m", ucum="m",
        loinc=None, mdc=None, mdc_code=None,
        low=-100_000, high=100_000, decimals=1, least_quality=0.3, interval_s=5, stale_s=15,
    ),
    MeasureRow(  # the number of a room; a 32-bit float holds them up to 2^24 exactly
        id=Measure.ROOM, key="room", label="Room", unit="1", ucum="1",
        loinc=None, mdc=None, mdc_code=None,
        low=1, high=16_777_215, decimals=0, least_quality=0.5, interval_s=5, stale_s=15,
        is_code=True,
    ),
    MeasureRow(
        id=Measure.DOING, key="doing", label="Doing", unit="1", ucum="1",
        loinc=None, mdc=None, mdc_code=None,
        low=1, high=4, decimals=0, least_quality=0.5, interval_s=5, stale_s=30,
        is_code=True, codes=("lying", "sitting", "standing", "walking"),
    ),
    MeasureRow(
        id=Measure.EFFORT, key="effort", label="Effort", unit="1", ucum="1",
        loinc=None, mdc=None, mdc_code=None,
        low=1, high=4, decimals=0, least_quality=0.5, interval_s=5, stale_s=30,
        is_code=True, codes=("still", "light", "moderate", "vigorous"),
    ),
    MeasureRow(
        id=Measure.TIME_SINCE_BREATH, key="time_since_breath", label="Time since last breath",
        unit="s", ucum="s", loinc=None, mdc=None, mdc_code=None,
        low=0, high=120, decimals=0, least_quality=0.3, interval_s=5, stale_s=15,
    ),
    MeasureRow(  # out before time zero by back extrapolation
        id=Measure.EXTRAPOLATED_VOLUME, key="extrapolated_volume", label="BEV", unit="L", ucum="L",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=12, decimals=2, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
    MeasureRow(
        id=Measure.EXPIRATORY_TIME, key="expiratory_time", label="FET", unit="s", ucum="s",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=60, decimals=1, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
    MeasureRow(  # the volume of its last second
        id=Measure.END_RISE, key="end_rise", label="Rise at the end", unit="L", ucum="L",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=12, decimals=2, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
    MeasureRow(  # share of the highest flow by which it came back in the first second: a cough
        id=Measure.FLOW_REGAINED, key="flow_regained", label="Flow regained", unit="1", ucum="1",
        loinc=None, mdc=None, mdc_code=None,
        low=0, high=1, decimals=2, least_quality=0.5, interval_s=86_400, stale_s=86_400,
    ),
)  # fmt: skip

MEASURES: MappingProxyType[Measure, MeasureRow] = MappingProxyType({row.id: row for row in _ROWS})
MEASURES_BY_KEY: MappingProxyType[str, MeasureRow] = MappingProxyType(
    {row.key: row for row in _ROWS}
)
