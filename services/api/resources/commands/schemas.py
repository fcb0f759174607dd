"""Commands to devices."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.api.parameters import Instant

LONGEST_S = 86_400


class CommandState(StrEnum):
    """How far a command has come."""

    QUEUED = "queued"
    WAITING = "waiting"
    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class NewCommand(BaseModel):
    """What a device shall do; names and values are those of its model (GET /v1/models)."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["identify"])
    args: dict[str, Any] = Field(default_factory=dict, max_length=20)
    expires_s: int = Field(
        default=60,
        strict=True,
        ge=1,
        le=LONGEST_S,
        description="A device that is away longer never runs it",
    )


class Command(BaseModel):
    """A command, and what became of it."""

    id: str
    device: str
    name: str
    args: dict[str, Any]
    state: CommandState = Field(
        description=(
            "queued: not taken by the gateway yet. waiting: the device is away. sent: no answer "
            "yet. expired: it has not run and never will. unknown: sent, and not answered in "
            "time; it may have run, and is known when the device comes back within a day (not of "
            "one that speaks its own protocol: nobody can ask it)"
        )
    )
    detail: str | None = Field(description="What the device said of it")
    requested_by: str
    requested_at: Instant
    expires: Instant
    sent_at: Instant | None
    finished_at: Instant | None


class CommandList(BaseModel):
    """A page of commands, the newest first."""

    items: list[Command]
    next: str | None
