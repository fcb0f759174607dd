"""How long the data of a patient is kept."""

from pydantic import BaseModel, ConfigDict, Field

from services.api.parameters import Instant


class NewRetention(BaseModel):
    """How long to keep, and why; the reason stays in the audit trail, so it names nobody."""

    model_config = ConfigDict(extra="forbid")

    keep_days: int = Field(strict=True, ge=1, le=36_500)
    reason: str = Field(min_length=3, max_length=1_000, pattern=r"^[^\x00]*$")


class Retention(BaseModel):
    """How long the data of a patient is kept; `keep_days` null: as long as that of all others."""

    patient: str
    keep_days: int | None
    changed_by: str | None
    changed_at: Instant | None
