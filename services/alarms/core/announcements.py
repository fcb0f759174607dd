"""What is told of a changed alarm: an event to pages and tables, a notice to people elsewhere."""

from services.alarms.core.occurrence import Occurrence, Standing
from services.alarms.core.rules import Priority
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.notices import Notice

SOURCE = "alarms"
_SEVERITY = {
    Priority.HIGH: Severity.HIGH,
    Priority.MEDIUM: Severity.MEDIUM,
    Priority.LOW: Severity.LOW,
}


def event_of(alarm: Occurrence) -> Event:
    """The event of one change. Its id comes from the alarm and the count of its changes."""
    calls = alarm.state is Standing.ACTIVE
    return Event(
        id=event_id(SOURCE, alarm.id, alarm.revision),
        t=alarm.updated,
        kind=EventKind.ALARM,
        severity=_SEVERITY[alarm.priority] if calls else Severity.INFO,
        source=SOURCE,
        text_key=alarm.condition.value,
        device=alarm.device or None,
        patient=alarm.patient,
        data=alarm.as_data(),
    )


def notice_of(alarm: Occurrence) -> Notice | None:
    """The notice of an alarm that begins or comes back; none of low priority."""
    begins = alarm.revision == 1
    comes_back = alarm.state is Standing.ACTIVE and alarm.returned
    if alarm.priority is Priority.LOW or not (begins or comes_back):
        return None
    return Notice(
        id=event_id("notice", alarm.id, alarm.revision),
        t=alarm.updated,
        alarm=alarm.id,
        priority=alarm.priority.value,
        text_key=alarm.condition.value,
        patient=alarm.patient,
    )
