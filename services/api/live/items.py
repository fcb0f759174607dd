"""What goes out over the live socket as text: values, events and alarms. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from services.api.core.alarm_view import alarm_view
from services.api.core.cursors import FeedCursor
from services.api.core.sight import SeenPatient
from services.api.live.waiting import VitalKey
from shared.contracts.events import Event, EventKind
from shared.contracts.identity import PatientKey
from shared.contracts.instants import to_text
from shared.contracts.measures import MEASURES
from shared.contracts.methods import METHODS
from shared.contracts.quality import Source, Validity, ValueFlag
from shared.contracts.records import Table

_MEASURES = {int(number): row for number, row in MEASURES.items()}
_METHODS = {int(number): row.key for number, row in METHODS.items()}
_VALIDITIES = {int(validity): validity.key for validity in Validity}
_REASONS = (
    (ValueFlag.LEAD_OFF, "lead_off"),
    (ValueFlag.NO_SAMPLES, "no_samples"),
    (ValueFlag.ARTEFACT, "artefact"),
    (ValueFlag.SETTLING, "settling"),
)
_MORE_DIGITS = 2  # of a value, over the decimals that people are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalItem:
    """One value, encoded once for all who watch it."""

    key: VitalKey
    t_us: int
    encoded: bytes


class VitalRow(NamedTuple):
    """One value as records and tables have it."""

    t: int
    value: float
    quality: float
    measure: int
    revision: int
    validity: int
    method: int
    flags: int


def vital_item(
    row: VitalRow, *, patient: str, device: str | None, order: int = 0
) -> VitalItem | None:
    """The value as it is sent; None for a measure or method that this version does not know.

    Parameters
    ----------
    order : place of the device among those of the patient
    """
    measure, method = _MEASURES.get(row.measure), _METHODS.get(row.method)
    if measure is None or method is None or row.validity not in _VALIDITIES:
        return None
    is_absent = row.value != row.value or row.validity == Validity.ABSENT
    source = Source.DEVICE if row.flags & ValueFlag.DEVICE else Source.COMPUTED
    encoded = orjson.dumps(
        {
            "patient": patient,
            "device": device,
            "measure": measure.key,
            "t": to_text(row.t),
            "value": None if is_absent else round(row.value, measure.decimals + _MORE_DIGITS),
            "quality": round(row.quality, 3),
            "validity": _VALIDITIES[row.validity],
            "method": method,
            "source": source.value,
            "revision": row.revision,
            "order": order,
            "reason": next((name for flag, name in _REASONS if row.flags & flag), None),
        }
    )
    return VitalItem(
        key=VitalKey(patient, device or "", measure.key, method), t_us=row.t, encoded=encoded
    )


def vital_items(
    table: Table,
    patient_key: Callable[[PatientKey], str | None],
    devices: Mapping[int, tuple[str, int]],
) -> Iterator[tuple[PatientKey, VitalItem]]:
    """The rows of a ``vitals.v1`` table as (patient row, item).

    Parameters
    ----------
    devices : name and place of each watched device
    """
    names = ("t", "value", "quality", "measure", "revision", "validity", "method", "flags")
    columns: list[Iterable[Any]] = [table[name].tolist() for name in names]
    patients, numbers = table["patient"].tolist(), table["device"].tolist()
    for patient, device, *values in zip(patients, numbers, *columns, strict=True):
        key = patient_key(patient)
        if key is None:
            continue
        name, order = devices.get(device, (None, 0))
        item = vital_item(VitalRow(*values), patient=key, device=name, order=order)
        if item is not None:
            yield patient, item


def event_identity(device: int | None, event_id: str) -> str:
    """What storage too takes for the identity of an event."""
    return f"{device or 0}/{event_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem:
    """One event with its place in the stream; alarms are events of kind ``alarm``."""

    cursor: FeedCursor
    event: Event

    @property
    def once(self) -> str:
        """The same for the same event told again."""
        return event_identity(self.event.device, self.event.id)

    @property
    def is_alarm(self) -> bool:
        """Whether it tells of an alarm."""
        return self.event.kind is EventKind.ALARM

    def message(self, subscription: str, patient: SeenPatient) -> bytes:
        """The message to a subscriber who sees this patient."""
        return orjson.dumps(
            {
                "id": subscription,
                "kind": "alarm" if self.is_alarm else "event",
                "cursor": str(self.cursor),
                "item": (
                    alarm_view(self.event.data, patient)
                    if self.is_alarm
                    else event_view(self.event, patient)
                ),
            }
        )


def event_view(event: Event, patient: SeenPatient) -> dict[str, Any]:
    """The event as people see it."""
    device = next((worn.device for worn in patient.devices if worn.id == event.device), None)
    return {
        "id": event.id,
        "t": to_text(event.t),
        "kind": event.kind.value,
        "severity": event.severity.value,
        "patient": patient.key,
        "device": device,
        "data": event.data,
        "text_key": event.text_key,
    }
