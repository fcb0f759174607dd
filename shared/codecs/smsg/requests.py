"""What the server sends to a hub and its units, to the byte."""

from shared.codecs.smsg.layout import (
    ANNOUNCED,
    ASK,
    CORE,
    IDENTIFIER,
    SERVER,
    DeviceType,
    Ecg,
    Message,
    Oximeter,
    Spirometer,
    encode,
)

_TYPES = {
    ("ecg", "start"): (DeviceType.ECG, Ecg.START),
    ("ecg", "stop"): (DeviceType.ECG, Ecg.STOP),
    ("oximeter", "start"): (DeviceType.OXIMETER, Oximeter.START),
    ("oximeter", "stop"): (DeviceType.OXIMETER, Oximeter.STOP),
}


def can_switch(kind: str) -> bool:
    """Whether there are messages that start and stop units of this kind."""
    return (kind, "start") in _TYPES


def who_is_there(unit: int = CORE) -> bytes:
    """Ask a unit, or through the core all units, to identify themselves."""
    return encode(Message(DeviceType.SERVER, IDENTIFIER, SERVER, unit))


def switch(kind: str, name: str, unit: int) -> bytes:
    """Start or stop a unit.

    Raises
    ------
    KeyError : units of this kind are neither started nor stopped
    """
    device_type, message_type = _TYPES[kind, name]
    return encode(Message(device_type, message_type, SERVER, unit))


def ask_results(unit: int, ask: int) -> bytes:
    """Ask a spirometer how many results it has, and for all of them.

    ``ask`` comes back in the result header: an old header is no answer.
    """
    payload = ASK.pack(ask)
    message_type = Spirometer.RESULT_HEADER
    return encode(Message(DeviceType.SPIROMETER, message_type, SERVER, unit, payload))


def clear_memory(unit: int, count: int, ask: int) -> bytes:
    """Have a spirometer forget the results that it announced in answer to ``ask``."""
    payload = ANNOUNCED.pack(count, ask)
    return encode(Message(DeviceType.SPIROMETER, Spirometer.CLEAR, SERVER, unit, payload))
