"""What loops and adapters hand to each other: positions, spans of time, values to give out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.dsp.core.lane import LateSamples
from shared.contracts.events import Event
from shared.contracts.records import Table


class Position(NamedTuple):
    """Where a replay begins, and up to which message output was given out.

    `watermark_us` is the time of arrival that the lane had reached then.
    """

    replay_offset: int
    given_offset: int
    watermark_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Late samples with the message that storage must have before they can be read back."""

    samples: LateSamples
    offset: int


class Values(NamedTuple):
    """What goes out together: rows of ``vitals.v1`` (without patient), of ``beats.v1``, events."""

    vitals: Table
    beats: Table
    events: Sequence[Event]


class Span(NamedTuple):
    """Time of one stream of one device that has to be computed again."""

    device: int
    stream: int
    start_us: int
    end_us: int


class Waiting(NamedTuple):
    """A span that waits.

    Attributes
    ----------
    shown_us : values before this time are computed with it; None: none yet
    noted_at : tells it from the same span noted again
    """

    span: Span
    shown_us: int | None
    noted_at: datetime


class Later(NamedTuple):
    """What waits was worked in up to a time; it is due again later."""

    waiting: Waiting
    shown_us: int
    due_us: int


class Reached(NamedTuple):
    """What a lane has taken: all messages up to an offset, all that arrived before a time."""

    offset: int
    time_us: int
