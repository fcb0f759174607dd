"""Events."""

from typing import Any

from pydantic import BaseModel

from services.api.parameters import Instant


class PatientEvent(BaseModel):
    """What happened; ``text_key`` names the text that tells it, ``data`` what goes into it."""

    id: str
    t: Instant
    kind: str
    severity: str
    patient: str
    device: str | None
    source: str
    data: dict[str, Any]
    text_key: str


class EventList(BaseModel):
    """A page of events, the newest first."""

    items: list[PatientEvent]
    next: str | None
