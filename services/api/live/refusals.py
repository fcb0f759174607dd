"""What a live client is told when something cannot be done for it."""

from types import MappingProxyType

import structlog

from services.api.core.told import is_fault_of_ours, told
from shared.errors import Denied, Invalid, NotFound, Unavailable, VitalwireError

log = structlog.get_logger()

_CODES: MappingProxyType[type[VitalwireError], str] = MappingProxyType(
    {Invalid: "invalid", NotFound: "not_found", Unavailable: "unavailable", Denied: "forbidden"}
)
REFUSALS = tuple(_CODES)
_DETAIL_CHARS = 200


def error_message(error: VitalwireError, subscription: str | None = None) -> dict[str, object]:
    """What a client is told of an error, about one of its subscriptions where one is named."""
    if is_fault_of_ours(error):
        log.error("live_message_failed", exc_info=error)
    code = next(name for kind, name in _CODES.items() if isinstance(error, kind))
    detail = told(error)[:_DETAIL_CHARS]
    message: dict[str, object] = {"kind": "error", "code": code, "detail": detail}
    return message if subscription is None else {**message, "id": subscription}
