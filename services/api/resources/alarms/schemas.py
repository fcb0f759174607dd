"""Alarms and what people do to them."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.api.parameters import Asked, Instant


class Alarm(BaseModel):
    """One alarm. ``cleared``: its cause has ended, nobody has seen it; ``ended``: of the past.

    ``method`` is the way by which ``value`` was computed; ``derived``: from what the thing does to
    another signal, and no sensor that sees it stands behind the value.
    """

    id: str
    patient: str
    ward: str | None
    bed: str | None
    condition: str
    measure: str | None
    kind: Literal["physiological", "technical"]
    priority: Literal["high", "medium", "low"]
    state: Literal["active", "acknowledged", "cleared", "ended"]
    value: float | None
    limit: float | None
    relation: Literal["<", ">"] | None
    unit: str | None
    method: str | None
    derived: bool
    since: Instant
    updated: Instant
    acknowledged_by: str | None
    acknowledged_at: Instant | None
    paused_until: Instant | None
    unsure: bool
    text_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFilter:
    """Which alarms are asked for."""

    past_too: bool
    ward: str | None
    patient: str | None
    priority: str | None
    span: Asked


class AlarmList(BaseModel):
    """A page of alarms, the newest first."""

    items: list[Alarm]
    next: str | None


class Pause(BaseModel):
    """Whose alarm sound shall rest, and for how long: a patient's or a whole ward's."""

    model_config = ConfigDict(extra="forbid", strict=True)

    patient: str | None = Field(default=None, pattern=r"^p-[a-z0-9]{5,20}$")
    ward: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,40}$")
    minutes: Literal[1, 2, 3]

    @model_validator(mode="after")
    def _one_of_both(self) -> "Pause":
        if (self.patient is None) == (self.ward is None):
            raise ValueError("name either a patient or a ward")
        return self


class Paused(BaseModel):
    """Until when the alarm sound rests, and of whom."""

    until: Instant
    patients: list[str]
