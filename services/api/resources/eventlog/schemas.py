"""The event log."""

from typing import Any

from pydantic import BaseModel, Field

from services.api.parameters import Instant
from services.api.resources.eventlog.topics import Topic


class LogEntry(BaseModel):
    """Who did what, or what happened, when, with which outcome."""

    id: str
    t: Instant
    topic: Topic
    kind: str = Field(description="Kind of event, or the action of a person or program")
    severity: str
    source: str = Field(description="The service that tells it; api for what people did")
    by: str | None = Field(description="User name of who did it or asked for it")
    by_name: str | None = Field(description="What people call that user")
    outcome: str | None = Field(
        description=(
            "granted or refused; of a command its state, of an alarm its state; null for what "
            "only happened"
        )
    )
    reason: str | None = Field(description="Why it was done, or why it was refused")
    patient: str | None = Field(description="Of whom it tells, as far as the user may see")
    bed: str | None = Field(description="Where the patient lies now")
    device: str | None
    text_key: str
    data: dict[str, Any]


class EventLog(BaseModel):
    """A page of the log, the newest first."""

    items: list[LogEntry]
    next: str | None
