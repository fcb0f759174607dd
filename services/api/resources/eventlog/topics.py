"""THE table of what the event log tells: which kinds of event and which acts, under which topic.

Events come from the stream of events as storage keeps them, acts from the audit trail. Reads are no
acts: they are in the audit trail alone. A test demands a row for each kind and each action. Pure.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from services.api.audit import Action
from shared.contracts.events import EventKind


class Topic(StrEnum):
    """What a row of the log is about, as people look for it."""

    ALARM = "alarm"
    LIMITS = "limits"
    ASSIGNMENT = "assignment"
    COMMAND = "command"
    DEVICE = "device"
    CONNECTION = "connection"
    MEASUREMENT = "measurement"
    ACCOUNT = "account"
    SYSTEM = "system"


EVENTS: Mapping[EventKind, Topic] = {
    EventKind.ALARM: Topic.ALARM,
    EventKind.LEAD_OFF: Topic.MEASUREMENT,
    EventKind.LEAD_ON: Topic.MEASUREMENT,
    EventKind.SENSOR_FAULT: Topic.MEASUREMENT,
    EventKind.SAMPLES_MISSING: Topic.MEASUREMENT,
    EventKind.DEVICE_ONLINE: Topic.CONNECTION,
    EventKind.DEVICE_OFFLINE: Topic.CONNECTION,
    EventKind.BATTERY_LOW: Topic.DEVICE,
    EventKind.CLOCK_JUMP: Topic.DEVICE,
    EventKind.CLOCK_ABSURD: Topic.DEVICE,
    EventKind.MESSAGE_REFUSED: Topic.DEVICE,
    EventKind.IDENTITY_CONFLICT: Topic.DEVICE,
    EventKind.SESSION_LOST: Topic.SYSTEM,
    EventKind.STREAM_TRUNCATED: Topic.SYSTEM,
    EventKind.COMMAND_FINISHED: Topic.COMMAND,
    EventKind.UNIT_JOINED: Topic.CONNECTION,
    EventKind.UNIT_LEFT: Topic.CONNECTION,
    EventKind.STATUS_CHANGED: Topic.MEASUREMENT,
    EventKind.POSITION_WRONG: Topic.MEASUREMENT,
    EventKind.CARD_ERROR: Topic.DEVICE,
    EventKind.FRONT_END_FAULT: Topic.DEVICE,
    EventKind.RECORDING_MADE: Topic.MEASUREMENT,
    EventKind.FILE_STORED: Topic.MEASUREMENT,
    EventKind.FILE_REFUSED: Topic.MEASUREMENT,
    EventKind.MEMORY_CLEARED: Topic.COMMAND,
    EventKind.FALL: Topic.MEASUREMENT,
    EventKind.APNOEA: Topic.MEASUREMENT,
    EventKind.RHYTHM: Topic.MEASUREMENT,
    EventKind.SIGNAL_NOISE: Topic.MEASUREMENT,
    EventKind.SOURCES_DISAGREE: Topic.MEASUREMENT,
}
# Told of a person, not of a device: for those who care for the patient alone.
CLINICAL: frozenset[EventKind] = frozenset(
    {
        EventKind.ALARM,
        EventKind.POSITION_WRONG,
        EventKind.FALL,
        EventKind.APNOEA,
        EventKind.RHYTHM,
        EventKind.SOURCES_DISAGREE,
    }
)

ACTS: Mapping[Action, Topic] = {
    Action.ACKNOWLEDGE_ALARM: Topic.ALARM,
    Action.PAUSE_ALARMS: Topic.ALARM,
    Action.SET_LIMITS: Topic.LIMITS,
    Action.ASSIGN_DEVICE: Topic.ASSIGNMENT,
    Action.RELEASE_DEVICE: Topic.ASSIGNMENT,
    Action.CLAIM_DEVICE: Topic.ASSIGNMENT,
    Action.COMMAND_DEVICE: Topic.COMMAND,
    Action.CREATE_DEVICE: Topic.DEVICE,
    Action.ROTATE_CREDENTIAL: Topic.DEVICE,
    Action.REVOKE_DEVICE: Topic.DEVICE,
    Action.RETIRE_DEVICE: Topic.DEVICE,
    Action.CONFIGURE_DEVICE: Topic.DEVICE,
    Action.MAKE_CLAIM_CODE: Topic.DEVICE,
    Action.CHANGE_GROUP: Topic.DEVICE,
    Action.LOG_IN: Topic.ACCOUNT,
    Action.LOG_OUT: Topic.ACCOUNT,
    Action.REFRESH_REUSED: Topic.ACCOUNT,
    Action.AUTHENTICATE: Topic.ACCOUNT,
    Action.IMPORT_FILE: Topic.MEASUREMENT,
    Action.EXPORT: Topic.SYSTEM,
    Action.ERASE_PATIENT: Topic.SYSTEM,
    Action.SET_RETENTION: Topic.SYSTEM,
    Action.SET_LUNG_REFERENCE: Topic.LIMITS,
    Action.BRING_MAP: Topic.SYSTEM,
    Action.USE_MAP: Topic.SYSTEM,
    Action.REMOVE_MAP: Topic.SYSTEM,
    Action.TELL_STANCE: Topic.DEVICE,
    Action.TAKE_BACK_STANCE: Topic.DEVICE,
}
# What an alarm's own event tells better, with the name of who has seen it.
TOLD_BY_EVENT: frozenset[Action] = frozenset({Action.ACKNOWLEDGE_ALARM})
# Reads and what belongs to them; migration 0019 leaves them out of its indexes.
NO_ACTS: frozenset[Action] = frozenset(
    {action for action in Action if action.value.startswith("read_")}
    | {Action.WATCH, Action.REFRESH}
)

_TOLD: Mapping[str, tuple[str, ...]] = {
    Action.ACKNOWLEDGE_ALARM: ("alarm",),
    Action.PAUSE_ALARMS: ("minutes",),
    Action.SET_LIMITS: ("limits",),
    Action.COMMAND_DEVICE: ("command", "name"),
    Action.CONFIGURE_DEVICE: ("version",),
    Action.IMPORT_FILE: ("format", "bytes"),
    Action.CHANGE_GROUP: ("group", "belongs", "what"),
    Action.SET_RETENTION: ("keep_days",),
    Action.BRING_MAP: ("site", "floor"),
    Action.USE_MAP: ("map", "site"),
    Action.REMOVE_MAP: ("map", "site"),
}
_CLINICAL_DETAIL = frozenset({"limits"})


def kinds_of(topics: Collection[Topic] | None, kinds: Collection[str] | None) -> frozenset[str]:
    """Names of the events and acts that are under these topics and of these kinds; none: all."""
    everything = (*EVENTS.items(), *ACTS.items())
    return frozenset(
        str(name)
        for name, topic in everything
        if (topics is None or topic in topics) and (kinds is None or name in kinds)
    )


def topic_of(kind: str) -> Topic:
    """The topic of a row; one of a later version is of the system."""
    if kind in EVENTS:
        return EVENTS[EventKind(kind)]
    return ACTS.get(Action(kind), Topic.SYSTEM) if kind in set(Action) else Topic.SYSTEM


def told_of(action: str, detail: Mapping[str, Any], *, clinical: bool) -> dict[str, Any]:
    """What of an audit entry's detail goes into the log.

    Parameters
    ----------
    clinical : the reader cares for the patient
    """
    return {
        name: detail[name]
        for name in _TOLD.get(action, ())
        if name in detail and (clinical or name not in _CLINICAL_DETAIL)
    }
