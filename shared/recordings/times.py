"""When a recording began: what its file says, by options of who brings it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadTimeError(ValueError):
    """A time cannot be read; the text says why."""


def start_option(options: Mapping[str, Any]) -> int | None:
    """The option ``start``: when the recording began, whatever the file says; us UTC.

    Raises
    ------
    BadTimeError : it is no RFC 3339 time
    """
    text = str(options.get("start") or "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadTimeError(f"start is {text[:40]!r}, not a time as 2026-01-31T12:00:00Z") from error
    return to_us(moment, options)


def to_us(moment: datetime, options: Mapping[str, Any]) -> int:
    """Microseconds UTC of a time; one without an offset is in that of option ``time_zone``.

    Raises
    ------
    BadTimeError : the zone is neither UTC nor an offset as +02:00
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_zone(str(options.get("time_zone") or "UTC")))
    return (moment - _EPOCH) // timedelta(microseconds=1)


def zone_us(text: str) -> int:
    """How far a zone is ahead of UTC.

    Raises
    ------
    BadTimeError : it is neither UTC nor an offset as +02:00
    """
    return _zone(text).utcoffset(None) // timedelta(microseconds=1)


def _zone(text: str) -> timezone:
    if text in {"UTC", "Z"}:
        return UTC
    found = _OFFSET.fullmatch(text)
    if found is None or int(found[2]) > 14 or int(found[3]) > 59:
        raise BadTimeError(f"time_zone is {text[:40]!r}, not UTC or an offset as +02:00")
    sign = -1 if found[1] == "-" else 1
    return timezone(sign * timedelta(hours=int(found[2]), minutes=int(found[3])))
