"""What goes wrong with devices and networks: loss, repeats, disorder and wrong clocks. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from numpy.random import Generator

T = TypeVar("T")


def with_loss(messages: Sequence[T], share: float, chance: Generator) -> list[T]:
    """The messages without a share of them, lost by chance."""
    return [message for message in messages if chance.random() >= share]


def with_repeats(messages: Sequence[T], share: float, chance: Generator) -> list[T]:
    """The messages with a share of them sent twice, the second time up to ten places later."""
    placed = [(float(place), message) for place, message in enumerate(messages)]
    again = [
        (place + chance.uniform(0.5, 10.0), message)
        for place, message in placed
        if chance.random() < share
    ]
    return [message for _, message in sorted(placed + again, key=lambda each: each[0])]


def out_of_order(messages: Sequence[T], reach: float, chance: Generator) -> list[T]:
    """The messages moved by chance, each at most `reach` places."""
    moved = [(place + chance.uniform(0.0, reach), place) for place in range(len(messages))]
    return [messages[place] for _, place in sorted(moved)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongClock:
    """How a device's clock shows the true time.

    Parameters
    ----------
    offset_us : what it shows too much from the start
    drift_ppm : how much it gains, in parts per million since `start_us`
    jump_at_us, jump_us : at this true time it is set, and by how much
    """

    start_us: int = 0
    offset_us: int = 0
    drift_ppm: float = 0.0
    jump_at_us: int | None = None
    jump_us: int = 0

    def at(self, true_us: int) -> int:
        """What the clock shows at this true time."""
        shown = true_us + self.offset_us + round((true_us - self.start_us) * self.drift_ppm / 1e6)
        if self.jump_at_us is not None and true_us >= self.jump_at_us:
            shown += self.jump_us
        return shown
