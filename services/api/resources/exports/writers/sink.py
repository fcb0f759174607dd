"""A file that is only written, whose bytes are taken out as they come."""

import io

from typing_extensions import Buffer, override


class Sink(io.RawIOBase):
    """Keeps what was written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._n_written = 0

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Buffer, /) -> int:
        self._parts.append(bytes(data))
        self._n_written += len(self._parts[-1])
        return len(self._parts[-1])

    @override
    def tell(self) -> int:
        return self._n_written

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
