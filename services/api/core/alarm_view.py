"""An alarm as the api shows it, from what the alarms service tells. Pure.

The alarms service knows patients by their row; outside they have an opaque key, a ward and a bed,
which are those of the moment of showing.
"""

from collections.abc import Mapping
from typing import Any

from services.api.core.sight import SeenPatient
from shared.contracts.instants import to_text

_COPIED = (
    "id",
    "condition",
    "measure",
    "kind",
    "priority",
    "state",
    "value",
    "limit",
    "relation",
    "unit",
    "method",
    "acknowledged_by",
    "text_key",
)
_TIMES = ("since", "updated", "acknowledged_at", "paused_until")


def alarm_view(alarm: Mapping[str, Any], patient: SeenPatient) -> dict[str, Any]:
    """The alarm with patient, ward and bed as people know them; times as RFC 3339 text."""
    view: dict[str, Any] = {name: alarm.get(name) for name in _COPIED}
    view |= {name: _time(alarm.get(name)) for name in _TIMES}
    view["unsure"] = bool(alarm.get("unsure", False))
    view["derived"] = bool(alarm.get("derived", False))
    view["patient"] = patient.key
    view["ward"] = patient.ward.key if patient.ward else None
    view["bed"] = patient.bed.key if patient.bed else None
    return view


def _time(value: object) -> object:
    return to_text(value) if isinstance(value, int) else value
