"""Maps of measured places."""

from typing import Literal

from pydantic import BaseModel, Field

from services.api.parameters import Instant

State = Literal["kept", "starting", "in_use", "ended"]
Corners = list[tuple[float, float]]


class Room(BaseModel):
    """A room of a map."""

    id: int = Field(description="The value of the vital sign `room`")
    name: str
    outline: Corners | None = Field(description="Corners, x and y in m; null where not known")


class PlaceMap(BaseModel):
    """A version of the map of a floor."""

    id: int
    site: str
    floor: str
    version: int
    access_points: list[str]
    points: int = Field(description="Measured places")
    rooms: int
    made_by: str
    made_at: Instant
    state: State = Field(
        description=(
            "kept: never taken into use. starting: in use within seconds. in_use: places are told "
            "by it. ended: another one, or none, is in use"
        )
    )
    used_from: Instant | None
    used_to: Instant | None


class PlaceMapWithRooms(PlaceMap):
    """A map with its rooms, to draw it."""

    plan: list[Room]


class PlaceMapList(BaseModel):
    """A page of maps, the newest first."""

    items: list[PlaceMap]
    next: str | None
