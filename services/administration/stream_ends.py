"""Where streams end, followed while they are written to."""

import asyncio
from collections.abc import Iterable

import structlog

from shared.broker.connection import Broker
from shared.broker.consumer import Consumer
from shared.broker.streams import OFFSET, StreamEdge
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

PREFETCH = 1_000
EMPTY_AFTER_S = 1.0
"""The last messages of a stream come as soon as it is consumed; of an empty one nothing comes."""
QUIET_S = 0.5
"""Who published before publishes no more: what is on its way is here long before."""
AGAIN_S = 0.5
NOTHING = -1


class StreamEnds:
    """The offset of the newest message of some streams, as they come."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._ends: dict[str, int] = {}
        self._heard_s: dict[str, float] = {}

    async def follow(self, stream: str, stop: asyncio.Event) -> None:
        """Follow a stream until the stop. Cancel-safe: it only looks."""
        while not stop.is_set():
            try:
                await self._follow(stream, stop)
            except Unavailable as error:
                self._heard_s.pop(stream, None)
                log.warning("stream_not_followed", stream=stream, error=str(error))
                await pause(stop, AGAIN_S)

    def is_followed(self, stream: str) -> bool:
        """Whether the end of a stream is known, and what comes will be heard."""
        return stream in self._heard_s

    def newest(self) -> dict[str, int]:
        """The newest offset of each stream that has any, now."""
        return dict(self._ends)

    async def settled(self, streams: Iterable[str]) -> dict[str, int]:
        """Wait until nothing more comes; gives the newest offset of each, -1 of an empty one."""
        wanted = list(streams)
        while True:
            now_s = self._clock.monotonic_s()
            heard = [self._heard_s.get(stream, now_s) for stream in wanted]
            if all(now_s - last_s >= QUIET_S for last_s in heard):
                return {stream: self._ends.get(stream, NOTHING) for stream in wanted}
            await self._clock.sleep(QUIET_S / 5)

    async def _follow(self, stream: str, stop: asyncio.Event) -> None:
        consumer = await Consumer.open(
            self._broker.consuming,
            stream,
            prefetch=PREFETCH,
            arguments={OFFSET: StreamEdge.LAST.value},
        )
        try:
            began_s = self._clock.monotonic_s()
            while not stop.is_set():
                taken = await consumer.take(PREFETCH, until=stop, timeout_s=EMPTY_AFTER_S)
                if taken:
                    offset = (taken[-1].header.properties.headers or {}).get(OFFSET)
                    assert isinstance(offset, int), "a stream gives each message its offset"
                    self._ends[stream] = max(offset, self._ends.get(stream, NOTHING))
                    self._heard_s[stream] = self._clock.monotonic_s()
                    tag = taken[-1].delivery_tag
                    if tag is not None:
                        await consumer.acknowledge(tag, and_before=True)
                elif self._clock.monotonic_s() - began_s >= EMPTY_AFTER_S:
                    self._heard_s.setdefault(stream, began_s)
        finally:
            await consumer.close()
