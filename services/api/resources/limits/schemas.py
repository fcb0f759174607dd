"""Alarm limits."""

import math

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.api.parameters import Instant
from shared.contracts.measures import MEASURES_BY_KEY


class Limit(BaseModel):
    """The limits of one measure that hold, and where they come from."""

    measure: str
    low: float | None
    high: float | None
    unit: str
    source: str
    enabled: bool
    delay_s: float | None
    reason: str | None
    version: int = Field(description="Of the patient's own limit; 0 where there is none")
    changed_by: str | None
    changed_at: Instant | None


class LimitList(BaseModel):
    """All limits of a patient."""

    items: list[Limit]
    next: None = None


class NewLimit(BaseModel):
    """A limit that somebody sets for a patient; null is no limit on that side."""

    model_config = ConfigDict(extra="forbid")

    measure: str = Field(json_schema_extra={"enum": list(MEASURES_BY_KEY)})
    low: float | None = Field(default=None, strict=True, ge=-1e6, le=1e6, allow_inf_nan=False)
    high: float | None = Field(default=None, strict=True, ge=-1e6, le=1e6, allow_inf_nan=False)
    enabled: bool = Field(default=True, strict=True)
    delay_s: float | None = Field(default=None, strict=True, ge=0, le=300, allow_inf_nan=False)
    reason: str | None = Field(default=None, max_length=1_000, pattern=r"^[^\x00]*$")

    @model_validator(mode="after")
    def _makes_sense(self) -> "NewLimit":
        row = MEASURES_BY_KEY.get(self.measure)
        if row is None:
            raise ValueError("there is no such measure")
        for value in (self.low, self.high):
            if value is not None and not row.low <= value <= row.high:
                raise ValueError(f"{row.label} is plausible from {row.low} to {row.high}")
        if (
            self.low is not None
            and self.high is not None
            and not (
                # PostgreSQL keeps them as 32-bit floats
                math.isfinite(self.high - self.low) and self.high - self.low > 1e-3
            )
        ):
            raise ValueError("the low limit is not below the high one")
        return self


class NewLimits(BaseModel):
    """The own limits of a patient as a whole; a measure that is not named loses its own."""

    model_config = ConfigDict(extra="forbid")

    items: list[NewLimit] = Field(max_length=len(MEASURES_BY_KEY))

    @model_validator(mode="after")
    def _each_once(self) -> "NewLimits":
        names = [limit.measure for limit in self.items]
        if len(set(names)) != len(names):
            raise ValueError("a measure stands twice")
        return self
