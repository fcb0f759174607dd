"""Told stances."""

from typing import Literal

from pydantic import BaseModel, Field

from services.api.parameters import Instant

State = Literal[
    "untold", "reading", "refused", "starting", "in_use", "ending", "taken_back", "ended"
]
Reason = Literal["no_samples", "moved", "upside_down"]


class Stance(BaseModel):
    """The newest stance that was told of a device."""

    device: str
    told_at: Instant | None = Field(description="End of the five seconds that the wearer stood")
    told_by: str | None
    state: State = Field(
        description=(
            "untold: sensors are taken to sit as their axes are named. reading: the samples of "
            "those seconds are awaited. refused: they say nothing, see "
            "`reason`; what was told before holds on. starting: holds within seconds. in_use: "
            "postures are told by it. ending: taken back, holds for seconds more. taken_back: "
            "sensors are taken to sit as their axes are named again. ended: the device was taken "
            "off since"
        )
    )
    reason: Reason | None = Field(description="Why the samples say nothing")
    used_from: Instant | None
    used_to: Instant | None = Field(description="Taken back: holds until then")
    taken_back_by: str | None
    chest_deg: float | None = Field(
        description="How far the sensor is from sitting as its axes are named (x up)"
    )
    thigh_deg: float | None
