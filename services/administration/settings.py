"""Settings of the administrator's tools."""

from typing import ClassVar

from pydantic import Field

from shared.runtime.settings import BrokerSettings, DatabaseSettings, ServiceSettings

MIB = 1024 * 1024


class AdministrationSettings(DatabaseSettings, BrokerSettings, ServiceSettings):
    """Read once at the start of a tool."""

    service: ClassVar[str] = "admin"

    lanes: int = Field(
        default=2, ge=1, le=64, description="Lanes of a deployment that has no streams yet"
    )
    retention_frames_mib: int = Field(
        default=2_048, ge=16, description="What each frames stream keeps"
    )
    retention_late_mib: int = Field(default=1_024, ge=16, description="What each late stream keeps")
    retention_vitals_mib: int = Field(
        default=512, ge=16, description="What each vitals stream keeps"
    )
    retention_events_mib: int = Field(
        default=256, ge=16, description="What the events stream keeps"
    )
    attempts_most: int = Field(
        default=60, ge=1, le=10_000, description="Attempts to reach RabbitMQ, a second apart"
    )
    backup_jobs: int = Field(
        default=2, ge=1, le=64, description="Tables that a backup or restore works on at once"
    )
    backup_timeout_s: float = Field(
        default=86_400.0, gt=0, description="A backup or restore that takes longer is given up"
    )
