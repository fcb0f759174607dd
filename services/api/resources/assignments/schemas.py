"""Assignments and claims."""

from pydantic import BaseModel, ConfigDict, Field

from services.api.parameters import Instant


class Assignment(BaseModel):
    """A device on a patient, from and until."""

    patient: str
    device: str
    model: str
    starts: Instant
    ends: Instant | None
    assigned_by: str


class AssignmentList(BaseModel):
    """The assignments of a patient, the newest first."""

    items: list[Assignment]
    next: str | None


class NewAssignment(BaseModel):
    """A device that a patient shall wear from now on."""

    model_config = ConfigDict(extra="forbid")

    device: str = Field(pattern=r"^[a-z0-9-]{3,40}$")


class NewClaimCode(BaseModel):
    """For how long a device may be claimed."""

    model_config = ConfigDict(extra="forbid")

    expires_s: int = Field(default=900, strict=True, ge=60, le=86_400)


class ClaimCode(BaseModel):
    """A code that is shown once; it works once, and five wrong ones end it."""

    device: str
    code: str = Field(examples=["7KD2-M0QX"])
    expires: Instant


class Claim(BaseModel):
    """A device that somebody has in hand, and for whom."""

    model_config = ConfigDict(extra="forbid")

    device: str = Field(pattern=r"^[a-z0-9-]{3,40}$")
    code: str = Field(
        min_length=8, max_length=20, pattern=r"^[A-Za-z0-9 -]*$", examples=["7KD2-M0QX"]
    )
    patient: str = Field(pattern=r"^p-[a-z0-9]{5,20}$")
