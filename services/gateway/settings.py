"""Settings of the gateway."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from shared.runtime.settings import (
    BrokerSettings,
    DatabaseSettings,
    MqttSettings,
    ServiceSettings,
)


class GatewaySettings(MqttSettings, DatabaseSettings, BrokerSettings, ServiceSettings):
    """Read once at the start."""

    service: ClassVar[str] = "gateway"

    gateway_keep_alive_s: int = Field(
        default=10, ge=2, le=300, description="MQTT keep-alive of each lane's session"
    )
    gateway_session_expiry_s: int = Field(
        default=86_400, ge=60, description="How long the broker keeps a lane's messages without us"
    )
    gateway_receive_max: int = Field(
        default=4_096, ge=16, le=65_535, description="Messages of a lane taken and unacknowledged"
    )
    gateway_packet_most_bytes: int = Field(
        default=16_777_216, ge=65_536, description="Longest MQTT packet; longer ones are dropped"
    )
    gateway_oldest_data_days: float = Field(
        default=366.0, gt=0, description="Older samples are refused as bad_time"
    )
    gateway_messages_per_s: float = Field(
        default=500.0, gt=0, description="Lasting rate of one device; more comes again later"
    )
    gateway_messages_burst: float = Field(
        default=2_000.0, ge=1, description="Messages of one device at once, after an outage"
    )
    gateway_stream_lag_most_bytes: int = Field(
        default=1_610_612_736,
        ge=1_048_576,
        description="Bytes of a lane ahead of storage at which reading stops: 3/4 of retention",
    )
    gateway_unconfirmed_most_bytes: int = Field(
        default=16_777_216, ge=131_072, description="Bytes of a lane on their way to RabbitMQ"
    )
    gateway_device_time_every_s: float = Field(
        default=3_600.0, gt=0, description="How often down/time tells each device the time"
    )
    gateway_password_file_out: Path | None = Field(
        default=None, description="mosquitto's password file, written from the registry"
    )
    gateway_password_base_file: Path | None = Field(
        default=None, description="Lines of service users that stand before the devices' in it"
    )
    gateway_mqtt_pid_file: Path | None = Field(
        default=None, description="mosquitto's pid file; SIGHUP makes it read the passwords again"
    )
