"""In which order PUBACKs leave: that of the messages, each only once it is settled.

MQTT 5 asks for PUBACKs in the order in which the messages came. Messages are settled in another:
a batch is confirmed, a refusal is parked, a late batch follows. One object serves one network
connection: on the next one the broker sends again what was not acknowledged.

Hot path: under 0.2 us a message, hence sequence numbers, and whole runs of them where nothing is
out of its turn.
"""

from collections import deque
from collections.abc import Sequence


class AcknowledgementOrder:
    """Holds back the packet ids of settled messages until all before them are settled too."""

    __slots__ = ("_next", "_pending", "_released", "_settled")

    def __init__(self) -> None:
        self._pending: deque[int] = deque()  # packet ids in the order of arrival
        self._settled: set[int] = set()  # sequence numbers that wait for an earlier one
        self._next = 0  # sequence number of the next arrival
        self._released = 0  # sequence number of the oldest in _pending

    def __len__(self) -> int:
        """Messages taken and not yet released."""
        return len(self._pending)

    def receive(self, packet_id: int) -> int:
        """Take a message's place in the order; give the number to settle it by."""
        self._pending.append(packet_id)
        number = self._next
        self._next = number + 1
        return number

    def receive_all(self, packet_ids: Sequence[int]) -> range:
        """Take the places of messages that came one after the other; give their numbers."""
        self._pending.extend(packet_ids)
        first = self._next
        self._next = first + len(packet_ids)
        return range(first, self._next)

    def settle(self, numbers: Sequence[int]) -> list[int]:
        """Give the packet ids that may be acknowledged now, in order. Twice is harmless."""
        settled = self._settled
        at = self._released
        pending = self._pending
        if not settled and numbers and list(numbers) == list(range(at, at + len(numbers))):
            self._released = at + len(numbers)
            return [pending.popleft() for _ in numbers]
        settled.update(numbers)
        ready: list[int] = []
        while pending and at in settled:
            settled.discard(at)
            ready.append(pending.popleft())
            at += 1
        self._released = at
        if not pending:
            settled.clear()  # what was settled a second time is below every later number
        return ready
