"""Vital signs over time."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.api.parameters import Instant

Validity = Literal["valid", "questionable", "stale", "absent"]
Source = Literal["computed", "device"]
_EXAMPLE: dict[str, Any] = {
    "patient": "p-7kd2m",
    "measure": "heart_rate",
    "unit": "/min",
    "from": "2026-01-02T03:00:00.000000Z",
    "to": "2026-01-02T04:00:00.000000Z",
    "resolution_s": 60,
    "points": [
        {
            "t": "2026-01-02T03:04:00.000000Z",
            "value": 71.4,
            "min": 66.0,
            "max": 93.5,
            "n": 12,
            "n_questionable": 0,
            "quality": 0.93,
            "validity": "valid",
            "source": "computed",
            "method": "ecg_beat_intervals",
            "device": "ecg-1",
        }
    ],
    "series": [{"device": "ecg-1", "method": "ecg_beat_intervals", "source": "computed", "n": 12}],
}


class VitalPoint(BaseModel):
    """One value, or the summary of a bucket that begins at ``t``; null where there was no number.

    A bucket is as doubtful as the most doubtful number in it. Where nothing was stored there is no
    point at all: a gap stays a gap.
    """

    t: Instant
    value: float | None = Field(
        description="The value, or the mean of the bucket; of codes (posture) the most frequent"
    )
    min: float | None = Field(description="Least value of the bucket, however coarse")
    max: float | None = Field(description="Greatest value of the bucket, however coarse")
    n: int = Field(description="Numbers that it stands for")
    n_questionable: int = Field(description="Those of them that are doubtful")
    quality: float = Field(description="0 to 1; the mean of the bucket")
    validity: Validity
    source: Source
    method: str
    device: str | None = Field(description="null: put together from several devices")
    total: float | None = Field(
        default=None, description="Sum of the numbers, of a measure that adds up (steps) only"
    )
    shares: dict[str, float] | None = Field(
        default=None,
        description="Share of each code among the numbers of a bucket, of a measure whose values "
        "are codes (posture, doing, effort) only",
    )


class Series(BaseModel):
    """One device and method that gave the measure in this range."""

    device: str | None
    method: str
    source: Source
    n: int = Field(description="Values in this range")


class Vitals(BaseModel):
    """A measure of a patient over time."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    patient: str
    measure: str
    unit: str
    start: Instant = Field(alias="from", description="Beginning of what was asked for")
    end: Instant = Field(alias="to", description="Its end, not included")
    resolution_s: int = Field(
        description="Length of a bucket, on whole multiples since 1970; 0: each value is given"
    )
    points: list[VitalPoint] = Field(description="The oldest first")
    series: list[Series] = Field(
        description="All that stand side by side; ask for one by `device` and `method`"
    )
