"""Settings of the alarm service."""

from typing import ClassVar

from pydantic import Field

from shared.runtime.settings import BrokerSettings, DatabaseSettings, ServiceSettings


class AlarmSettings(DatabaseSettings, BrokerSettings, ServiceSettings):
    """The alarm service."""

    service: ClassVar[str] = "alarms"

    save_every_s: float = Field(
        default=5.0, gt=0, le=30, description="How often memories are saved when nothing happens; "
        "so much of the values is judged again after a restart",
    )  # fmt: skip
    registry_every_s: float = Field(
        default=2.0, gt=0, le=60, description="How soon a new limit or assignment is used"
    )
    actions_every_s: float = Field(
        default=0.5, gt=0, le=10, description="How soon an action taken elsewhere is carried out"
    )
    inputs_most: int = Field(
        default=64, ge=1, le=10_000, description="Messages that wait for the evaluation of a lane"
    )
