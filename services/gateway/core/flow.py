"""How far a lane may run ahead of storage, before what storage has not read would be dropped.

Streams of RabbitMQ drop their oldest segments by bytes. Each batch carries the bytes of its
stream so far, storage repeats them in its receipts, and reading MQTT stops in between.
"""


class StreamFlow:
    """Bytes published on one stream and bytes that storage has committed.

    Parameters
    ----------
    published_bytes : of the stream before this process began, from its last batch
    most_bytes : how far storage may be behind
    """

    __slots__ = ("_most_bytes", "_stored_bytes", "published_bytes")

    def __init__(self, published_bytes: int, most_bytes: int) -> None:
        self.published_bytes = published_bytes
        self._most_bytes = most_bytes
        # What storage had read before us is not known until its first receipt. Counting from our
        # own start is safe: storage itself finds out, and tells, when a stream was cut off.
        self._stored_bytes = published_bytes

    def publish(self, n_bytes: int) -> int:
        """Count a batch; give the cumulative bytes that it carries."""
        self.published_bytes += n_bytes
        return self.published_bytes

    def store(self, stream_bytes: int) -> None:
        """Take what storage says to have committed; one that was overtaken changes nothing."""
        self._stored_bytes = max(self._stored_bytes, min(stream_bytes, self.published_bytes))

    @property
    def lag_bytes(self) -> int:
        """Bytes that are published and not known to be stored."""
        return self.published_bytes - self._stored_bytes

    def is_full_with(self, more_bytes: int) -> bool:
        """Whether these bytes are the last that should be published for now."""
        return self.lag_bytes + more_bytes >= self._most_bytes


class LaneFlow:
    """The two streams of frames of a lane.

    Parameters
    ----------
    live, late : of ``frames.{lane}`` and ``late.{lane}``
    """

    __slots__ = ("late", "live")

    def __init__(self, live: StreamFlow, late: StreamFlow) -> None:
        self.live = live
        self.late = late

    def publish(self, n_bytes: int, *, late: bool) -> int:
        """Count a batch; give the cumulative bytes that it carries."""
        return (self.late if late else self.live).publish(n_bytes)

    def store(self, stream_bytes: int, *, late: bool) -> None:
        """Take what storage says to have committed."""
        (self.late if late else self.live).store(stream_bytes)

    @property
    def lag_bytes(self) -> int:
        """Bytes of both that are not known to be stored."""
        return self.live.lag_bytes + self.late.lag_bytes

    def is_full_with(self, more_bytes: int) -> bool:
        """Whether these bytes, on one of them, are the last that should be published for now."""
        return self.live.is_full_with(more_bytes) or self.late.is_full_with(more_bytes)
