"""Devices."""

from pydantic import BaseModel, ConfigDict, Field

from services.api.parameters import Instant, Processing


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
    hub: str | None = Field(description="The hub that speaks for it, of a unit")
    processing: Processing = Field(description="By its model, and its own settings over that")


class DeviceList(BaseModel):
    """A page of devices, in the order of their names."""

    items: list[Device]
    next: str | None


class NewDevice(BaseModel):
    """A device that shall be known."""

    model_config = ConfigDict(extra="forbid")

    device: str = Field(
        min_length=3,
        max_length=40,
        pattern=r"^-?([a-z0-9]+-)*[a-z0-9]+-?$",
        description="Without two hyphens in a row: so units behind a hub are called",
    )
    model: str = Field(pattern=r"^[a-z0-9-]{1,80}$")
    simulated: bool = Field(default=False, strict=True)
    note: str | None = Field(default=None, max_length=1_000, pattern=r"^[^\x00]*$")


class DeviceSecret(BaseModel):
    """How a device logs in. The secret is given once and kept nowhere."""

    device: str
    username: str
    topic_root: str
    secret: str | None = Field(description="Null when the same request was answered before")


class NewDevices(BaseModel):
    """Devices that shall be known, all or none of them."""

    model_config = ConfigDict(extra="forbid")

    items: list[NewDevice] = Field(min_length=1, max_length=500)


class DeviceSecrets(BaseModel):
    """How devices log in. The secrets are given once and kept nowhere."""

    items: list[DeviceSecret]


class Rotation(BaseModel):
    """How long the secret before goes on working."""

    model_config = ConfigDict(extra="forbid")

    keep_old_s: int = Field(
        default=0,
        strict=True,
        ge=0,
        le=604_800,
        description=(
            "The new secret takes effect when it is confirmed, at the latest after so long. A "
            "broker knows one secret a device: the new one works from then on, not before"
        ),
    )


class RotatedSecret(DeviceSecret):
    """Another secret, and from when on it works."""

    takes_effect: Instant


class Confirmed(BaseModel):
    """A device whose new secret is in force."""

    device: str
    confirmed: bool = Field(description="False when no new one waited")


class Retired(BaseModel):
    """A device that is out of use for good. Its data stays."""

    device: str
    retired: bool = Field(description="False when it was retired before")


class RefusedCount(BaseModel):
    """Messages of a device that were refused for one reason."""

    reason: str
    count: int
    newest: Instant


class Counters(BaseModel):
    """What is counted of a device. A gateway that is killed loses the last seconds of it."""

    device: str
    messages: int
    refused: list[RefusedCount]
    online: bool
    last_seen: Instant | None
    buffered: int | None
    clock_offset_s: float | None = Field(
        description="UTC less the device's clock, of its newest power-up"
    )
    clock_correction_s: float | None = Field(description="Drift found since, applied on read")


class Revoked(BaseModel):
    """A device that can no longer log in."""

    device: str
    revoked: bool = Field(description="False when it had no credential")
