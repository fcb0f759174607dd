"""Messages as a server's WebSocket sends them (RFC 6455, 5.2): the same bytes to everybody."""

import struct
from collections.abc import Iterator, Sequence

_WHOLE_TEXT, _WHOLE_BINARY = 0x81, 0x82
_SHORT, _MEDIUM = 126, 65_536
_MEDIUM_HEAD, _LONG_HEAD = struct.Struct("!BBH"), struct.Struct("!BBQ")


def framed(messages: Sequence[str | bytes]) -> bytes:
    """Head and payload of each message, text and binary, for one write."""
    return b"".join(_pieces(messages))


def _pieces(messages: Sequence[str | bytes]) -> Iterator[bytes]:
    for message in messages:
        is_text = isinstance(message, str)
        payload = message.encode() if isinstance(message, str) else message
        first = _WHOLE_TEXT if is_text else _WHOLE_BINARY
        n = len(payload)
        if n < _SHORT:
            yield bytes((first, n))
        elif n < _MEDIUM:
            yield _MEDIUM_HEAD.pack(first, 126, n)
        else:
            yield _LONG_HEAD.pack(first, 127, n)
        yield payload
