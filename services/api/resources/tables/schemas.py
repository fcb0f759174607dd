"""Rows of the public tables."""

from pydantic import BaseModel, Field


class MeasureAnswer(BaseModel):
    """One vital sign: how it is called, coded and shown."""

    key: str
    label: str
    unit: str
    ucum: str
    loinc: str | None
    mdc: str | None
    mdc_code: int | None
    decimals: int
    low: float
    high: float
    least_quality: float
    interval_s: float
    stale_s: float
    is_code: bool = Field(description="Its values are no quantities: they have no mean")
    codes: list[str] = Field(description="Names of the values 1, 2, ... where each has one")
    adds_up: bool = Field(description="The sum of its values means something")


class MeasuresAnswer(BaseModel):
    """All vital signs."""

    items: list[MeasureAnswer]
    next: None = None


class StreamAnswer(BaseModel):
    """One sample stream."""

    key: str
    unit: str
    channels: list[str]
    waveform: bool


class StreamsAnswer(BaseModel):
    """All sample streams."""

    items: list[StreamAnswer]
    next: None = None
