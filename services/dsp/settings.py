"""Settings of the signal processing."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from shared.runtime.settings import BrokerSettings, DatabaseSettings, ServiceSettings


class DspSettings(DatabaseSettings, BrokerSettings, ServiceSettings):
    """Read once at the start."""

    service: ClassVar[str] = "dsp"

    database_user: str = Field(default="vw_dsp", description="Role of this service")
    amqp_user: str = Field(default="vw_dsp", description="User of this service")
    database_pool_most: int = Field(default=8, ge=2, le=100, description="Connections at most")
    dsp_compute_interval_s: float = Field(
        default=0.5, ge=0, le=1, description="Between two computations of a lane that is not behind"
    )
    dsp_messages_most: int = Field(
        default=64, ge=1, le=1_000, description="Messages of a lane taken into one computation"
    )
    dsp_save_interval_s: float = Field(
        default=5.0, ge=0.05, le=60, description="Between two savings of a lane's position"
    )
    dsp_state_folder: Path | None = Field(
        default=None, description="Where the windows of lanes are kept over a restart, ours alone; "
        "none: they are rebuilt from some minutes of frames",
    )  # fmt: skip
    dsp_state_interval_s: float = Field(
        default=15.0,
        ge=0.05,
        le=600,
        description="Between two savings of a lane's windows, at least; "
        "of many devices up to a minute, so that they take a hundredth of the processor",
    )
    dsp_assignments_interval_s: float = Field(
        default=5.0, ge=0.1, le=300, description="Between two looks at who wears which device"
    )
    dsp_maps_interval_s: float = Field(
        default=5.0, ge=0.1, le=300, description="Between two looks for maps of places; less than "
        "the time from which a map holds after it was taken into use",
    )  # fmt: skip
    dsp_late_interval_s: float = Field(
        default=2.0, ge=0.05, le=60, description="Between two looks for late data to work in"
    )
    dsp_late_quiet_s: float = Field(
        default=5.0, ge=0, le=600, description="Late data of a device is worked in when so long "
        "nothing more came of it",
    )  # fmt: skip
    dsp_late_wait_s: float = Field(
        default=35.0, ge=0, le=3_600, description="Late data is worked into values older than "
        "this: live ones may be 30 s old themselves",
    )  # fmt: skip
