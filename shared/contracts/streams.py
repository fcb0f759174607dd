"""THE table of sample streams: what a device can send, with unit and channels."""

from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType


class Stream(IntEnum):
    """Number of a stream on the wire (``frames.v1``, codec `packed`)."""

    ECG = 1
    PPG = 2
    IMPEDANCE = 3
    ACCELEROMETER = 4
    TEMPERATURE = 5
    RADAR_IQ = 6
    FLOW = 7
    WIFI_RSSI = 8
    HEADING = 9
    GYROSCOPE = 10
    SPO2 = 20
    PULSE_RATE = 21
    RESPIRATION_RATE = 22
    FVC = 23
    FEV1 = 24
    PEF = 25
    FEF25 = 26
    FEF50 = 27
    FEF75 = 28
    FEF25_75 = 29


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRow:
    """One stream: its key in JSON and REST, its unit, the names of its channels in order.

    `channels` is the longest list; a device may send a leading part of it. Where a device
    model names its channels (leads, access points), the model's names are shown.
    `waveform` streams are sampled regularly and drawn; the others are single readings.
    `device_value` streams carry vital signs that a device computed itself.
    """

    id: Stream
    key: str
    unit: str
    channels: tuple[str, ...]
    waveform: bool
    device_value: bool = False


def _value(stream: Stream, unit: str) -> StreamRow:
    key = stream.name.lower()
    return StreamRow(
        id=stream, key=key, unit=unit, channels=(key,), waveform=False, device_value=True
    )


_ECG_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_ROWS = (
    StreamRow(id=Stream.ECG, key="ecg", unit="mV", channels=_ECG_LEADS, waveform=True),
    StreamRow(
        id=Stream.PPG,
        key="ppg",
        unit="counts",
        channels=("red", "infrared", "green"),
        waveform=True,
    ),
    StreamRow(
        id=Stream.IMPEDANCE, key="impedance", unit="ohm", channels=("impedance",), waveform=True
    ),
    StreamRow(
        id=Stream.ACCELEROMETER,
        key="accelerometer",
        unit="g",
        channels=("x", "y", "z"),
        waveform=True,
    ),
    StreamRow(
        id=Stream.TEMPERATURE,
        key="temperature",
        unit="degC",
        channels=("temperature",),
        waveform=False,
    ),
    StreamRow(id=Stream.RADAR_IQ, key="radar_iq", unit="V", channels=("i", "q"), waveform=True),
    StreamRow(id=Stream.FLOW, key="flow", unit="L/s", channels=("flow",), waveform=True),
    StreamRow(
        id=Stream.WIFI_RSSI,
        key="wifi_rssi",
        unit="dBm",
        channels=tuple(f"ap{number}" for number in range(1, 65)),
        waveform=False,
    ),
    StreamRow(id=Stream.HEADING, key="heading", unit="deg", channels=("heading",), waveform=False),
    StreamRow(
        id=Stream.GYROSCOPE, key="gyroscope", unit="deg/s", channels=("x", "y", "z"), waveform=True
    ),
    _value(Stream.SPO2, "%"),
    _value(Stream.PULSE_RATE, "/min"),
    _value(Stream.RESPIRATION_RATE, "/min"),
    _value(Stream.FVC, "L"),
    _value(Stream.FEV1, "L"),
    _value(Stream.PEF, "L/min"),
    _value(Stream.FEF25, "L/s"),
    _value(Stream.FEF50, "L/s"),
    _value(Stream.FEF75, "L/s"),
    _value(Stream.FEF25_75, "L/s"),
)

STREAMS: MappingProxyType[Stream, StreamRow] = MappingProxyType({row.id: row for row in _ROWS})
STREAMS_BY_KEY: MappingProxyType[str, StreamRow] = MappingProxyType({row.key: row for row in _ROWS})


class Place(IntEnum):
    """Where on the body a sensor sits."""

    NONE = 0
    CHEST = 1
    THIGH = 2
    WRIST = 3
    WAIST = 4
    FINGER = 5
    EAR = 6
    BACK = 7
