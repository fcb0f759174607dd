"""What a row of the table of estimators says. The table is in `estimators`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.dsp.core.circumstances import Circumstances
from services.dsp.core.outputs import Output
from shared.contracts.measures import Measure
from shared.contracts.streams import Place, Stream

FORGOTTEN_S = 12  # after so long a silence every row begins anew, however little it remembers


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """Another stream of the same device that an estimator takes beside its own.

    Attributes
    ----------
    n_channels : leading channels that it takes; missing ones are NaN
    rate_hz : what it is brought to, by means over each step of time; None: the main stream's
    place : where it is worn; None: where the main stream is
    """

    stream: Stream
    n_channels: int
    rate_hz: int | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """One row of the table.

    Attributes
    ----------
    n_channels : leading channels that it takes; a device must send at least as many
    rates_hz : lowest and highest rate that it takes; the rate is a whole number
    measures : what it gives
    memory_s : what it gives depends on so many seconds before; a test holds it to that
    instead_of : the first row of the same name that takes a stream runs on it; empty: runs anyway
    after : key, or `instead_of`, of the row whose `Output` its step takes too
    places : where the stream must be worn; None: anywhere
    takes_flags : its step takes the flags of each device's newest frame, as `flags`
    chosen : bits that the flags of a stream must have; without them it does not run
    fills_channels : takes fewer channels too; those that are not sent are NaN
    circumstance : which part of what people told its step takes too, with the devices of the rows
    """

    key: str
    stream: Stream
    n_channels: int
    rates_hz: tuple[int, int]
    measures: tuple[Measure, ...]
    delay_s: int
    memory_s: int
    init: Callable[[int, int], Any]
    step: Callable[..., tuple[Any, Output]]
    gives_beats: bool = False
    instead_of: str = ""
    after: str | None = None
    companions: tuple[Companion, ...] = ()
    places: frozenset[Place] | None = None
    takes_flags: bool = False
    chosen: int = 0
    fills_channels: bool = False
    circumstance: Callable[[Circumstances], Any] | None = None

    @property
    def forgets_s(self) -> int:
        """After so many seconds without samples it is as if there had never been any."""
        return max(self.memory_s, FORGOTTEN_S)

    def takes(
        self, stream: int, channels: int, rate_hz: int, place: int = 0, flags: int = 0
    ) -> bool:
        """Whether frames of this kind are for this estimator."""
        low, high = self.rates_hz
        is_here = self.places is None or place in self.places
        enough = channels >= self.n_channels or self.fills_channels
        fits = enough and low <= rate_hz <= high
        is_chosen = flags & self.chosen == self.chosen
        return stream == self.stream and fits and is_here and is_chosen


Chain = tuple[Estimator, ...]
"""Estimators that are stepped together: of one stream, with the same companions."""
