"""Settings of storage."""

from typing import ClassVar

from pydantic import Field

from shared.runtime.settings import BrokerSettings, DatabaseSettings, ServiceSettings


class StorageSettings(DatabaseSettings, BrokerSettings, ServiceSettings):
    """Read once at the start."""

    service: ClassVar[str] = "storage"

    database_user: str = Field(default="vw_storage", description="Role of this service")
    amqp_user: str = Field(default="vw_storage", description="User of this service")
    database_pool_most: int = Field(default=12, ge=2, le=100, description="Connections at most")
    storage_commit_interval_s: float = Field(
        default=0.5, ge=0, le=5, description="Between two commits of a stream that is not behind"
    )
    storage_commit_messages_most: int = Field(
        default=32, ge=1, le=1_000, description="Messages of a stream that share a commit"
    )
    storage_late_messages_most: int = Field(
        default=8, ge=1, le=1_000, description="The same for late data, which gives way to live"
    )
    storage_late_give_way_most_s: float = Field(
        default=1.0, ge=0, le=60, description="How long late data waits while live is behind"
    )
    storage_oldest_data_days: float = Field(
        default=400.0, gt=0, description="Older rows are kept aside as bad_time: bounds partitions"
    )
    storage_ahead_most_s: float = Field(
        default=3_600.0, ge=0, le=86_400, description="Rows further in the future: the same"
    )
    storage_known_boots_most: int = Field(
        default=200_000, ge=100, description="Boots of devices remembered a lane (100 B each)"
    )
    storage_known_values_most: int = Field(
        default=500_000, ge=100, description="Kinds of value remembered a lane for thinning"
    )
    storage_hot_hours: float = Field(
        default=3.0,
        ge=0,
        le=720,
        description="So long after its end an hour of frames is compressed to blocks",
    )
    storage_compaction_every_s: float = Field(
        default=60.0, ge=0.05, le=86_400, description="Between two looks for such hours"
    )
    storage_compaction_share: float = Field(
        default=0.5, gt=0, le=1, description="Of the time that compaction works while it has to"
    )
    storage_rollup_every_s: float = Field(
        default=10.0, ge=0.05, le=3_600, description="Between two looks for minutes to compute"
    )
    storage_rollup_settle_s: float = Field(
        default=30.0,
        ge=0,
        le=3_600,
        description="So long after its end a minute of vital signs is computed the first time",
    )
    storage_keep_blocks_days: float = Field(
        default=400.0, gt=0, description="Samples: older ones are removed, and not let in"
    )
    storage_keep_vitals_days: float = Field(
        default=400.0, gt=0, description="Vital signs of every five seconds: the same"
    )
    storage_keep_beats_days: float = Field(default=400.0, gt=0, description="Beats: the same")
    storage_keep_minutes_days: float = Field(
        default=1_100.0, gt=0, description="Minutes of vital signs"
    )
    storage_keep_hours_days: float = Field(
        default=3_650.0, gt=0, description="Hours of vital signs"
    )
    storage_keep_events_days: float = Field(default=3_650.0, gt=0, description="Events")
    storage_keep_conflicts_days: float = Field(
        default=365.0, gt=0, description="Frames that were kept aside"
    )
    storage_keep_commands_days: float = Field(
        default=365.0, ge=2, description="Commands to devices, and what became of them"
    )
    storage_retention_every_s: float = Field(
        default=3_600.0, ge=0.05, le=86_400, description="Between two looks for what is too old"
    )
    storage_erasure_every_s: float = Field(
        default=5.0,
        ge=0.05,
        le=15,
        description="Between two looks at which patients are to be erased",
    )
    storage_erasure_wait_s: float = Field(
        default=60.0,
        ge=0,
        le=86_400,
        description="Between the fence around a patient and the first removal: each replica has"
        " seen the fence by then",
    )
