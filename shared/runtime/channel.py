"""A bounded channel between two loops of one process, which can be closed.

A full channel makes the writer wait; a closed one lets the reader take what is left and then
ends its iteration. So a shutdown runs with the data: the source closes, the rest drains.
"""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class ChannelClosed(Exception):
    """The channel is closed: nothing can be put any more, or nothing is left to take."""


class Channel(Generic[T]):
    """First in, first out, at most `bound` items.

    Parameters
    ----------
    bound : items that wait at most; a writer waits when they are reached
    """

    def __init__(self, bound: int) -> None:
        if bound < 1:
            raise ValueError("a channel holds at least one item")
        self.bound = bound
        self._items: deque[T] = deque()
        self._closed = False
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        """Whether nothing can be put any more."""
        return self._closed

    async def put(self, item: T) -> None:
        """Wait for room, then add the item. Cancel-safe: cancelled, the item was not added.

        Raises
        ------
        ChannelClosed : the reader or the shutdown has closed it
        """
        async with self._changed:
            while len(self._items) >= self.bound and not self._closed:
                await self._changed.wait()
            if self._closed:
                raise ChannelClosed
            self._items.append(item)
            self._changed.notify_all()

    async def take(self) -> T:
        """Wait for the next item. Cancel-safe: cancelled, the item stays.

        Raises
        ------
        ChannelClosed : it is closed and empty
        """
        return (await self.take_many(1))[0]

    async def take_many(self, at_most: int) -> list[T]:
        """Wait for at least one item, then give all that wait, up to that many.

        Cancel-safe: cancelled, the items stay.

        Raises
        ------
        ChannelClosed : it is closed and empty
        """
        async with self._changed:
            while not self._items:
                if self._closed:
                    raise ChannelClosed
                await self._changed.wait()
            taken = [self._items.popleft() for _ in range(min(at_most, len(self._items)))]
            self._changed.notify_all()
            return taken

    async def close(self) -> None:
        """Let nobody put any more; what waits can still be taken. Twice is harmless."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __aiter__(self) -> "Channel[T]":
        return self

    async def __anext__(self) -> T:
        try:
            return await self.take()
        except ChannelClosed:
            raise StopAsyncIteration from None
