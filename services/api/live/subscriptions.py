"""Messages of a client of the live socket, checked; and what one subscription asks for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec

from services.api.core.cursors import FeedCursor
from shared.contracts.streams import STREAMS_BY_KEY
from shared.errors import Invalid

MOST_PATIENTS_NAMED = 1_000
_PatientName = Annotated[str, msgspec.Meta(pattern=r"^p-[a-z0-9]{5,20}$")]
_WardName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,40}$")]
_SubscriptionId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class What(StrEnum):
    """Kinds of thing that a subscription may bring."""

    VITALS = "vitals"
    ALARMS = "alarms"
    EVENTS = "events"
    WAVEFORMS = "waveforms"
    BEATS = "beats"


class WaveformFormat(StrEnum):
    """How waveforms travel."""

    BINARY = "binary"
    JSON = "json"


class _Message(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="op", forbid_unknown_fields=True
):
    """Something that a client says."""


class Auth(_Message, frozen=True, kw_only=True, tag="auth"):
    """The first message; later again, to go on with a newer token."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)]


class Subscribe(_Message, frozen=True, kw_only=True, tag="subscribe"):
    """Ask for patients named one by one, or for all of a ward that the user may see.

    ``streams`` limits the waveforms (none named: all), ``rate`` is an upper bound in samples a
    second, ``since`` a cursor after which alarms and events are told again.
    """

    id: _SubscriptionId
    patients: Annotated[tuple[_PatientName, ...], msgspec.Meta(max_length=MOST_PATIENTS_NAMED)] = ()
    ward: _WardName | None = None
    what: Annotated[frozenset[What], msgspec.Meta(min_length=1)]
    streams: Annotated[frozenset[str], msgspec.Meta(max_length=64)] = frozenset()
    rate: Annotated[float, msgspec.Meta(ge=1, le=100_000)] | None = None
    format: WaveformFormat = WaveformFormat.BINARY
    since: str | None = None

    @property
    def wants_feed(self) -> bool:
        """Whether it asks for what is told once each: alarms or events."""
        return What.ALARMS in self.what or What.EVENTS in self.what


class Unsubscribe(_Message, frozen=True, kw_only=True, tag="unsubscribe"):
    """End a subscription."""

    id: _SubscriptionId


class Ping(_Message, frozen=True, kw_only=True, tag="ping"):
    """Ask whether somebody is there."""


ClientMessage = Auth | Subscribe | Unsubscribe | Ping
_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)


def read_client_message(text: str) -> ClientMessage:
    """The message in a text.

    Raises
    ------
    Invalid : the text is no message, or asks for something that cannot be
    """
    try:
        message = _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise Invalid(str(error)) from error
    if isinstance(message, Subscribe):
        _check(message)
    return message


def read_subscription(
    fields: Mapping[str, object], *, without: frozenset[What] = frozenset()
) -> Subscribe:
    """The subscription of these fields, checked as one that a client says.

    Parameters
    ----------
    without : what this way does not carry

    Raises
    ------
    Invalid : it asks for something that cannot be
    """
    try:
        asked = msgspec.convert({"op": "subscribe", **fields}, Subscribe)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error
    _check(asked)
    if not without.isdisjoint(asked.what):
        raise Invalid(f"{', '.join(sorted(without))} do not travel this way")
    return asked


def _check(asked: Subscribe) -> None:
    if bool(asked.patients) == (asked.ward is not None):
        raise Invalid("name either patients or a ward")
    unknown = sorted(asked.streams - STREAMS_BY_KEY.keys())
    if unknown:
        raise Invalid(f"there is no stream {unknown[0][:40]!r}")
    if asked.since is not None:
        FeedCursor.parse(asked.since)
