"""One alarm from its onset to its end, as tables and events carry it."""

from enum import StrEnum
from typing import Any

import msgspec

from services.alarms.core.rules import Condition, Kind, Priority, Relation
from shared.contracts.events import event_id


class Standing(StrEnum):
    """State of an alarm as people see it."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"  # the cause has ended, nobody has seen it
    ENDED = "ended"


class Ending(StrEnum):
    """Why an alarm is of the past."""

    CLEARED = "cleared"
    SEEN = "seen"
    AGAIN = "again"
    SWITCHED_OFF = "switched_off"


class Occurrence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alarm. Times in us UTC; `revision` counts its changes from 1.

    `value` is the worst so far, `limit` the one in force at the onset. `device` is 0 for what
    concerns the patient. `told_value_at` bounds how often a worse value is told,
    `returned` marks the one change by which it calls again after it was acknowledged.
    `method` is the key of the way by which `value` was computed; with `derived` nothing that sees
    the thing itself stands behind it.
    """

    id: str
    patient: int
    condition: Condition
    kind: Kind
    priority: Priority
    since: int
    updated: int
    revision: int = 1
    state: Standing = Standing.ACTIVE
    device: int = 0
    measure: str | None = None
    unit: str | None = None
    value: float | None = None
    limit: float | None = None
    relation: Relation | None = None
    limit_source: str | None = None
    method: str | None = None
    derived: bool = False
    unsure: bool = False
    acknowledged_by: int | None = None
    acknowledged_by_name: str | None = None
    acknowledged_at: int | None = None
    paused_until: int | None = None
    ended_at: int | None = None
    ended_because: Ending | None = None
    told_value_at: int = 0
    returned: bool = False

    def as_data(self) -> dict[str, Any]:
        """The alarm as its event carries it and the api shows it."""
        return {
            "id": self.id,
            "patient": self.patient,
            "device": self.device,
            "condition": self.condition.value,
            "measure": self.measure,
            "kind": self.kind.value,
            "priority": self.priority.value,
            "state": self.state.value,
            "value": self.value,
            "limit": self.limit,
            "relation": self.relation.value if self.relation else None,
            "unit": self.unit,
            "limit_source": self.limit_source,
            "method": self.method,
            "derived": self.derived,
            "since": self.since,
            "updated": self.updated,
            "revision": self.revision,
            "acknowledged_by": self.acknowledged_by_name,
            "acknowledged_at": self.acknowledged_at,
            "paused_until": self.paused_until,
            "unsure": self.unsure,
            "ended_because": self.ended_because.value if self.ended_because else None,
            "text_key": self.condition.value,
        }


def occurrence_id(patient: int, condition: Condition, device: int, since: int) -> str:
    """Id of an alarm, the same whenever the same onset is found again."""
    return event_id("alarm", patient, condition.value, device, since)
