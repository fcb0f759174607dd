"""What the messages of a hub say: frames, events and words of what one MQTT message holds.

Hot path (``make bench``): ECG samples are only collected here, and turned by numpy at the end.
"""

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from shared.codecs.smsg.layout import (
    ANNOUNCED,
    CORE,
    HEAD,
    IDENTIFIER,
    MOST_UNITS,
    NOTHING_16,
    RESULT,
    SERVER,
    UNIT_KINDS,
    DeviceType,
    Ecg,
    Oximeter,
    Spirometer,
    unit_name,
)
from shared.codecs.smsg.numbers import Numbers
from shared.contracts.decoding import Decoded, DecodedFrame, Envelope, Note, Refused, Word
from shared.contracts.events import EventKind
from shared.contracts.frames import SampleFormat
from shared.contracts.instants import HOUR
from shared.contracts.oximeter_status import QUIET_STATUS, STATUS_MASK, status_changes
from shared.contracts.parking import Reason
from shared.contracts.streams import Place, Stream

MOST_IN_MESSAGE = 64
"""Units of which one MQTT message may bring something, as many as may ever join a hub: each new one
costs a look into the registry."""
MOST_REMEMBERED = MOST_UNITS
"""Oximeters whose status word is kept; there are no more at a hub."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ECG, _CHEST = int(Stream.ECG), int(Place.CHEST)
_FINGER, _NO_PLACE = int(Place.FINGER), int(Place.NONE)
_INT32 = int(SampleFormat.INT32)
_ONE = struct.Struct("<i")
_TO_UNITS, _TOO_MANY = (-1, -1), (-2, -2)
_ECG_DATA = (int(DeviceType.ECG), int(Ecg.DATA))
_WIRE, _KEPT = np.dtype(">u2"), np.dtype("<i4")
_READINGS: Mapping[tuple[int, int], tuple[Stream, int]] = MappingProxyType(
    {
        (DeviceType.OXIMETER, Oximeter.SPO2): (Stream.SPO2, 100),
        (DeviceType.OXIMETER, Oximeter.PULSE): (Stream.PULSE_RATE, 300),
    }
)
"""Readings of an oximeter, and the largest that it measures."""
_IDENTIFIERS = {(device_type, IDENTIFIER) for device_type in (DeviceType.CORE, *UNIT_KINDS)}
_WORDS: Mapping[tuple[int, int], str] = MappingProxyType(
    {
        (DeviceType.ECG, Ecg.DATA): "data",
        (DeviceType.ECG, Ecg.START): "start",
        (DeviceType.ECG, Ecg.STOP): "stop",
        (DeviceType.OXIMETER, Oximeter.SPO2): "data",
        (DeviceType.OXIMETER, Oximeter.PULSE): "data",
        (DeviceType.OXIMETER, Oximeter.ERROR): "error",
        (DeviceType.OXIMETER, Oximeter.START): "start",
        (DeviceType.OXIMETER, Oximeter.STOP): "stop",
    }
)
"""What a message without anything more to say is called in words; one that says more is there too:
identifier (text), result_header (count, ask), result (index). All of them name the kind of unit."""
_RESULT_STREAMS = (
    (Stream.PEF, 1.0), (Stream.FVC, 1e-3), (Stream.FEV1, 1e-3), (Stream.FEF75, 1e-3),
    (Stream.FEF50, 1e-3), (Stream.FEF25, 1e-3), (Stream.FEF25_75, 1e-3),
)  # fmt: skip
"""Streams of the values of a result in their order, and what one count is in the stream's unit."""


class Head(NamedTuple):
    """A message head that was looked at: how long the message is, and what comes of it."""

    size: int
    samples: list[bytes] | None
    """Where the payload goes, if it is ECG."""
    words: tuple[Word, ...]
    key: tuple[int, int]
    originator: int


@lru_cache(maxsize=256)
def _word(device_type: int, message_type: int, originator: int) -> tuple[Word, ...]:
    """The word of a message that says nothing more, if it is one."""
    name = _WORDS.get((device_type, message_type))
    if name is None:
        return ()
    kind = MappingProxyType({"kind": UNIT_KINDS[device_type]})
    return (Word(name, unit_name(originator), kind),)


class Reading:
    """Collects what the SMSG messages say that end in one MQTT message.

    Parameters
    ----------
    status : the last status word of each oximeter that is not quiet; changed here
    t_us : device time of the MQTT message
    """

    def __init__(self, numbers: Numbers, status: dict[int, int], t_us: int) -> None:
        self._numbers = numbers
        self._status = status
        self._t_us = t_us
        self._ecg: dict[int, list[bytes]] = {}
        self._n_readings: dict[tuple[int, Stream], int] = {}
        self._single: list[DecodedFrame] = []
        self._notes: list[Note] = []
        self._units: set[int] = set()
        self._n_too_many = 0
        self.words: list[Word] = []
        self.refused: list[Refused] = []

    def head(self, raw: bytes, size: int) -> Head:
        """Look at a head that was not met before in these bytes."""
        _, _, device_type, message_type, originator, _ = HEAD.unpack(raw)
        key = (int(device_type), int(message_type))
        if originator in {SERVER, CORE} and device_type in UNIT_KINDS:
            return Head(size, None, (), _TO_UNITS, int(originator))
        if key not in _IDENTIFIERS and originator not in self._units:
            if len(self._units) >= MOST_IN_MESSAGE:
                return Head(size, None, (), _TOO_MANY, int(originator))
            self._units.add(int(originator))
        samples = self._ecg.setdefault(originator, []) if key == _ECG_DATA else None
        return Head(size, samples, _word(device_type, message_type, originator), key, originator)

    def take(self, head: Head, payload: bytes) -> None:
        """Take the payload of a message that is no ECG data."""
        unit = head.originator
        self.words += head.words
        if head.key in _READINGS:
            stream, most = _READINGS[head.key]
            self._reading(unit, stream, int.from_bytes(payload, "big"), most)
        elif head.key == (DeviceType.OXIMETER, Oximeter.ERROR):
            self._change(unit, int.from_bytes(payload, "big"))
        elif head.key == (DeviceType.SPIROMETER, Spirometer.RESULT):
            self._result(unit, payload)
        elif head.key == (DeviceType.SPIROMETER, Spirometer.RESULT_HEADER) and len(payload) != 4:
            self._announce(unit, payload)
        elif head.key == _TOO_MANY:
            self._n_too_many += 1
        elif head.key in _IDENTIFIERS:
            self._identify(head.key[0], unit, payload)
        elif not head.words:
            self.refused.append(Refused(Reason.WRONG_TYPE, "a message that is one to units"))

    def finish(self, envelope: Envelope) -> Decoded:
        """Give all of it as the message of this identity."""
        frames = [self._ecg_frame(unit, parts) for unit, parts in self._ecg.items() if parts]
        if self._n_too_many:
            detail = f"{self._n_too_many} messages of more than {MOST_IN_MESSAGE} units"
            self.refused.append(Refused(Reason.UNKNOWN_UNIT, detail))
        return Decoded(*envelope, 0, frames + self._single, self._notes, self.words)

    def _identify(self, device_type: int, unit: int, payload: bytes) -> None:
        text = payload.decode("ascii", "replace")
        said = {
            "kind": UNIT_KINDS.get(device_type, "core"),
            "text": "".join(sign if sign.isprintable() else "?" for sign in text),
        }
        name = "" if device_type == DeviceType.CORE or unit == CORE else unit_name(unit)
        self.words.append(Word("identifier", name, MappingProxyType(said)))

    def _reading(self, unit: int, stream: Stream, value: int, most: int) -> None:
        if value > most:
            detail = f"{stream.name.lower()} of {value}, at most {most}"
            self.refused.append(Refused(Reason.MALFORMED, detail))
            return
        earlier = self._n_readings.get((unit, stream), 0)
        self._n_readings[unit, stream] = earlier + 1
        if value > 0:  # the module says 0 while it has none
            dt_us = int(earlier * self._numbers.reading_us)
            self._single.append(_single_frame(unit, stream, value, 1.0, dt_us))

    def _change(self, unit: int, status: int) -> None:
        status &= STATUS_MASK
        before = self._status.pop(unit, QUIET_STATUS)
        if status != QUIET_STATUS:
            self._status[unit] = status
            if len(self._status) > MOST_REMEMBERED:
                self._status.pop(next(iter(self._status)))
        kind = UNIT_KINDS[DeviceType.OXIMETER]
        for name, on in status_changes(before, status):
            data = MappingProxyType({"kind": kind, "status": name, "on": on})
            self._notes.append(Note(EventKind.STATUS_CHANGED, 0, unit_name(unit), data))

    def _announce(self, unit: int, payload: bytes) -> None:
        said: dict[str, Any] = {"kind": UNIT_KINDS[DeviceType.SPIROMETER]}
        if len(payload) == ANNOUNCED.size:
            said["count"], said["ask"] = ANNOUNCED.unpack(payload)
        else:
            said["count"] = int.from_bytes(payload, "big")
        self.words.append(Word("result_header", unit_name(unit), MappingProxyType(said)))

    def _result(self, unit: int, payload: bytes) -> None:
        index, *told = RESULT.unpack(payload)
        date, values = told[:6], told[7:]
        dt_us = self._since(date)
        if dt_us is None:
            year, month, day, hour, minute, second = date
            text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
            kind = UNIT_KINDS[DeviceType.SPIROMETER]
            data = MappingProxyType({"kind": kind, "result": index, "told": text})
            self._notes.append(Note(EventKind.CLOCK_ABSURD, 0, unit_name(unit), data))
            dt_us = 0
        for (stream, scale), value in zip(_RESULT_STREAMS, values, strict=True):
            if value != NOTHING_16:
                self._single.append(_single_frame(unit, stream, value, scale, dt_us))
        said = {"kind": UNIT_KINDS[DeviceType.SPIROMETER], "index": index}
        self.words.append(Word("result", unit_name(unit), MappingProxyType(said)))

    def _since(self, date: list[int]) -> int | None:
        """How long after the message a result was taken, or None if that cannot be true."""
        year, month, day, hour, minute, second = date
        try:
            local = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            return None
        taken_us = (local - _EPOCH) // timedelta(microseconds=1)
        dt_us = taken_us - self._numbers.utc_offset_us - self._t_us
        return dt_us if -self._numbers.oldest_us <= dt_us <= HOUR else None

    def _ecg_frame(self, unit: int, parts: list[bytes]) -> DecodedFrame:
        numbers = self._numbers
        counts = np.frombuffer(b"".join(parts), _WIRE)
        return DecodedFrame(
            _ECG, _CHEST, 1, len(counts), numbers.ecg_interval_ns, 0, _INT32, numbers.ecg_scale_mv,
            numbers.ecg_offset_mv, counts.astype(_KEPT).tobytes(), unit_name(unit),
        )  # fmt: skip


def _single_frame(unit: int, stream: Stream, value: int, scale: float, dt_us: int) -> DecodedFrame:
    place = _FINGER if stream in {Stream.SPO2, Stream.PULSE_RATE} else _NO_PLACE
    data = _ONE.pack(value)
    return DecodedFrame(
        int(stream), place, 1, 1, 0, dt_us, _INT32, scale, 0.0, data, unit_name(unit)
    )
