"""The newest alarms and events, kept for those who come back. Pure.

Everything after ``after`` that was read of the ``events`` stream is kept here; everything up to
it is in the database, or will be within a moment. So a client that comes with a cursor is served
from there first and from here then, and nothing lies between.
"""

from collections import deque
from collections.abc import Iterable

from services.api.core.cursors import FeedCursor
from services.api.live.items import FeedItem


class Feed:
    """A bounded ring of the newest events, each once.

    Parameters
    ----------
    most : events kept
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._items: deque[FeedItem] = deque()
        self._after: FeedCursor | None = None
        self._known: dict[str, None] = {}  # identities of the newest events, oldest first

    def begin(self, after: FeedCursor, known: Iterable[str] = ()) -> None:
        """Forget all; what comes now follows ``after``.

        Parameters
        ----------
        known : identities of events up to ``after``, oldest first, that may be published again
        """
        self._items.clear()
        self._after = after
        self._known = dict.fromkeys(known)
        self._forget_oldest_known()

    def put(self, item: FeedItem) -> bool:
        """Keep an event; false for one that came before (a publisher sends again when unsure)."""
        if self._after is None:
            self._after = item.cursor.before()
        if item.once in self._known:
            return False
        self._known[item.once] = None
        self._forget_oldest_known()
        self._items.append(item)
        if len(self._items) > self._most:
            self._after = self._items.popleft().cursor
        return True

    @property
    def after(self) -> FeedCursor | None:
        """The place behind which everything is here; None before the stream was found."""
        return self._after

    @property
    def newest(self) -> FeedCursor | None:
        """The place up to which the stream was read; None before it was found."""
        return self._items[-1].cursor if self._items else self._after

    def since(self, cursor: FeedCursor) -> list[FeedItem]:
        """What came after a cursor, in order. Costs what it gives, however much is kept."""
        found: list[FeedItem] = []
        for item in reversed(self._items):
            if item.cursor <= cursor:
                break
            found.append(item)
        found.reverse()
        return found

    def _forget_oldest_known(self) -> None:
        while len(self._known) > 2 * self._most:
            del self._known[next(iter(self._known))]
