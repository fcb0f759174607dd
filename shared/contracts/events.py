"""Events: what happened, once, with an id that repeats when the same thing is told again."""

import hashlib
from enum import StrEnum
from typing import Any

import msgspec


class EventKind(StrEnum):
    """Kinds of event on the stream ``events``."""

    ALARM = "alarm"  # data: the alarm as the api shows it
    LEAD_OFF = "lead_off"
    LEAD_ON = "lead_on"
    SENSOR_FAULT = "sensor_fault"
    SAMPLES_MISSING = "samples_missing"
    DEVICE_ONLINE = "device_online"
    DEVICE_OFFLINE = "device_offline"
    BATTERY_LOW = "battery_low"
    CLOCK_JUMP = "clock_jump"
    CLOCK_ABSURD = "clock_absurd"
    MESSAGE_REFUSED = "message_refused"
    IDENTITY_CONFLICT = "identity_conflict"
    SESSION_LOST = "session_lost"
    STREAM_TRUNCATED = "stream_truncated"
    COMMAND_FINISHED = "command_finished"  # data: command, name, outcome, detail
    UNIT_JOINED = "unit_joined"  # data: unit, kind
    UNIT_LEFT = "unit_left"  # data: unit, kind
    STATUS_CHANGED = "status_changed"  # data: status (a name), on
    POSITION_WRONG = "position_wrong"  # the wearer lies or stands as no recording may be made
    CARD_ERROR = "card_error"
    FRONT_END_FAULT = "front_end_fault"  # of the analogue part of an ECG
    RECORDING_MADE = "recording_made"  # data: file
    FILE_STORED = "file_stored"  # data: file, format, frames
    FILE_REFUSED = "file_refused"  # data: file, format, reason, line or offset
    MEMORY_CLEARED = "memory_cleared"  # data: results
    FALL = "fall"  # of the wearer
    SOURCES_DISAGREE = "sources_disagree"  # of a patient; data: name, has_ended, n_sources
    APNOEA = "apnoea"  # breath has stopped; data: since (us UTC), has_ended
    RHYTHM = "rhythm"  # of the heart; data: name, has_ended, confidence (0 to 1)
    SIGNAL_NOISE = "signal_noise"  # what disturbs a signal; data: stream, name, has_ended


class Severity(StrEnum):
    """How much an event matters to people."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class EventMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The message of a device that an event comes from.

    ``settles``: with this event all of the message is told, so whoever stores it says so to the
    device, as for frames. A message with frames is settled by them: its events went out before.
    """

    boot: int
    n: int
    settles: bool = False


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event. `t` in us UTC; device and patient are registry keys; `text_key` names the text."""

    id: str
    t: int
    kind: EventKind
    severity: Severity
    source: str
    text_key: str
    device: int | None = None
    patient: int | None = None
    data: dict[str, Any] = {}
    message: EventMessage | None = None


def event_id(*identity: str | int) -> str:
    """Id of an event, derived from what it tells of, so that a repeat has the same one."""
    text = "\x1f".join(str(part) for part in identity)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


_decoder = msgspec.json.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """The JSON message of an event."""
    return msgspec.json.encode(event)


def decode_event(body: bytes) -> Event:
    """Read an event.

    Raises
    ------
    msgspec.DecodeError : the bytes are no event (ValidationError is one of its kinds)
    """
    return _decoder.decode(body)
