"""Events of what devices tell in their own protocol: one a note, the same when it comes again."""

from collections.abc import Mapping

from services.gateway.core.messages import Device
from shared.contracts.decoding import Decoded
from shared.contracts.events import Event, EventKind, EventMessage, Severity, event_id

SEVERITIES: Mapping[EventKind, Severity] = {
    EventKind.CARD_ERROR: Severity.MEDIUM,
    EventKind.FRONT_END_FAULT: Severity.MEDIUM,
    EventKind.SENSOR_FAULT: Severity.LOW,
    EventKind.BATTERY_LOW: Severity.LOW,
    EventKind.POSITION_WRONG: Severity.LOW,
    EventKind.LEAD_OFF: Severity.LOW,
    EventKind.UNIT_LEFT: Severity.LOW,
    EventKind.DEVICE_OFFLINE: Severity.LOW,
    EventKind.FILE_REFUSED: Severity.LOW,
}
"""Of what is not here people need only know."""


def events_of_notes(
    decoded: Decoded,
    device: Device,
    units: Mapping[str, Device],
    offset_us: int,
    *,
    is_ours: bool = False,
) -> list[Event]:
    """Give the events of a message, in the order of its notes.

    Parameters
    ----------
    units : devices behind the names of units; a note of another is told of the sender
    offset_us : of the clock of the sender, so that device time + offset = UTC
    is_ours : the identity was given by the gateway: nobody is told anything by it
    """
    boot, n = decoded.boot, decoded.n
    last = len(decoded.notes) - 1
    events: list[Event] = []
    for index, note in enumerate(decoded.notes):
        about = units.get(note.unit, device)
        data = {**note.data, "boot": boot, "n": n}
        if note.unit:
            data.setdefault("unit", note.unit)
        events.append(
            Event(
                id=event_id(device.key, boot, n, index, note.kind),
                t=decoded.t_us + offset_us + note.dt_us,
                kind=note.kind,
                severity=SEVERITIES.get(note.kind, Severity.INFO),
                source="gateway",
                text_key=note.kind.value,
                device=about.key,
                data=data,
                message=EventMessage(
                    boot=boot,
                    n=n,
                    settles=index == last and not decoded.frames and not is_ours,
                ),
            )
        )
    return events
