"""Cursors: where a list or an event feed goes on. Opaque to clients, checked when they come back.

A cursor carries no rights: every page is filtered anew by who asks.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from typing_extensions import override

from shared.errors import Invalid

_MAX_CURSOR_CHARS = 200
_FEED = re.compile(r"([0-9]{1,10})\.([0-9]{1,18})")
_LAST_OFFSET = 10**18 - 1
_KEY_PART = re.compile(r"[\x20-\x7e]{0,64}")


class BadCursorError(Invalid):
    """The cursor was not made by this api."""


@dataclass(frozen=True, slots=True, order=True)
class FeedCursor:
    """A place in the ``events`` stream: what came up to and with ``offset`` was seen.

    Offsets begin again with each ``incarnation`` of the streams, so places are ordered by
    incarnation first.
    """

    incarnation: int
    offset: int

    @override
    def __str__(self) -> str:
        """The text that clients keep."""
        return f"{self.incarnation}.{self.offset}"

    def before(self) -> "FeedCursor":
        """The place just before this one; before the first, the end of the streams before."""
        if self.offset > 0:
            return FeedCursor(self.incarnation, self.offset - 1)
        return FeedCursor(self.incarnation - 1, _LAST_OFFSET)

    @classmethod
    def parse(cls, text: str) -> "FeedCursor":
        """The cursor of a text that ``str`` made.

        Raises
        ------
        BadCursorError : the text is something else
        """
        found = _FEED.fullmatch(text)
        if found is None:
            raise BadCursorError("not a feed cursor")
        return cls(int(found[1]), int(found[2]))


def encode_list_cursor(*parts: str) -> str:
    """The cursor of a list behind the row whose sort key is ``parts``."""
    raw = "\x1f".join(parts).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_list_cursor(text: str, n_parts: int) -> list[str]:
    """The sort key in a cursor.

    Raises
    ------
    BadCursorError : not a cursor, or one of another list
    """
    if len(text) > _MAX_CURSOR_CHARS:
        raise BadCursorError("the cursor is too long")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts = raw.decode("ascii").split("\x1f")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise BadCursorError("not a list cursor") from error
    if len(parts) != n_parts or not all(_KEY_PART.fullmatch(part) for part in parts):
        raise BadCursorError("the cursor belongs to another list")
    return parts
