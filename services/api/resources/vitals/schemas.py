"""Vital signs over time."""

from pydantic import BaseModel, Field

from services.api.parameters import Instant


class VitalPoint(BaseModel):
    """One value, or the mean of a bucket that begins at ``t``; null where no number was given."""

    t: Instant
    value: float | None
    min: float | None
    max: float | None
    n: int = Field(description="Values that it stands for")
    quality: float = Field(description="0 to 1")
    validity: str
    source: str
    method: str
    device: str | None


class Vitals(BaseModel):
    """A measure of a patient over time. Where nothing was stored there is no point."""

    patient: str
    measure: str
    unit: str
    resolution_s: float = Field(description="Length of a bucket; 0 when each value is given")
    points: list[VitalPoint]
