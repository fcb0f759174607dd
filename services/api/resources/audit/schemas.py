"""Entries of the audit trail."""

from typing import Any

from pydantic import BaseModel

from services.api.parameters import Instant


class Entry(BaseModel):
    """Who did what to what, with which outcome, from where."""

    chain: str
    n: int
    t: Instant
    actor: str
    action: str
    resource: str
    outcome: str
    patient: str | None
    device: str | None
    reason: str | None
    origin: str | None
    request_id: str | None
    detail: dict[str, Any]


class EntryList(BaseModel):
    """A page of entries, the newest first."""

    items: list[Entry]
    next: str | None
