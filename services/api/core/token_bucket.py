"""Rate limits as token buckets: how many, how fast again, and how long to wait. Pure."""

from collections import OrderedDict
from dataclasses import dataclass

from shared.errors import VitalwireError


class RateLimitedError(VitalwireError):
    """Too many of one kind from one side.

    Parameters
    ----------
    wait_s : seconds after which one more is allowed
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most ``burst`` at once, refilled with ``per_s`` a second."""

    burst: float
    per_s: float


class TokenBuckets:
    """One bucket a key, for at most ``capacity`` keys.

    The key used longest ago is forgotten first. A forgotten key begins with a full bucket, so the
    capacity bounds memory and not what one client may do.
    """

    def __init__(self, rate: Rate, capacity: int) -> None:
        self._rate = rate
        self._capacity = capacity
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait_s(self, key: str, now_s: float) -> float:
        """Seconds until ``key`` may take one; 0 when it may now. Takes nothing."""
        level = self._level(key, now_s)
        return 0.0 if level >= 1.0 else (1.0 - level) / self._rate.per_s

    def take(self, key: str, now_s: float) -> float:
        """Take one for ``key``; gives 0, or the seconds to wait when there is none to take."""
        level = self._level(key, now_s)
        if level < 1.0:
            return (1.0 - level) / self._rate.per_s
        self._buckets[key] = (level - 1.0, now_s)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return 0.0

    def forgive(self, key: str) -> None:
        """Forget what ``key`` has used."""
        self._buckets.pop(key, None)

    def give_back(self, key: str) -> None:
        """Give ``key`` back what it took last."""
        level, at_s = self._buckets.get(key, (self._rate.burst, 0.0))
        if key in self._buckets:
            self._buckets[key] = (min(self._rate.burst, level + 1.0), at_s)

    def _level(self, key: str, now_s: float) -> float:
        level, at_s = self._buckets.get(key, (self._rate.burst, now_s))
        return min(self._rate.burst, level + max(0.0, now_s - at_s) * self._rate.per_s)
