"""Streams of frames, one incarnation of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.broker.connection import Broker
from shared.broker.streams import StreamEdge, StreamReader


class FrameReader:
    """Implements `Frames`.

    Parameters
    ----------
    messages_most : taken at once, and on the way
    """

    def __init__(self, broker: Broker, incarnation: int, *, messages_most: int) -> None:
        self._broker = broker
        self._incarnation = incarnation
        self._messages_most = messages_most

    @asynccontextmanager
    async def open(self, stream: str, *, start: int | None) -> AsyncIterator[StreamReader]:
        """The stream from an offset on; None: from the oldest message that is left."""
        async with StreamReader(
            self._broker,
            stream,
            start=StreamEdge.FIRST if start is None else start,
            incarnation=self._incarnation,
            prefetch=self._messages_most,
            batch_most=self._messages_most,
        ) as reader:
            yield reader
