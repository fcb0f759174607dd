"""Desired and reported configuration."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from services.api.parameters import Instant


class Difference(BaseModel):
    """A key whose value in force is not the one that is wished."""

    name: str
    desired: Any
    reported: Any


class Configuration(BaseModel):
    """What is wished of a device, and what it says is in force."""

    device: str
    version: int = Field(description="Of what is wished; 0 before the first wish")
    desired: dict[str, Any]
    reported_version: int | None = Field(description="The version that the device has applied")
    reported: dict[str, Any] | None
    is_applied: bool = Field(description="The device has applied this version, without difference")
    differences: list[Difference]
    error: str | None = Field(description="Why the device could not apply a version")
    changed_by: str | None
    changed_at: Instant | None


class NewConfiguration(BaseModel):
    """The configuration as a whole; names and values are those of the model."""

    model_config = ConfigDict(extra="forbid")

    desired: dict[str, Any] = Field(max_length=100)


class ConfigurationPatch(RootModel[dict[str, Any]]):
    """Keys to change; null takes one away (a merge patch, RFC 7396)."""

    root: dict[str, Any] = Field(max_length=100, examples=[{"display_brightness": 40}])
