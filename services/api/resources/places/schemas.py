"""Where patients are, and were."""

from pydantic import BaseModel, ConfigDict, Field

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


class DevicePlace(BaseModel):
    """The newest place that a device gave."""

    device: str
    at: Instant = Field(description="The server's time")
    patient: str | None = Field(description="Who wears it, as far as the user may see")
    place: Place | None = Field(description="null: none in the last hour, or not for this user")
    plan: list[PlanRoom] | None = Field(description="Rooms of the floor, where they were asked for")


class RoomTime(BaseModel):
    """How long somebody was in a room."""

    id: int = Field(description="The value of the vital sign `room`")
    name: str
    site: str
    floor: str
    seconds: float
    first: Instant = Field(description="When the first place there was told")
    last: Instant = Field(description="Until when the last one counts")


class Rooms(BaseModel):
    """Where a patient was in an interval, room by room, the longest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "patient": "p-7kd2m",
                    "from": "2026-01-02T00:00:00.000000Z",
                    "to": "2026-01-02T03:04:05.678901Z",
                    "known_s": 9_125.0,
                    "items": [
                        {
                            "id": 17,
                            "name": "Day room",
                            "site": "north",
                            "floor": "1",
                            "seconds": 9_125.0,
                            "first": "2026-01-02T00:31:12.000000Z",
                            "last": "2026-01-02T03:04:04.000000Z",
                        }
                    ],
                }
            ]
        }
    )

    patient: str
    start: Instant = Field(serialization_alias="from")
    end: Instant = Field(serialization_alias="to", description="Of what has passed")
    known_s: float = Field(description="Time for which a room is known")
    items: list[RoomTime]
