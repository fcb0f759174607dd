"""Events of commands, and those that come from a dialogue and from no single message."""

from services.gateway.core.messages import Device, FinishedCommand
from services.gateway.core.note_events import SEVERITIES
from shared.contracts.commands import CommandOutcome
from shared.contracts.decoding import Note
from shared.contracts.events import Event, EventKind, Severity, event_id


def finished_event(command: FinishedCommand) -> Event:
    """Give the event that tells of a command which has ended."""
    failed = command.outcome not in (CommandOutcome.DONE, CommandOutcome.REFUSED)
    return Event(
        id=event_id(EventKind.COMMAND_FINISHED, command.id, command.outcome),
        t=command.finished_us,
        kind=EventKind.COMMAND_FINISHED,
        severity=Severity.LOW if failed else Severity.INFO,
        source="gateway",
        text_key=EventKind.COMMAND_FINISHED.value,
        device=command.device,
        data={
            "command": command.id,
            "name": command.name,
            "outcome": command.outcome.value,
            "detail": command.detail,
        },
    )


def told_event(note: Note, device: Device, now_us: int, number: int) -> Event:
    """Give the event that a dialogue tells of a device at this time, as its ``number``-th."""
    return Event(
        id=event_id(note.kind, device.key, note.unit, now_us, number),
        t=now_us + note.dt_us,
        kind=note.kind,
        severity=SEVERITIES.get(note.kind, Severity.INFO),
        source="gateway",
        text_key=note.kind.value,
        device=device.key,
        data={**note.data},
    )
