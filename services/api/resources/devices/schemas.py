"""Devices."""

from pydantic import BaseModel, ConfigDict, Field

from services.api.parameters import Instant


class Device(BaseModel):
    """A device as the registry and the gateway know it."""

    device: str
    model: str
    simulated: bool
    online: bool
    last_seen: Instant | None
    battery_percent: float | None
    rssi_dbm: float | None
    buffered: int | None = Field(description="Messages that it keeps until they are stored")
    firmware: str | None
    patient: str | None = Field(description="Who wears it, as far as the user may see")
    has_credential: bool
    retired: bool
    note: str | None


class DeviceList(BaseModel):
    """A page of devices, in the order of their names."""

    items: list[Device]
    next: str | None


class NewDevice(BaseModel):
    """A device that shall be known."""

    model_config = ConfigDict(extra="forbid")

    device: str = Field(pattern=r"^[a-z0-9-]{3,40}$")
    model: str = Field(pattern=r"^[a-z0-9-]{1,80}$")
    simulated: bool = False
    note: str | None = Field(default=None, max_length=1_000, pattern=r"^[^\x00]*$")


class DeviceSecret(BaseModel):
    """How a device logs in. The secret is given once and kept nowhere."""

    device: str
    username: str
    topic_root: str
    secret: str | None = Field(description="Null when the same request was answered before")


class Revoked(BaseModel):
    """A device that can no longer log in."""

    device: str
    revoked: bool = Field(description="False when it had no credential")
