"""What byte streams have left after their messages, as far as it is held in memory."""

from collections import OrderedDict

from services.gateway.core.messages import StreamKey

MOST_STREAMS = 10_000
MOST_MESSAGES = 512
"""Held of a stream: a device has at most 200 in flight."""
MOST_BYTES = 64 << 20


class RestMemory:
    """The newest rests of the streams that spoke last. What is pushed out is a row, or was empty.

    Parameters
    ----------
    most_bytes : of all rests together; the stream that was silent longest goes first
    """

    def __init__(self, *, most_streams: int = MOST_STREAMS, most_bytes: int = MOST_BYTES) -> None:
        self._most_streams = most_streams
        self._most_bytes = most_bytes
        self._streams: OrderedDict[StreamKey, OrderedDict[int, bytes]] = OrderedDict()
        self._n_bytes = 0

    def __len__(self) -> int:
        """Streams of which something is held."""
        return len(self._streams)

    @property
    def n_bytes(self) -> int:
        """Bytes of all rests together."""
        return self._n_bytes

    def find(self, stream: StreamKey, n: int) -> bytes | None:
        """Give what message ``n`` left; None where that is not held."""
        held = self._streams.get(stream)
        return None if held is None else held.get(n)

    def put(self, stream: StreamKey, n: int, rest: bytes) -> None:
        """Hold what message ``n`` left."""
        held = self._streams.setdefault(stream, OrderedDict())
        self._streams.move_to_end(stream)
        self._n_bytes += len(rest) - len(held.pop(n, b""))
        held[n] = rest
        if len(held) > MOST_MESSAGES:
            self._n_bytes -= len(held.popitem(last=False)[1])
        while len(self._streams) > 1 and (
            len(self._streams) > self._most_streams or self._n_bytes > self._most_bytes
        ):
            _, gone = self._streams.popitem(last=False)
            self._n_bytes -= sum(map(len, gone.values()))
