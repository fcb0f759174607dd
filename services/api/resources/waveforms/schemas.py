"""Stored samples."""

from pydantic import BaseModel, Field

from services.api.parameters import Instant


class Missing(BaseModel):
    """Points that are missing: indices ``[start, end)`` of a segment."""

    start: int
    end: int


class WaveformSegment(BaseModel):
    """Points without a hole in time, one list a channel; null where a sample is missing."""

    start: Instant
    values: list[list[float | None]]
    missing: list[Missing]


class Waveform(BaseModel):
    """A stream of a patient; between segments nothing was stored."""

    patient: str
    stream: str
    unit: str
    hz: float | None = Field(description="Points a second; null where nothing was stored")
    device_hz: float | None = Field(description="Samples a second that the device sent")
    device: str | None
    place: str | None
    channels: list[str]
    segments: list[WaveformSegment]
