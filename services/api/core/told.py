"""What of an error may be told outside. Pure.

Our own refusals are written for people. What a driver said names tables, statements and hosts: it
is for the log.
"""

from shared.errors import Unavailable, VitalwireError

_DRIVERS = ("asyncpg", "aiormq")


def is_fault_of_ours(error: VitalwireError) -> bool:
    """Whether a driver refused what we asked of it: nothing that the caller could mend."""
    cause = error.__cause__
    by_driver = cause is not None and type(cause).__module__.startswith(_DRIVERS)
    return by_driver and not isinstance(error, Unavailable)


def told(error: VitalwireError) -> str:
    """The text for the outside."""
    if isinstance(error, Unavailable):
        return f"{error.dependency.value} does not answer now."
    return "A fault of ours; it is logged." if is_fault_of_ours(error) else str(error)
