"""Answers that a client may keep and ask about again.

What a client keeps is never shown without asking: each time the rights are checked and the read
is written down, and only the bytes are saved (304). So an ended relation ends the view, and the
next user of a shared browser gets nothing of the one before.
"""

import hashlib
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header
from starlette.responses import Response

from shared.contracts.instants import MINUTE, Interval

_SETTLED_US = MINUTE  # values of the newest minute still come in and are corrected

IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        max_length=1_000,
        description="`ETag` of an answer that is kept; 304 when it is still the same",
    ),
]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    int(HTTPStatus.NOT_MODIFIED): {"description": "What the client keeps still holds"}
}


def kept(
    body: bytes, *, interval: Interval, now_us: int, if_none_match: str | None, media_type: str
) -> Response:
    """The answer, or 304 when the client has it; a range that touches now is never kept."""
    if interval.end > now_us - _SETTLED_US:
        return Response(body, media_type=media_type)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if if_none_match is not None and _names(if_none_match, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _names(if_none_match: str, etag: str) -> bool:
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return etag in named or "*" in named
