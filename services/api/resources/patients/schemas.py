"""Patients as the api shows them."""

from datetime import date

from pydantic import BaseModel

from services.api.parameters import Instant


class PatientWard(BaseModel):
    """The ward in which a patient lies."""

    key: str
    name: str


class PatientBed(BaseModel):
    """The bed in which a patient lies."""

    key: str
    label: str


class DeviceStream(BaseModel):
    """A stream that a device sent lately; ``hz`` is null for single readings."""

    stream: str
    place: str
    hz: float | None
    channels: int


class PatientDevice(BaseModel):
    """A device that a patient wears."""

    device: str
    model: str
    online: bool
    streams: list[DeviceStream]
    simulated: bool
    battery_percent: float | None
    last_seen: Instant | None


class PatientLimit(BaseModel):
    """The limits of a measure that hold now, and where they come from."""

    measure: str
    low: float | None
    high: float | None
    unit: str
    source: str


class Patient(BaseModel):
    """A patient whom the user may see."""

    key: str
    initials: str
    name: str | None
    birth_date: date | None
    sex: str | None
    ward: PatientWard | None
    bed: PatientBed | None
    devices: list[PatientDevice]
    limits: list[PatientLimit]


class PatientList(BaseModel):
    """A page of patients."""

    items: list[Patient]
    next: str | None
