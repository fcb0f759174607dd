"""Commands to devices, and what became of them."""

from enum import StrEnum
from typing import Any

import msgspec


class CommandOutcome(StrEnum):
    """How a command ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One command on ``commands.{lane}``; `expires` in us UTC, after which it must not run."""

    id: str
    device: int
    name: str
    expires: int
    requested_by: int
    args: dict[str, Any] = {}
