"""Wards, beds and who lies in them."""

from pydantic import BaseModel


class WardListItem(BaseModel):
    """One ward."""

    key: str
    name: str
    beds: int


class WardList(BaseModel):
    """The wards that the user may see."""

    items: list[WardListItem]
    next: None = None


class BedDevice(BaseModel):
    """A device at a bed."""

    device: str
    model: str
    streams: list[str]
    simulated: bool


class BedPatient(BaseModel):
    """Who lies in a bed, as shared screens show it."""

    key: str
    initials: str
    birth_year: int | None
    sex: str | None
    devices: list[BedDevice]


class Bed(BaseModel):
    """A bed; without a patient when it is free, or taken by somebody the user may not see."""

    key: str
    label: str
    patient: BedPatient | None


class WardAnswer(BaseModel):
    """A ward with all its beds."""

    key: str
    name: str
    simulated: bool
    beds: list[Bed]
