"""Forced breaths, with what is expected of them."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.api.core.lung_function import HEIGHTS_CM, LungGroup
from services.api.parameters import Instant

Sex = Literal["female", "male", "other", "unknown"]
_EXAMPLE: dict[str, Any] = {
    "patient": "p-7kd2m",
    "reference": {
        "equations": "GLI-2012",
        "sex": "female",
        "birth_date": "1979-04-02",
        "height_cm": 168.0,
        "height_on": "2026-01-02",
        "group": "caucasian",
        "missing": [],
    },
    "items": [
        {
            "t": "2026-01-02T03:04:05.000000Z",
            "device": "flow-1",
            "method": "flow_blow",
            "source": "computed",
            "quality": 0.95,
            "validity": "valid",
            "age_years": 46.75,
            "values": [
                {
                    "measure": "fev1",
                    "unit": "L",
                    "value": 2.4,
                    "predicted": 2.93,
                    "lower_limit": 2.32,
                    "percent_predicted": 81.9,
                    "z_score": -1.43,
                }
            ],
        }
    ],
}


class NewLungReference(BaseModel):
    """By what the breaths of a patient are judged."""

    model_config = ConfigDict(extra="forbid")

    height_cm: float = Field(
        strict=True, ge=HEIGHTS_CM[0], le=HEIGHTS_CM[1], allow_inf_nan=False,
        description="Standing, without shoes",
    )  # fmt: skip
    height_on: date = Field(description="When it was measured: children grow")
    group: LungGroup = Field(description="As the equations know it; `other` where none fits")
    sex: Sex | None = Field(default=None, description="Of the patient; left out: as it is")
    birth_date: date | None = Field(
        default=None, description="Of the patient; left out: as it is. Alarm limits go by it too"
    )


class LungReference(BaseModel):
    """What the expectations rest on; nothing is expected while something is `missing`."""

    equations: str
    sex: str | None
    birth_date: date | None
    height_cm: float | None
    height_on: date | None
    group: LungGroup | None
    missing: list[Literal["sex", "birth_date", "height"]]


class BlowValue(BaseModel):
    """One number of a breath; what is expected is null where nobody can say."""

    measure: str
    unit: str
    value: float
    predicted: float | None
    lower_limit: float | None = Field(description="Fifth percentile of healthy people")
    percent_predicted: float | None
    z_score: float | None


class Blow(BaseModel):
    """One forced breath, as one device or method gave it."""

    t: Instant
    device: str | None
    method: str
    source: Literal["computed", "device"]
    quality: float = Field(description="The least of its numbers")
    validity: Literal["valid", "questionable", "stale", "absent"]
    age_years: float | None = Field(description="Of the patient, then")
    values: list[BlowValue]


class Blows(BaseModel):
    """The forced breaths of a time, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    patient: str
    reference: LungReference
    items: list[Blow]
