"""Gives all sockets what waits for them, together each flush interval.

One turn for all: who is given the same gets the same bytes, and no socket has a timer of its own.
Who has been here longest goes first: a crowd that comes stands behind those who were there.
A socket whose link does not take more at once is left to its own sender, which waits for it and
cuts it off in the end (`services.api.live.websocket`).
"""

import asyncio

from services.api.live.connections import Connections
from services.api.live.strands import Strands
from services.api.metrics import ApiMetrics
from shared.runtime.clock import Clock

_AT_ONCE = 250  # sockets; then the loop may do something else
_REST_SHARE = 2.0  # of the time that a flush took: a third of the loop, however slow the machine is
_LONGEST_REST_S = 0.4  # later, a trace on a page would stand still


class Flusher:
    """Flushes the open connections of this process.

    Parameters
    ----------
    every_s : the flush interval, from the begin of one flush to the begin of the next; where
        flushes take long it is longer, since fewer and larger ones are cheaper
    """

    def __init__(
        self,
        *,
        connections: Connections,
        strands: Strands,
        metrics: ApiMetrics,
        clock: Clock,
        every_s: float,
    ) -> None:
        self._connections = connections
        self._strands = strands
        self._n_text = metrics.live_messages.labels("text")
        self._n_binary = metrics.live_messages.labels("binary")
        self._n_bytes = metrics.live_bytes
        self._clock = clock
        self._every_s = every_s

    async def run(self, stop: asyncio.Event) -> None:
        """Flush until the stop. Cancel-safe: what was taken is written at once."""
        while not stop.is_set():
            began_s = self._clock.monotonic_s()
            await self._flush()
            took_s = self._clock.monotonic_s() - began_s
            rest_s = min(_REST_SHARE * took_s, _LONGEST_REST_S)
            await self._clock.sleep(max(self._every_s - took_s, rest_s))

    async def _flush(self) -> None:
        n_text = n_binary = n_bytes = texts = 0
        counted: list[bytes | str] | None = None
        for number, connection in enumerate(list(self._connections.open), start=1):
            queue, link = connection.client.queue, connection.link
            if connection.is_sending or connection.closing or connection.client.too_slow:
                continue
            if link is None or not link.is_free:
                if queue:
                    connection.wake.set()
                continue
            messages, data = queue.take_framed()
            if data:
                link.put(data)
                if messages is not counted:  # nearly all get the same
                    counted, texts = messages, sum(isinstance(one, str) for one in messages)
                n_text += texts
                n_binary += len(messages) - texts
                n_bytes += len(data)
            if not number % _AT_ONCE:
                await self._clock.sleep(0.0)
        self._strands.renew()
        self._n_text.inc(n_text)
        self._n_binary.inc(n_binary)
        self._n_bytes.inc(n_bytes)
