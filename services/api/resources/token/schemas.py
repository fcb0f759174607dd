"""Bodies of log-in."""

from typing import Literal

from pydantic import BaseModel, Field


class TokenAnswer(BaseModel):
    """An access token; the refresh token travels in the cookie only."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = Field(description="Seconds")
