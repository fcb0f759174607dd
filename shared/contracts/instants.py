"""Instants and intervals of time, in microseconds since 1970-01-01 UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NewType

Microseconds = NewType("Microseconds", int)
"""An instant (UTC, or a device's own clock where the name says so) or a span, in microseconds."""

SECOND = Microseconds(1_000_000)
MINUTE = Microseconds(60 * SECOND)
HOUR = Microseconds(60 * MINUTE)
DAY = Microseconds(24 * HOUR)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Half-open span of time, [start, end)."""

    start: Microseconds
    end: Microseconds

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"interval ends at {self.end}, before its start {self.start}")

    def __contains__(self, t: int) -> bool:
        return self.start <= t < self.end


def to_text(t: int) -> str:
    """RFC 3339 text of an instant, UTC, six decimals: ``2026-01-02T03:04:05.678901Z``."""
    moment = _EPOCH + timedelta(microseconds=int(t))
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> Microseconds:
    """Instant of an RFC 3339 text.

    Raises
    ------
    ValueError : the text is no time, or has no offset to UTC
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text!r} does not tell its offset to UTC")
    return Microseconds((moment - _EPOCH) // timedelta(microseconds=1))
