"""Erasures of patients."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.api.parameters import Instant


class NewErasure(BaseModel):
    """Why a patient is to be erased; it stays in the audit trail, so it names nobody."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=3, max_length=1_000, pattern=r"^[^\x00]*$")


class Erasure(BaseModel):
    """An ordered erasure and how far it is.

    `fenced`: nothing of the patient is let in any more. `erasing`: data is being removed.
    `done`: the certificate is the JSON text whose SHA-256 is given.
    """

    patient: str
    reason: str
    requested_by: str
    requested_at: Instant
    state: Literal["ordered", "fenced", "erasing", "done"]
    done_at: Instant | None
    certificate: str | None
    certificate_sha256: str | None


class ErasureList(BaseModel):
    """All ordered erasures, the newest first."""

    items: list[Erasure]
    next: None = None
