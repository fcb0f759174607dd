"""Events on their way to ``signal.event``, and what PostgreSQL could not hold."""

from typing import NamedTuple

import msgspec

from shared.contracts.events import Event, decode_event
from shared.contracts.identity import MAX_UINT32
from shared.contracts.parking import Reason

INT4_MOST = 2**31 - 1
INT8_MOST = 2**63 - 1
TEXT_MOST = 1_000
DATA_BYTES_MOST = 65_536
COLUMNS = (
    "device_id", "id", "patient_id", "t", "kind", "severity", "source", "text_key", "data",
    "incarnation", "stream_offset",
)  # fmt: skip
"""Columns of ``signal.event`` in the order in which rows are written."""


class EventRow(NamedTuple):
    """One row of ``signal.event``; the fields are its columns."""

    device_id: int
    id: str
    patient_id: int
    t: int
    kind: str
    severity: str
    source: str
    text_key: str
    data: str
    incarnation: int
    stream_offset: int


class RefusedEvent(NamedTuple):
    """An event that cannot be stored, with the reason."""

    reason: Reason
    detail: str


class SettledMessage(NamedTuple):
    """A message of a device of which everything is stored with one of its events."""

    device: int
    boot: int
    n: int


def settled_by(body: bytes) -> SettledMessage | None:
    """Give the message of a device that is stored with this event, if it settles one."""
    if b'"settles":true' not in body:
        return None  # nearly all events
    try:
        event = decode_event(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    message = event.message
    if message is None or not message.settles or event.device is None:
        return None
    if not all(0 <= number <= MAX_UINT32 for number in (event.device, message.boot, message.n)):
        return None
    return SettledMessage(event.device, message.boot, message.n)


def event_row(body: bytes, *, incarnation: int, stream_offset: int) -> EventRow | RefusedEvent:
    """The row of an event, checked so that PostgreSQL takes it."""
    try:
        event = decode_event(body)
        data = msgspec.json.encode(event.data).decode()
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return RefusedEvent(Reason.MALFORMED, str(error)[:200])
    fault = _fault(event, data)
    if fault is not None:
        return fault
    return EventRow(
        event.device or 0, event.id, event.patient or 0, event.t, event.kind.value,
        event.severity.value, event.source, event.text_key, data, incarnation, stream_offset,
    )  # fmt: skip


def _fault(event: Event, data: str) -> RefusedEvent | None:
    texts = (event.id, event.source, event.text_key)
    if any("\0" in text for text in texts) or "\\u0000" in data:
        return RefusedEvent(Reason.MALFORMED, "a text holds the character NUL")
    if not event.id or any(len(text) > TEXT_MOST for text in texts):
        return RefusedEvent(Reason.MALFORMED, f"a text is empty or above {TEXT_MOST} characters")
    if len(data) > DATA_BYTES_MOST:
        return RefusedEvent(Reason.TOO_LARGE, f"data has {len(data)} bytes")
    if not all(0 <= (number or 0) <= INT4_MOST for number in (event.device, event.patient)):
        return RefusedEvent(Reason.BAD_IDENTITY, "no row of the registry has such a number")
    if not 0 <= event.t <= INT8_MOST:
        return RefusedEvent(Reason.BAD_TIME, f"t {event.t}")
    return None
