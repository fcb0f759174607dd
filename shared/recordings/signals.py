"""What a signal of a recording is: its name, unit and place, as one of our streams."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contracts.streams import STREAMS, STREAMS_BY_KEY, Place, Stream
from shared.recordings.pieces import Track
from shared.recordings.units import conversion

_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_PLACES: Mapping[str, int] = MappingProxyType({place.name.lower(): int(place) for place in Place})
# Names that other programs give, EDF+ "standard texts" (edfplus.info) and PhysioNet's records.
_ALIASES: Sequence[tuple[re.Pattern[str], Stream]] = tuple(
    (re.compile(pattern, re.IGNORECASE), stream)
    for pattern, stream in (
        (r"(ecg|ekg)\b.*", Stream.ECG),
        (r"m?(l?i{1,3}|v[1-6]|av[rlf]|cm[1-5]|cc5)", Stream.ECG),
        (r"(pleth|ppg|plet)\b.*", Stream.PPG),
        (r"(resp|thor|impedance)\b.*", Stream.IMPEDANCE),
        (r"(acc|accelerometer)\b.*", Stream.ACCELEROMETER),
        (r"(gyro|gyroscope)\b.*", Stream.GYROSCOPE),
        (r"(temp|temperature)\b.*", Stream.TEMPERATURE),
        (r"(flow|airflow)\b.*", Stream.FLOW),
        (r"(sao2|spo2)\b.*", Stream.SPO2),
        (r"(pulse|pr|hr)\b.*", Stream.PULSE_RATE),
        (r"(rr|resprate)\b.*", Stream.RESPIRATION_RATE),
    )
)


class UnfitError(ValueError):
    """A signal cannot become one of ours; the text says which and why."""


class Named(NamedTuple):
    """The stream that a signal is of, and the place of its channel among those of the stream.

    Where the name says nothing of the channel, that is above all known ones.
    """

    stream: Stream
    channel: int


class Stretch(NamedTuple):
    """Samples of one signal without a hole. Value in ``unit`` = samples * scale + offset."""

    label: str
    unit: str
    named: Named
    place: int
    t0_us: float
    interval_us: float
    samples: NDArray[Any]
    scale: float
    offset: float


def signal_names(options: Mapping[str, Any]) -> Mapping[str, str]:
    """The option ``signals``: ``label=stream:channel,label=stream``, for labels nobody knows."""
    text = str(options.get("signals") or "")
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    return {label.strip(): stream.strip() for label, _, stream in pairs}


def name_signal(label: str, names: Mapping[str, str] = MappingProxyType({})) -> Named | None:
    """The stream that a label means; None where nobody knows.

    Raises
    ------
    UnfitError : ``names`` gives it a stream that there is not
    """
    if label in names:
        key, _, channel = names[label].partition(":")
        row = STREAMS_BY_KEY.get(key)
        if row is None:
            raise UnfitError(f"there is no stream {key[:40]!r}")
        return _channel(row.id, channel)
    first, _, rest = label.strip().partition(" ")
    row = STREAMS_BY_KEY.get(first.lower())
    if row is not None:
        return _channel(row.id, rest.strip())
    for pattern, stream in _ALIASES:
        if pattern.fullmatch(label.strip()):
            return _channel(stream, rest.strip() or first)
    return None


def place_of(text: str) -> int:
    """The place whose name ends a text, none of them otherwise."""
    return _PLACES.get(text.rpartition(" ")[2].lower(), 0)


def tracks_of(stretches: Sequence[Stretch]) -> list[Track]:
    """Stretches put together to tracks: signals of a stream, sampled together, are its channels.

    Raises
    ------
    UnfitError : a unit is not one of the stream, or there are too many channels
    """
    groups: dict[tuple[int, int, float, float, int], list[Stretch]] = {}
    for one in stretches:
        kind = (one.named.stream, one.place, one.t0_us, one.interval_us, len(one.samples))
        groups.setdefault(kind, []).append(one)
    found: list[Track] = []
    for group in groups.values():
        row = STREAMS[group[0].named.stream]
        ordered = sorted(group, key=lambda one: one.named.channel)
        if len(ordered) > len(row.channels):
            raise UnfitError(f"{len(ordered)} signals of stream {row.key}")
        found.append(_track(ordered, row.unit))
    return found


def _track(group: Sequence[Stretch], unit: str) -> Track:
    scales = []
    for one in group:
        found = conversion(one.unit, unit)
        if found is None:
            raise UnfitError(f"signal {one.label[:40]!r} is in {one.unit[:20]!r}, not in {unit}")
        scales.append((one.scale * found.factor, one.offset * found.factor + found.offset))
    first = group[0]
    scale, offset = scales[0]
    if all(pair == scales[0] for pair in scales):
        samples = np.stack([one.samples for one in group], axis=1)
    else:  # a frame has one scale: numbers in the unit of the stream
        columns = [_values(one.samples, *pair) for one, pair in zip(group, scales, strict=True)]
        samples, scale, offset = np.stack(columns, axis=1), 1.0, 0.0
    return Track(
        stream=first.named.stream,
        t0_us=first.t0_us,
        interval_us=first.interval_us,
        samples=samples,
        scale=scale,
        offset=offset,
        place=first.place,
    )


def _values(samples: NDArray[Any], scale: float, offset: float) -> NDArray[np.float32]:
    values = (samples * np.float64(scale) + offset).astype(np.float32)
    if samples.dtype.kind == "i":
        values[samples == np.iinfo(samples.dtype).min] = np.nan
    return values


def _channel(stream: Stream, name: str) -> Named:
    row = STREAMS[stream]
    names = [channel.lower() for channel in row.channels]
    wanted = name.strip().lower().removeprefix("ml") if stream is Stream.ECG else name.lower()
    return Named(stream, names.index(wanted) if wanted in names else len(names))
