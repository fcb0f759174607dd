"""What each device may forget: receipts of storage, put together into few messages.

A receipt for each message would double the MQTT traffic. Ranges are cumulative, so that the next
message repairs a lost one; at most one goes out in 5 s a device, at once where it asks or where
there is much to tell: a device that works off a backlog goes on when it hears what is stored.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from shared.contracts.identity import DeviceKey
from shared.contracts.instants import SECOND

EVERY_US = 5 * SECOND
MUCH_NEWS = 64
"""Messages of a device stored and not told, from which it is told at once."""
MOST_RANGES = 128
"""Ranges kept of a boot: holes that never fill are refused messages, and those are rare."""
TOLD_RANGES = 32
"""Ranges in one message: all that are news, and of the rest the newest up to so many."""
MOST_BOOTS = 4
"""Boots kept of a device: it sends from its newest, and drains the buffer of one before."""


@dataclass(slots=True)
class _Boot:
    """Inclusive ranges, disjoint, not adjacent, ascending; and when each was touched last."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    touched: list[int] = field(default_factory=list)
    told_turn: int = 0

    def add(self, first: int, last: int, turn: int) -> None:
        low = bisect_right(self.starts, first) - 1
        if low < 0 or self.ends[low] < first - 1:
            low += 1
        high = low
        while high < len(self.starts) and self.starts[high] <= last + 1:
            first = min(first, self.starts[high])
            last = max(last, self.ends[high])
            high += 1
        self.starts[low:high] = [first]
        self.ends[low:high] = [last]
        self.touched[low:high] = [turn]
        if len(self.starts) > MOST_RANGES:
            oldest = self.touched.index(min(self.touched))
            del self.starts[oldest], self.ends[oldest], self.touched[oldest]

    def tell(self, turn: int, at_most: int) -> list[tuple[int, int]]:
        by_touch = sorted(range(len(self.starts)), key=lambda i: self.touched[i], reverse=True)
        n_news = sum(touched > self.told_turn for touched in self.touched)
        chosen = sorted(by_touch[: max(n_news, at_most)])
        self.told_turn = turn
        return [(self.starts[i], self.ends[i]) for i in chosen]

    @property
    def changed(self) -> bool:
        return any(touched > self.told_turn for touched in self.touched)


@dataclass(slots=True)
class _Device:
    boots: dict[int, _Boot] = field(default_factory=dict)
    told_us: int = 0
    n_news: int = 0


class StoredRanges:
    """The receipts of the devices of one lane."""

    def __init__(self) -> None:
        self._devices: dict[DeviceKey, _Device] = {}
        self._untold: dict[DeviceKey, None] = {}
        self._turn = 0

    def add(self, device: DeviceKey, boot: int, ranges: list[tuple[int, int]]) -> None:
        """Take a receipt; ranges that are none are passed over."""
        kept = self._devices.setdefault(device, _Device())
        found = kept.boots.pop(boot, None) or _Boot()
        kept.boots[boot] = found
        while len(kept.boots) > MOST_BOOTS:
            del kept.boots[next(iter(kept.boots))]
        self._turn += 1
        for first, last in ranges:
            if 0 <= first <= last:
                found.add(first, last, self._turn)
                kept.n_news += last - first + 1
        if found.changed:
            self._untold[device] = None

    def due(self, now_us: int) -> list[DeviceKey]:
        """Give the devices that have much news, or some and were not told for 5 s."""
        return [
            device
            for device in self._untold
            if self._devices[device].n_news >= MUCH_NEWS
            or not 0 <= now_us - self._devices[device].told_us < EVERY_US
        ]

    def tell(
        self, device: DeviceKey, now_us: int, *, all_boots: bool = False
    ) -> list[tuple[int, list[tuple[int, int]]]]:
        """Give (boot, ranges) to be sent to a device now: what changed, or all that is known."""
        kept = self._devices.get(device)
        if kept is None:
            return []
        told = [
            (boot, found.tell(self._turn, MOST_RANGES if all_boots else TOLD_RANGES))
            for boot, found in kept.boots.items()
            if all_boots or found.changed
        ]
        kept.told_us, kept.n_news = now_us, 0
        self._untold.pop(device, None)
        return told

    def forget(self, device: DeviceKey) -> None:
        """Drop what is known of a device that is gone."""
        self._devices.pop(device, None)
        self._untold.pop(device, None)

    def __len__(self) -> int:
        """Devices with news that were not told yet."""
        return len(self._untold)
