"""Groups of devices."""

from pydantic import BaseModel, ConfigDict, Field


class Group(BaseModel):
    """Devices that are managed together."""

    key: str
    name: str
    devices: list[str] = Field(description="Names of its devices, in their order")


class GroupList(BaseModel):
    """All groups, in the order of their keys."""

    items: list[Group]
    next: str | None


class NewGroup(BaseModel):
    """A group that shall be."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
