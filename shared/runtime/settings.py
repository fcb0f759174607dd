"""Settings of a service: read once at its start from the environment, then handed down as values.

A service composes its class from `ServiceSettings` and the parts it needs::

    class StorageSettings(DatabaseSettings, BrokerSettings, ServiceSettings):
        service: ClassVar[str] = "storage"
        commit_rows_most: int = Field(default=5_000, ge=1, description="...")

Secrets come from files that only their owner can read, never from the environment or argv.
"""

import os
import stat
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import Misconfigured
from shared.telemetry.logs import LogLevel

PREFIX = "VITALWIRE_"
S = TypeVar("S", bound="ServiceSettings")


class ServiceSettings(BaseSettings):
    """What every service has."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")
    service: ClassVar[str]

    instance: str = Field(
        default="", max_length=64, description="Name of this process; the service's by default"
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="Log lines below it are left")
    monitor_host: str = Field(default="127.0.0.1", description="Where metrics and health listen")
    monitor_port: int = Field(default=0, ge=0, le=65_535, description="0 takes a free port")
    shutdown_grace_s: float = Field(
        default=10.0, gt=0, le=300, description="From SIGTERM until what is left is cancelled"
    )
    trace_endpoint: AnyHttpUrl | None = Field(
        default=None, description="OTLP/HTTP collector of spans; none records nothing"
    )

    @model_validator(mode="before")
    @classmethod
    def _named_after_the_service(cls, values: dict[str, Any]) -> dict[str, Any]:
        names = {"instance": cls.service} | {
            field: f"vw_{cls.service}"
            for field in ("amqp_user", "database_user")
            if field in cls.model_fields
        }
        given = {name: value for name, value in values.items() if value != "" or name not in names}
        return {**names, **given}


class BrokerSettings(BaseSettings):
    """How to reach RabbitMQ."""

    amqp_host: str = Field(default="127.0.0.1", description="RabbitMQ's host")
    amqp_port: int = Field(default=5672, ge=1, le=65_535, description="RabbitMQ's AMQP port")
    amqp_vhost: str = Field(default="vitalwire", description="Virtual host of the deployment")
    amqp_user: str = Field(default="", description="User of this service, vw_{service} by default")
    amqp_password_file: Path | None = Field(default=None, description="File with its password")

    @property
    def amqp_password(self) -> SecretStr:
        """The password, read now from its file."""
        return read_secret(self.amqp_password_file, "AMQP_PASSWORD_FILE")


class DatabaseSettings(BaseSettings):
    """How to reach PostgreSQL."""

    database_host: str = Field(default="127.0.0.1", description="Host, or folder of the socket")
    database_port: int = Field(default=5432, ge=1, le=65_535, description="PostgreSQL's port")
    database_name: str = Field(default="vitalwire", description="Database of the deployment")
    database_user: str = Field(default="", description="Role of this service, vw_{service}")
    database_password_file: Path | None = Field(default=None, description="File with its password")
    database_pool_most: int = Field(default=4, ge=1, le=100, description="Connections at most")
    database_statement_timeout_s: float = Field(
        default=30.0, gt=0, le=3_600, description="A statement that takes longer is given up"
    )

    @property
    def database_password(self) -> SecretStr:
        """The password, read now from its file."""
        return read_secret(self.database_password_file, "DATABASE_PASSWORD_FILE")


class MqttSettings(BaseSettings):
    """How to reach the MQTT broker."""

    mqtt_host: str = Field(default="127.0.0.1", description="MQTT broker's host")
    mqtt_port: int = Field(default=1883, ge=1, le=65_535, description="MQTT broker's port")
    mqtt_user: str = Field(default="vw_gateway", description="User of this service")
    mqtt_password_file: Path | None = Field(default=None, description="File with its password")

    @property
    def mqtt_password(self) -> SecretStr:
        """The password, read now from its file."""
        return read_secret(self.mqtt_password_file, "MQTT_PASSWORD_FILE")


# One environment may serve several services: what belongs to a common part is known to all.
_COMMON: tuple[type[BaseSettings], ...] = (
    ServiceSettings,
    BrokerSettings,
    DatabaseSettings,
    MqttSettings,
)


def read_secret(path: Path | None, setting: str) -> SecretStr:
    """The secret that a file holds, without the line's end.

    Raises
    ------
    Misconfigured : no file is set, it cannot be read, is empty, or everybody may read it
    """
    if path is None:
        raise Misconfigured(f"set {PREFIX}{setting} to a file with the secret, mode 0600")
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise Misconfigured(f"{PREFIX}{setting}: cannot read {path}: {error.strerror}") from error
    if mode & stat.S_IRWXO:
        raise Misconfigured(f"{PREFIX}{setting}: everybody may read {path}; chmod 600 it")
    if not text:
        raise Misconfigured(f"{PREFIX}{setting}: {path} is empty")
    return SecretStr(text)


def read_settings(settings: type[S]) -> S:
    """The settings of a service from the environment.

    Raises
    ------
    Misconfigured : a value is out of bounds, or a `VITALWIRE_` name is unknown
    """
    parts: tuple[type[BaseSettings], ...] = (settings, *_COMMON)
    known = {f"{PREFIX}{name}".upper() for part in parts for name in part.model_fields}
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    if unknown:
        raise Misconfigured(f"{settings.service} knows no setting {', '.join(unknown)}")
    try:
        return settings()
    except ValidationError as error:
        told = "; ".join(
            f"{PREFIX}{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False)
        )
        raise Misconfigured(told) from error


def describe_settings(settings: ServiceSettings) -> str:
    """Each setting as one `NAME=value  # sentence` line; secrets are files, so only their paths."""
    lines = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        lines.append(
            f"{PREFIX}{name.upper()}={'' if value is None else value}  # {field.description}"
        )
    return "\n".join(lines)
