"""Where patients are, and were."""

from pydantic import BaseModel, Field

from services.api.parameters import Instant
from shared.contracts.quality import Validity

Corners = list[tuple[float, float]]


class RoomSeen(BaseModel):
    """The room that somebody is thought to be in."""

    id: int = Field(description="The value of the vital sign `room`")
    name: str
    site: str
    floor: str
    quality: float = Field(description="About the share of such rooms that are right")


class Place(BaseModel):
    """Where somebody was at a moment; null where that was not known."""

    t: Instant
    device: str
    x: float | None = Field(description="m, on the map of the room's floor")
    y: float | None
    within_m: float | None = Field(description="Radius that holds the place in 95 of 100 cases")
    quality: float = Field(description="About the share of such places that are within 5 m")
    validity: str = Field(json_schema_extra={"enum": [one.key for one in Validity]})
    room: RoomSeen | None


class PlanRoom(BaseModel):
    """A room as it is drawn."""

    id: int
    name: str
    outline: Corners | None


class CurrentPlace(BaseModel):
    """The newest place of a patient."""

    patient: str
    at: Instant = Field(description="The server's time")
    place: Place | None = Field(description="null: none in the last hour")
    plan: list[PlanRoom] | None = Field(description="Rooms of the floor, where they were asked for")


class Track(BaseModel):
    """Places of an interval, the oldest first; where nothing was stored there is none."""

    patient: str
    items: list[Place]
    next: str | None
