"""What each client is told every second: the time, the age of each source, the place of the feed.

Made once a second for all clients: those who watch the same get the same bytes. Pure.
"""

from collections.abc import Collection

import orjson

from services.api.core.cursors import FeedCursor
from services.api.live.clients import Subscription
from services.api.live.watching import Watched, Watching
from shared.contracts.instants import to_text
from shared.contracts.streams import STREAMS

_STREAM_KEYS = {int(stream): row.key for stream, row in STREAMS.items()}


class States:
    """The states of one second.

    Parameters
    ----------
    cursor : up to where the feed was read and handed out
    """

    def __init__(self, watching: Watching, *, now_us: int, cursor: FeedCursor | None) -> None:
        self._watching = watching
        self._now_us = now_us
        self._server_time = to_text(now_us)
        self._cursor = None if cursor is None else str(cursor)
        self._sources: dict[str, list[dict[str, object]]] = {}
        self._known: dict[tuple[frozenset[tuple[int, int]], bool], bytes] = {}

    def of(self, subscriptions: Collection[Subscription]) -> bytes:
        """The state for a client with these subscriptions.

        The cursor is told only when all that lies before it was told to each of them.
        """
        worn = frozenset[tuple[int, int]]().union(*(one.worn for one in subscriptions))
        follows = bool(subscriptions) and all(one.follows_feed for one in subscriptions)
        known = self._known.get((worn, follows))
        if known is None:
            known = self._known[worn, follows] = self._encode(worn, follows=follows)
        return known

    def _encode(self, worn: frozenset[tuple[int, int]], *, follows: bool) -> bytes:
        found = [self._watching.worn_by(device, patient) for device, patient in sorted(worn)]
        watched = [one for one in found if one is not None]
        return orjson.dumps(
            {
                "kind": "state",
                "server_time": self._server_time,
                "cursor": self._cursor if follows else None,
                "sources": [source for one in watched for source in self._ages(one)],
                "simulated": any(one.simulated for one in watched),
            }
        )

    def _ages(self, watched: Watched) -> list[dict[str, object]]:
        known = self._sources.get(watched.device)
        if known is None:
            known = self._sources[watched.device] = [
                {
                    "patient": watched.patient.key,
                    "device": watched.device,
                    "stream": _STREAM_KEYS.get(stream, str(stream)),
                    "age_s": round(max(0, self._now_us - newest_us) / 1e6, 3),
                }
                for stream, newest_us in sorted(watched.newest_us.items())
            ]
        return known
