"""How far a loop is with one stream: up to where its output was given out, where a replay begins.

After a restart the stream is read from the saved position on; what was given out before is
computed again, for the windows, and none of it is given out again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import structlog

from services.dsp.application.ports import Positions, StreamMessage
from services.dsp.application.positions import ReplayMarks
from services.dsp.core.exchange import Noted, Position
from services.dsp.metrics import DspMetrics
from shared.contracts.identity import Lane
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.retry import Retry

log = structlog.get_logger()
NOTHING_GIVEN = -1


class Saving(Protocol):
    """How often a loop saves."""

    @property
    def save_interval_s(self) -> float:
        """Between two savings."""


class Follower(Protocol):
    """A loop that follows one stream of a lane."""

    lane: Lane
    positions: Positions
    clock: Clock
    metrics: DspMetrics
    retry: Retry

    @property
    def stream(self) -> str:
        """The stream that it reads."""

    @property
    def pace(self) -> Saving:
        """How often it saves."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """Of one loop on one stream.

    Parameters
    ----------
    loop : its name, in metrics
    save_interval_s : between two savings

    Attributes
    ----------
    given : offset of the last message whose output was given out
    noted : what came late, until it is saved with the position
    saved_s : when it was last tried to save
    """

    loop: str
    stream: str
    lane: Lane
    positions: Positions
    clock: Clock
    metrics: DspMetrics
    retry: Retry
    save_interval_s: float
    given: int = NOTHING_GIVEN
    marks: ReplayMarks = field(default_factory=ReplayMarks)
    noted: list[Noted] = field(default_factory=list)
    saved_s: float = 0.0

    @classmethod
    def of(cls, loop: str, follower: Follower) -> Self:
        """Of a loop that begins.

        Parameters
        ----------
        loop : its name, in metrics
        """
        return cls(
            loop=loop,
            stream=follower.stream,
            lane=follower.lane,
            positions=follower.positions,
            clock=follower.clock,
            metrics=follower.metrics,
            retry=follower.retry,
            save_interval_s=follower.pace.save_interval_s,
        )

    async def load(self, until: asyncio.Event) -> Position | None:
        """Go on from the saved position, if there is one."""
        position = await self.retry.run(lambda: self.positions.load(self.stream), until=until)
        if position is not None:
            self.given = position.given_offset
        self.saved_s = self.clock.monotonic_s()
        return position

    def begin_anew(self) -> None:
        """The stream began anew: nothing of it was given out."""
        self.given = NOTHING_GIVEN
        self.marks.clear()

    def split(self, messages: Sequence[StreamMessage]) -> list[Sequence[StreamMessage]]:
        """What was given out before, and what follows: they are computed apart."""
        n = sum(message.offset <= self.given for message in messages)
        return [part for part in (messages[:n], messages[n:]) if part]

    @property
    def is_due(self) -> bool:
        """Whether it is time to save."""
        return self.clock.monotonic_s() - self.saved_s >= self.save_interval_s

    async def save(self, taken: int, now_us: int) -> bool:
        """Save the position; PostgreSQL may be away, then the next one saves more.

        Parameters
        ----------
        taken : offset of the last message that was taken; in a replay nothing is saved
        now_us : the time that it stands for

        Returns
        -------
        whether it was saved
        """
        self.saved_s = self.clock.monotonic_s()
        if taken < self.given or taken == NOTHING_GIVEN:
            return False
        position = self.marks.position(self.given, now_us)
        noted = list(self.noted)
        try:
            await self.positions.save(self.stream, self.lane, position, noted)
        except Unavailable as error:
            self.metrics.save_failures.labels(self.loop).inc()
            log.warning("position_not_saved", stream=self.stream, error=str(error))
            return False
        self.metrics.saves.labels(self.loop).inc()
        del self.noted[: len(noted)]
        return True
