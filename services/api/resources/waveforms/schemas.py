"""Stored samples."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.api.parameters import Instant

_EXAMPLE: dict[str, Any] = {
    "patient": "p-7kd2m",
    "stream": "ecg",
    "unit": "mV",
    "from": "2026-01-02T03:04:05.000000Z",
    "to": "2026-01-02T03:04:05.020000Z",
    "hz": 250.0,
    "device_hz": 250.0,
    "device": "ecg-1",
    "place": "chest",
    "channels": ["I"],
    "segments": [
        {
            "start": "2026-01-02T03:04:05.000000Z",
            "hz": 250.0,
            "device": "ecg-1",
            "values": [[0.012, 0.019, None, 0.874, 0.31]],
            "missing": [{"start": 2, "end": 3}],
        }
    ],
    "sources": [
        {
            "device": "ecg-1",
            "place": "chest",
            "hz": 250.0,
            "channels": ["I"],
            "n_samples": 250,
            "from": "2026-01-02T03:04:05.000000Z",
            "to": "2026-01-02T03:04:06.000000Z",
        }
    ],
}


class Missing(BaseModel):
    """Points that are missing: indices ``[start, end)`` of a segment."""

    start: int
    end: int


class WaveformSegment(BaseModel):
    """Points without a hole in time, one list a channel; null where a sample is missing.

    Point i stands at ``start`` + i / ``hz``. Thinned, each pair of points is the least and the
    greatest sample of its bucket in the order in which they came (from far, in
    buckets of whole minutes: the least first).
    """

    start: Instant
    hz: float = Field(description="Points a second")
    device: str
    values: list[list[float | None]]
    missing: list[Missing]


class WaveformSource(BaseModel):
    """What one device sent of the stream while the patient wore it."""

    device: str
    place: str
    hz: float = Field(description="Samples a second")
    channels: list[str]
    n_samples: int = Field(description="Stored samples a channel, about")
    start: Instant = Field(alias="from")
    end: Instant = Field(alias="to")


class Waveform(BaseModel):
    """A stream of a patient; between segments nothing was stored.

    ``hz``, ``device_hz``, ``device``, ``place`` and ``channels`` are of the source with most
    samples, null or empty where nothing was stored.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    patient: str
    stream: str
    unit: str
    start: Instant = Field(alias="from", description="Beginning of what was asked for")
    end: Instant = Field(alias="to", description="Its end, not included")
    hz: float | None = Field(description="Points a second of its first segment")
    device_hz: float | None = Field(description="Samples a second that the device sent")
    device: str | None
    place: str | None
    channels: list[str]
    segments: list[WaveformSegment] = Field(description="The oldest first")
    sources: list[WaveformSource] = Field(
        description="All that sent the stream in this range; ask for one by `device`"
    )
