"""Who is logged in."""

from pydantic import BaseModel


class OwnWard(BaseModel):
    """A ward by key and name."""

    key: str
    name: str


class MeAnswer(BaseModel):
    """The user, the role and the wards of the user's teams."""

    username: str
    display_name: str
    role: str
    permissions: list[str]
    wards: list[OwnWard]
