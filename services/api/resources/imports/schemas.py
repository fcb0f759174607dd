"""Recordings that people bring, and files of devices."""

from pydantic import BaseModel, Field

from services.api.parameters import Instant
from shared.contracts.file_reading import FileState


class Import(BaseModel):
    """A file, and what became of it."""

    id: str
    device: str
    name: str
    format: str
    bytes: int
    state: FileState = Field(
        description=(
            "receiving: parts are missing. complete: it waits to be read. reading: it is read, or "
            "its samples are on their way. stored: all of it is. refused: nothing of it is"
        )
    )
    reason: str | None = Field(description="Why it was refused")
    detail: str | None
    line: int | None = Field(description="Where it is bad, of a file of lines")
    offset: int | None = Field(description="Where it is bad, in bytes")
    frames: int
    pieces: int = Field(description="What it is stored in; 0 before it is read")
    stored_pieces: int
    recorded_from: Instant | None
    recorded_to: Instant | None
    sent_by: str | None = Field(description="Who brought it; null where the device sent it")
    at: Instant
    finished_at: Instant | None


class ImportList(BaseModel):
    """A page of files of a device, the newest first."""

    items: list[Import]
    next: str | None
