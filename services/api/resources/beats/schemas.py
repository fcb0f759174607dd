"""Heart beats and pulses."""

from pydantic import BaseModel, Field

from services.api.parameters import Instant


class Beat(BaseModel):
    """One R peak or pulse foot; ``rr_ms`` is null after a gap."""

    t: Instant
    device: str
    kind: str
    beat_class: str = Field(serialization_alias="class")
    rr_ms: float | None
    quality: float


class BeatList(BaseModel):
    """A page of beats, the oldest first."""

    patient: str
    items: list[Beat]
    next: str | None
