"""What the loops of the signal processing need of the world."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.exchange import Later, Noted, Position, Span, Values, Waiting
from shared.contracts.frames import FrameBatch
from shared.contracts.identity import Lane
from shared.contracts.records import Table


class StreamMessage(Protocol):
    """One message of a stream."""

    @property
    def offset(self) -> int:
        """Its place in the stream."""

    @property
    def body(self) -> bytes:
        """The bytes."""


class Discontinuity(Protocol):
    """What a reader found between two batches that do not follow each other."""

    @property
    def fault(self) -> str:
        """Name of what happened."""

    @property
    def expected(self) -> int:
        """Offset that should have come."""

    @property
    def found(self) -> int:
        """Offset that came."""


class StreamBatch(Protocol):
    """What was there to be read: at least one message."""

    @property
    def messages(self) -> Sequence[StreamMessage]:
        """In the order of the stream."""

    @property
    def discontinuity(self) -> Discontinuity | None:
        """What lies between the batch before and this one."""


class Source(Protocol):
    """One stream from an offset on."""

    @property
    def is_at_end(self) -> bool:
        """Whether everything that there is was given."""

    def batches(self, *, until: asyncio.Event) -> AsyncIterator[StreamBatch]:
        """What comes, until the stop; what was given is done with when the next is asked for."""


class Frames(Protocol):
    """Opens streams of frames."""

    def open(self, stream: str, *, start: int | None) -> AbstractAsyncContextManager[Source]:
        """The stream from an offset on; None: from the oldest message that is left."""


class Positions(Protocol):
    """Positions of the streams of one incarnation, and what they leave to be done."""

    async def load(self, stream: str) -> Position | None:
        """The saved position, None where there is none."""

    async def save(
        self, stream: str, lane: Lane, position: Position, noted: Sequence[Noted]
    ) -> None:
        """Save position and late samples, all or none. Twice is harmless."""


class SavedStates(Protocol):
    """Where the windows of lanes are kept over a restart. What is lost there costs time alone."""

    async def load(self, lane: Lane) -> bytes | None:
        """What was saved last, None where there is nothing."""

    async def save(self, lane: Lane, content: bytes) -> None:
        """Put it in the place of the last one, whole or not at all.

        Raises
        ------
        OSError : it cannot be kept
        """


class Outlet(Protocol):
    """Where values go."""

    async def give(self, values: Values, lane: Lane) -> None:
        """Publish for the patients who wear the devices, and wait until all is confirmed.

        Raises
        ------
        Unavailable : some may be published, some not; the same again is harmless
        """


class Assignments(Protocol):
    """Who wears which device when."""

    def patients_at(self, device: NDArray[np.int32], t: NDArray[np.int64]) -> NDArray[np.int32]:
        """The patient of each device at each moment, 0 for nobody."""

    async def look_up(self, device: int) -> None:
        """Know all who ever wore a device, until the next look at who wears what."""


class LateTable(Protocol):
    """Late samples that wait, and what was made of them."""

    async def stored_offset(self, lane: Lane) -> int:
        """The newest message of a lane's frames that storage has; -1 for none."""

    async def stored(self, lane: Lane, *, quiet_s: float, before_us: int) -> list[Waiting]:
        """What storage has of before a time and is due by then, with no more of it coming.

        So many at most: those that wait longest, in the order of device, stream and time.
        """

    async def revision(self, span: Span) -> int:
        """The revision in which values of this time must be given out to count."""

    async def done(
        self, corrected: Span, revision: int, *, finished: Sequence[Waiting], later: Sequence[Later]
    ) -> None:
        """Remember the correction, forget what waited for it or put it off, all or none.

        What was noted again meanwhile stays as it is.
        """

    async def note(self, lane: Lane, spans: Sequence[Span]) -> None:
        """Leave times to be computed from what is stored by now. Twice is harmless."""

    async def waiting(self, lane: Lane) -> int:
        """How many wait."""


class StoredSamples(Protocol):
    """Samples and beats read back from storage."""

    async def frames(self, span: Span) -> FrameBatch | None:
        """All frames of the stream in that time, by time; None when there are none."""

    async def values(self, patient: int, measures: Sequence[int], span: Span) -> Table:
        """Values of a patient in that time, of all devices, in their highest revision."""

    async def beats(self, device: int, kinds: Sequence[int], span: Span) -> Table:
        """The beats that count in that time: rows of ``beats.v1``."""
