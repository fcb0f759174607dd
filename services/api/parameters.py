"""Kinds of value in requests and answers, checked and described once for all resources."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Query
from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema

from shared.contracts.instants import DAY, HOUR, Interval, Microseconds, from_text
from shared.contracts.measures import MEASURES_BY_KEY
from shared.contracts.methods import METHODS
from shared.contracts.processing import RadarChain, SaturationCurve
from shared.contracts.streams import STREAMS_BY_KEY
from shared.errors import Invalid

LONGEST_HISTORY = Microseconds(31 * DAY)
LONGEST_EVENTS = Microseconds(366 * DAY)
LONGEST_VITALS = Microseconds(5 * 366 * DAY)
LONGEST_SAMPLES = Microseconds(1 * DAY)
DEFAULT_RANGE = Microseconds(1 * HOUR)
PAGE_MOST = 1_000
POINTS_MOST = 5_000
_EARLIEST_US = 0  # 1970
_LATEST_US = 4_102_444_800_000_000  # 2100-01-01
# RFC 3339; Python's own reader takes more (weeks, no separators).
_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def read_instant(text: str) -> str:
    """The text itself when it is a time by RFC 3339.

    Raises
    ------
    ValueError : it is none
    """
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("no time by RFC 3339, such as 2026-01-02T03:04:05.678901Z")
    _microseconds(text)
    return text


Instant = Annotated[
    str,
    Field(examples=["2026-01-02T03:04:05.678901Z"], json_schema_extra={"format": "date-time"}),
]
"""A time in an answer: RFC 3339, UTC, microseconds."""

_Time = Annotated[
    str,
    AfterValidator(read_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
OpenStart = Annotated[_Time | None, Query(alias="from", description="Beginning; open by default")]
OpenEnd = Annotated[
    _Time | None, Query(alias="to", description="End, not included; open by default")
]
Start = Annotated[
    _Time | None, Query(alias="from", description="Beginning; one hour before the end by default")
]
End = Annotated[_Time | None, Query(alias="to", description="End, not included; now by default")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """From when to when, as the request says it."""

    start: str | None
    end: str | None


def asked_range(start: Start = None, end: End = None) -> Asked:
    """The two ends of the range that a request asks for."""
    return Asked(start=start, end=end)


AskedRange = Annotated[Asked, Depends(asked_range)]
Points = Annotated[
    int, Query(ge=2, le=POINTS_MOST, description="Points that the answer has at most, about")
]
Limit = Annotated[int, Query(ge=1, le=PAGE_MOST, description="Items that the answer has at most")]
Cursor = Annotated[
    str | None,
    Query(max_length=200, description="`next` of the answer before", pattern=r"^[A-Za-z0-9_-]*$"),
]
PatientName = Annotated[
    str, Path(pattern=r"^p-[a-z0-9]{5,20}$", description="Key of a patient", examples=["p-7kd2m"])
]
WardName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$", description="Key of a ward")]
DeviceName = Annotated[
    str, Path(pattern=r"^[a-z0-9-]{3,40}$", description="The device's id on the wire")
]
DeviceQuery = Annotated[
    str | None,
    Query(pattern=r"^[a-z0-9-]{3,40}$", description="Only what this device gave"),
]
MeasureName = Annotated[
    str, Query(description="Key of a measure", json_schema_extra={"enum": list(MEASURES_BY_KEY)})
]
MethodName = Annotated[
    str | None,
    Query(
        description="Only what was computed by this method",
        json_schema_extra={"enum": [row.key for row in METHODS.values()]},
    ),
]
StreamName = Annotated[
    str,
    Query(
        description="Key of a sample stream",
        json_schema_extra={"enum": [row.key for row in STREAMS_BY_KEY.values()]},
    ),
]
IdempotencyKeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key makes the same request, sent again, happen once",
    ),
]


class Processing(BaseModel):
    """How samples are worked out; null where no samples are sent that would ask for it."""

    saturation_curve: SaturationCurve | None = Field(
        description="Curve from the ratio of ratios to oxygen saturation"
    )
    radar_chain: RadarChain | None = Field(description="Chains that run on I and Q")


def time_range(
    start: str | None, end: str | None, *, now_us: int, longest_us: int = LONGEST_HISTORY
) -> Interval:
    """The interval that a request asks for.

    Raises
    ------
    Invalid : it ends before it begins, is too long or lies outside of 1970 to 2100
    """
    end_us = now_us if end is None else _microseconds(end)
    start_us = end_us - DEFAULT_RANGE if start is None else _microseconds(start)
    if start_us > end_us:
        raise Invalid("`from` is later than `to`.", reason="range_reversed")
    if end_us - start_us > longest_us:
        raise Invalid(
            f"The range is longer than {longest_us // HOUR} hours; ask for it in parts.",
            reason="range_too_long",
        )
    if start_us < _EARLIEST_US or end_us > _LATEST_US:
        raise Invalid("The range is outside of 1970 to 2100.")
    return Interval(start=Microseconds(start_us), end=Microseconds(end_us))


def open_range(span: Asked) -> tuple[int | None, int | None]:
    """Both ends of a range that may be open.

    Raises
    ------
    Invalid : it ends before it begins
    """
    start_us = None if span.start is None else _microseconds(span.start)
    end_us = None if span.end is None else _microseconds(span.end)
    if start_us is not None and end_us is not None and start_us > end_us:
        raise Invalid("`from` is later than `to`.", reason="range_reversed")
    return start_us, end_us


def _microseconds(text: str) -> int:
    # Python reads six decimals; what is finer than a microsecond is cut off.
    cut = re.sub(r"(\.\d{6})\d+", r"\1", text.upper().replace(" ", "T"))
    return from_text(cut)
