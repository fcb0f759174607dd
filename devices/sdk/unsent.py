"""What is not stored yet: which message to send next, and when one is settled. Pure.

A message is *waiting* until it is sent, *flying* until the broker has it (PUBACK), *resting* until
the server says that it is stored, and *aside* after it alone broke connection after connection.
Only ``stored`` and ``refused`` settle it; a PUBACK never does.

The broker takes what comes as fast as it comes and lets it wait in front of everybody's messages;
so who has a backlog goes by the receipts, which is as fast as the server can use it.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from heapq import heapify, heappop, heappush
from typing import NamedTuple, final

IN_FLIGHT_LIMIT = 200
UNSTORED_LIMIT = 400
"""Messages that rest: with more, the server is behind. What it has not stored is no use to it."""
TRICKLE_EACH_US = 50_000
"""So often a message goes all the same, so that live values are seen while nothing is stored."""
RESEND_AFTER_US = 60_000_000
RETRY_ASIDE_US = 600_000_000
LONE_LOSSES = 2  # connections that a message must break while it flies alone to be set aside


class Key(NamedTuple):
    """Identity of a message on its device."""

    boot: int
    n: int


class State(Enum):
    """Where a message stands."""

    WAITING = "waiting"
    FLYING = "flying"
    RESTING = "resting"
    ASIDE = "aside"


@dataclass(slots=True)
class _Entry:
    order: int  # age: the lower the older
    state: State = State.WAITING
    since_us: int = 0  # of the state FLYING, RESTING or ASIDE
    lone_losses: int = 0
    times_aside: int = 0


@final
class Unsent:
    """All messages that are not settled, and the order in which to send them: oldest first."""

    def __init__(
        self,
        *,
        in_flight_limit: int = IN_FLIGHT_LIMIT,
        unstored_limit: int = UNSTORED_LIMIT,
        resend_after_us: int = RESEND_AFTER_US,
    ) -> None:
        self._limit = in_flight_limit
        self._unstored_limit = unstored_limit
        self._resend_after_us = resend_after_us
        self._entries: dict[Key, _Entry] = {}
        self._by_boot: dict[int, dict[int, Key]] = {}
        self._waiting: list[tuple[int, Key]] = []  # heap; may hold keys that wait no longer
        self._resting: deque[tuple[int, Key]] = deque()  # by time; may hold keys gone on
        self._aside: list[Key] = []
        self._flying: set[Key] = set()
        self._suspects: set[Key] = set()
        self._losses = 0
        self._next_order = 0
        self._n_resting = 0
        self._taken_us = -TRICKLE_EACH_US

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    @property
    def in_flight(self) -> int:
        """Messages sent that the broker has not acknowledged."""
        return len(self._flying)

    @property
    def aside(self) -> Sequence[Key]:
        """Messages that are set aside."""
        return tuple(self._aside)

    def state_of(self, key: Key) -> State:
        """Where a message stands.

        Raises
        ------
        KeyError : it is settled or was never added
        """
        return self._entries[key].state

    def add(self, key: Key) -> None:
        """Take a new message, younger than all others."""
        if key in self._entries:
            raise ValueError(f"message {key} is already there")
        self._entries[key] = _Entry(self._next_order)
        self._by_boot.setdefault(key.boot, {})[key.n] = key
        heappush(self._waiting, (self._next_order, key))
        self._next_order += 1

    def connected(self) -> None:
        """Begin anew on a new connection: all that is not settled or aside waits again."""
        self._flying.clear()
        self._resting.clear()
        for entry in self._entries.values():
            if entry.state is not State.ASIDE:
                self._move(entry, State.WAITING)
        self._waiting = [
            (entry.order, key)
            for key, entry in self._entries.items()
            if entry.state is State.WAITING
        ]
        heapify(self._waiting)

    def disconnected(self, now_us: int) -> Key | None:
        """Take note of a lost connection; give the message that is set aside for it, if any.

        A broker may answer a message that it forbids by dropping the connection, without saying
        which. So: what was flying at two losses in a row is suspect and flies alone from then on;
        what flies alone at two more losses is set aside.
        """
        flying, self._flying = self._flying, set()
        for key in flying:
            self._wait(key)
        if not flying:
            return None
        common = flying & self._suspects
        if not common:
            self._suspects, self._losses = flying, 1
            return None
        self._losses += 1
        self._suspects = common
        if len(flying) > 1 or self._losses <= 2:
            return None
        (key,) = flying
        entry = self._entries[key]
        entry.lone_losses += 1
        if entry.lone_losses < LONE_LOSSES:
            return None
        self._set_aside(key, now_us)
        return key

    def take(self, now_us: int) -> Key | None:
        """Give the next message to send and count it as flying; None while none may go."""
        self._wake(now_us)
        while self._waiting:
            order, key = self._waiting[0]
            entry = self._entries.get(key)
            if entry is None or entry.state is not State.WAITING or entry.order != order:
                heappop(self._waiting)
                continue
            if not self._may_fly(key) or self._is_paced(now_us):
                return None
            heappop(self._waiting)
            self._move(entry, State.FLYING)
            entry.since_us = self._taken_us = now_us
            self._flying.add(key)
            return key
        return None

    def put_back(self, key: Key) -> None:
        """The message of the last `take` could not be sent: it waits as before."""
        self._flying.discard(key)
        self._wait(key)

    def acknowledged(self, key: Key, now_us: int) -> None:
        """The broker has it (PUBACK): it rests until it is stored, or is sent again."""
        entry = self._entries.get(key)
        self._flying.discard(key)
        self._clear(key)
        if entry is not None and entry.state is State.FLYING:
            self._move(entry, State.RESTING)
            entry.since_us, entry.lone_losses = now_us, 0
            self._resting.append((now_us, key))

    def denied(self, key: Key, now_us: int) -> bool:
        """The broker refused it by a PUBACK with a reason: set it aside. False if it is settled."""
        self._flying.discard(key)
        self._clear(key)
        if key not in self._entries:
            return False
        self._set_aside(key, now_us)
        return True

    def stored(self, boot: int, ranges: Iterable[tuple[int, int]]) -> list[Key]:
        """Settle what a receipt names (inclusive ranges of n); give what that settled."""
        of_boot = self._by_boot.get(boot)
        if not of_boot:
            return []
        settled: list[Key] = []
        for first, last in ranges:
            if last - first + 1 <= len(of_boot):
                settled += [of_boot[n] for n in range(first, last + 1) if n in of_boot]
            else:
                settled += [key for n, key in of_boot.items() if first <= n <= last]
        settled = list(dict.fromkeys(settled))
        for key in settled:
            self._settle(key)
        return settled

    def refused(self, key: Key) -> bool:
        """Settle a message that the server will never take; False if it was not open."""
        if key not in self._entries:
            return False
        self._settle(key)
        return True

    def next_due_us(self) -> int | None:
        """When to look again although nothing else happens; None: no need to."""
        while self._resting and not self._rests(*self._resting[0]):
            self._resting.popleft()
        due = [self._retry_at(key) for key in self._aside]
        if self._resting:
            due.append(self._resting[0][0] + self._resend_after_us)
        if self._waiting and self._is_full and self._may_fly(self._waiting[0][1]):
            due.append(self._taken_us + TRICKLE_EACH_US)
        return min(due, default=None)

    def oldest_flying_us(self) -> int | None:
        """Since when the oldest of the flying messages flies."""
        return min((self._entries[key].since_us for key in self._flying), default=None)

    def _may_fly(self, key: Key) -> bool:
        if len(self._flying) >= self._limit:
            return False
        if self._losses < 2 or not self._suspects:
            return True
        # A suspect flies alone, and nothing takes off beside one.
        return not self._flying if key in self._suspects else not self._flying & self._suspects

    @property
    def _is_full(self) -> bool:
        return self._n_resting + len(self._flying) >= self._unstored_limit

    def _is_paced(self, now_us: int) -> bool:
        """Whether to wait for receipts, or for the next of the trickle."""
        return self._is_full and now_us - self._taken_us < TRICKLE_EACH_US

    def _move(self, entry: _Entry, state: State) -> None:
        self._n_resting += (state is State.RESTING) - (entry.state is State.RESTING)
        entry.state = state

    def _wake(self, now_us: int) -> None:
        while self._resting and self._resting[0][0] + self._resend_after_us <= now_us:
            since, key = self._resting.popleft()
            if self._rests(since, key):
                self._wait(key)
        for key in [key for key in self._aside if self._retry_at(key) <= now_us]:
            self._aside.remove(key)
            self._suspects.add(key)  # so that it flies alone
            self._losses = max(self._losses, 2)
            self._wait(key)

    def _rests(self, since_us: int, key: Key) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.state is State.RESTING and entry.since_us == since_us

    def _retry_at(self, key: Key) -> int:
        entry = self._entries[key]
        return entry.since_us + (RETRY_ASIDE_US << min(entry.times_aside - 1, 6))

    def _wait(self, key: Key) -> None:
        entry = self._entries.get(key)
        if entry is not None:
            self._move(entry, State.WAITING)
            heappush(self._waiting, (entry.order, key))

    def _set_aside(self, key: Key, now_us: int) -> None:
        entry = self._entries[key]
        self._move(entry, State.ASIDE)
        entry.since_us, entry.lone_losses = now_us, 0
        entry.times_aside += 1
        self._aside.append(key)
        self._clear(key)

    def _clear(self, key: Key) -> None:
        self._suspects.discard(key)
        if not self._suspects:
            self._losses = 0

    def _settle(self, key: Key) -> None:
        entry = self._entries.pop(key)
        of_boot = self._by_boot[key.boot]
        del of_boot[key.n]
        if not of_boot:
            del self._by_boot[key.boot]
        if entry.state is State.ASIDE:
            self._aside.remove(key)
        self._n_resting -= entry.state is State.RESTING
        self._flying.discard(key)
        self._clear(key)
