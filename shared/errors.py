"""What can go wrong that a caller could not expect, in one small hierarchy.

A bad message is not an error: decoders and admission return a refusal. These classes are for
the rest, and each adapter translates what its library raises into one of them.
"""

from enum import StrEnum

from typing_extensions import override


class Dependency(StrEnum):
    """Something outside this process that may be away for a while."""

    RABBITMQ = "rabbitmq"
    POSTGRESQL = "postgresql"
    MQTT = "mqtt"
    HTTP = "http"
    DISK = "disk"


class VitalwireError(Exception):
    """Anything of ours that went wrong; catch a subclass of it."""


class Unavailable(VitalwireError):
    """A dependency does not answer now; the same again later may well work. Only this is retried.

    Parameters
    ----------
    dependency : what is away
    text : what was being done, to which identity
    """

    def __init__(self, dependency: Dependency, text: str = "") -> None:
        super().__init__(dependency, text)
        self.dependency = dependency
        self.text = text

    @override
    def __str__(self) -> str:
        return f"{self.dependency} is unavailable: {self.text}" if self.text else self.dependency


class Denied(VitalwireError):
    """Whoever asked may not do this."""


class NotFound(VitalwireError):
    """There is no such thing, or it may not be known."""


class Conflict(VitalwireError):
    """It cannot be done beside what is already there.

    Parameters
    ----------
    text : what was being done, to which identity
    constraint : name of the rule of the database that refused it, where there is one
    """

    def __init__(self, text: str = "", *, constraint: str | None = None) -> None:
        super().__init__(text)
        self.constraint = constraint


class Invalid(VitalwireError):
    """The values given make no sense here; the same again fails again.

    Parameters
    ----------
    text : what makes no sense
    reason : name of the rule that refused it, where there is one to tell
    """

    def __init__(self, text: str = "", *, reason: str | None = None) -> None:
        super().__init__(text)
        self.reason = reason


class Misconfigured(VitalwireError):
    """A setting, a file or the deployment is wrong; the service stops at its start and says so."""
