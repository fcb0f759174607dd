"""Forced breaths, with what is expected of them."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.api.core.breath_sessions import Grade, Zone
from services.api.core.lung_function import HEIGHTS_CM, LungGroup
from services.api.parameters import Instant
from shared.contracts.forced_breaths import Fault

PEAK_FLOWS_L_MIN = (50.0, 1_200.0)  # up to what is plausible of the measure
Sex = Literal["female", "male", "other", "unknown"]
_EXAMPLE_FEV1 = {
    "measure": "fev1",
    "unit": "L",
    "value": 2.4,
    "predicted": 2.93,
    "lower_limit": 2.32,
    "percent_predicted": 81.9,
    "z_score": -1.43,
}
_EXAMPLE: dict[str, Any] = {
    "patient": "p-7kd2m",
    "reference": {
        "equations": "GLI-2012",
        "sex": "female",
        "birth_date": "1979-04-02",
        "height_cm": 168.0,
        "height_on": "2026-01-02",
        "group": "caucasian",
        "personal_best_l_min": None,
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
            "verdict": {"fev1": True, "fvc": False, "faults": ["early_end"]},
            "values": [_EXAMPLE_FEV1],
        }
    ],
    "sessions": [
        {
            "start": "2026-01-02T03:01:10.000000Z",
            "end": "2026-01-02T03:04:05.000000Z",
            "device": "flow-1",
            "method": "flow_blow",
            "breaths": 3,
            "fev1": {
                "grade": "A",
                "best": _EXAMPLE_FEV1,
                "apart_l": 0.03,
                "acceptable": 3,
                "usable": 3,
            },
            "fvc": {"grade": "U", "best": None, "apart_l": None, "acceptable": 0, "usable": 3},
            "fev1_fvc": None,
        }
    ],
    "standing": {
        "measure": "pef",
        "unit": "L/min",
        "value": 352.0,
        "personal_best": 462.0,
        "personal_best_t": "2025-12-20T07:12:40.000000Z",
        "percent": 76.2,
        "zone": "yellow",
        "days": 16,
        "days_needed": 14,
    },
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
    personal_best_l_min: float | None = Field(
        default=None, strict=True, ge=PEAK_FLOWS_L_MIN[0], le=PEAK_FLOWS_L_MIN[1],
        allow_inf_nan=False,
        description="Peak flow that zones go by; null: the best of 30 days; left out: as it is",
    )  # fmt: skip


class LungReference(BaseModel):
    """What the expectations rest on; nothing is expected while something is `missing`."""

    equations: str
    sex: str | None
    birth_date: date | None
    height_cm: float | None
    height_on: date | None
    group: LungGroup | None
    personal_best_l_min: float | None = Field(
        description="Peak flow that zones go by; null: the best of 30 days"
    )
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


class Verdict(BaseModel):
    """Whether a breath counts, by ATS/ERS 2019 as far as a flow tells it."""

    fev1: bool = Field(description="FEV1 is acceptable")
    fvc: bool = Field(
        description="FVC is acceptable. Near that of a breath before it in its session an early end"
        " is none"
    )
    faults: list[Fault] = Field(
        description="`slow_start`: more than 5 % of FVC and 0.1 L were out at time zero; `cough`:"
        " in the first second; `early_end`: more than 25 mL came in the last second of less than 15"
    )


class Blow(BaseModel):
    """One forced breath, as one device or method gave it."""

    t: Instant
    device: str | None
    method: str
    source: Literal["computed", "device"]
    quality: float = Field(description="The least of its numbers")
    validity: Literal["valid", "questionable", "stale", "absent"]
    age_years: float | None = Field(description="Of the patient, then")
    verdict: Verdict | None = Field(
        description="Null where nobody told how it was blown: a device that gives numbers only"
    )
    values: list[BlowValue]


class SessionResult(BaseModel):
    """How well the breaths of a session agree in one volume; null where nobody can say."""

    grade: Grade | None = Field(description="A to F and U, ATS/ERS 2019")
    best: BlowValue | None = Field(
        description="The largest acceptable one; the largest where nobody told which are"
    )
    apart_l: float | None = Field(description="How far the next one lies below it, in L")
    acceptable: int | None
    usable: int | None = Field(description="Acceptable ones are among them")


class BlowSession(BaseModel):
    """Breaths of one device and method, none more than 15 minutes after the one before."""

    start: Instant
    end: Instant
    device: str | None
    method: str
    breaths: int
    fev1: SessionResult
    fvc: SessionResult
    fev1_fvc: BlowValue | None = Field(description="Of both bests, whichever breaths they are of")


class Standing(BaseModel):
    """The newest session beside the personal best: of 30 days, the same device and method.

    A peak flow that somebody set is the personal best in its place.
    """

    measure: Literal["pef", "fev1"] = Field(description="`fev1` where there is no peak flow")
    unit: str
    value: float = Field(description="The best of the session")
    personal_best: float
    personal_best_t: Instant | None = Field(description="Null where somebody set it")
    percent: float
    zone: Zone | None = Field(
        description="From 80 percent on green, from 50 on yellow. Null instead of green while the"
        " personal best rests on fewer than `days_needed` days: it may be higher"
    )
    days: int = Field(description="With breaths, in UTC, of the 30 that it is the best of")
    days_needed: int


class Blows(BaseModel):
    """The forced breaths of a time and their sessions, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    patient: str
    reference: LungReference
    items: list[Blow]
    sessions: list[BlowSession] = Field(description="Those that end in the time asked for")
    standing: Standing | None = Field(description="Null where there is no session")
