"""Who calls: from the headers of a request to a user, or a refusal that is written down."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from services.api import access
from services.api.audit import Action, AuditEntry, AuditTrail, Origin, Outcome
from services.api.authentication import Authenticator, Unauthenticated
from services.api.core.token_bucket import Rate, RateLimitedError, TokenBuckets
from shared.errors import Unavailable
from shared.runtime.clock import Clock

log = structlog.get_logger()
Caller = Callable[..., Awaitable[access.Request]]

_BEARER = OAuth2PasswordBearer(tokenUrl="/v1/token", auto_error=False)
_ADDRESSES = 50_000


def origin_of(request: Request) -> Origin:
    """From where a request comes, for the audit trail and for limits."""
    client = request.client
    return Origin(
        address=client.host if client is not None else "local",
        request_id=request.scope.get("vitalwire.request_id", ""),
    )


def callers(
    authenticator: Authenticator, audit: AuditTrail, *, requests: Rate, refusals: Rate, clock: Clock
) -> Caller:
    """The dependency that gives each route its caller.

    Parameters
    ----------
    requests : of one session
    refusals : answered with 401 and written down, of one address; above, 429
    """
    by_session = TokenBuckets(requests, _ADDRESSES)
    by_address = TokenBuckets(refusals, _ADDRESSES)

    async def caller(
        request: Request, token: Annotated[str | None, Depends(_BEARER)]
    ) -> access.Request:
        origin = origin_of(request)
        resource = request.url.path[:200]
        try:
            principal = await authenticator.principal(token)
        except Unauthenticated as error:
            wait_s = by_address.take(origin.address, clock.monotonic_s())
            if wait_s > 0:
                raise RateLimitedError(wait_s) from error
            await refusal_written_down(audit, error, origin=origin, resource=resource)
            raise
        wait_s = by_session.take(principal.session_id, clock.monotonic_s())
        if wait_s > 0:
            raise RateLimitedError(wait_s)
        return access.Request(principal=principal, origin=origin, resource=resource)

    return caller


async def refusal_written_down(
    audit: AuditTrail, error: Unauthenticated, *, origin: Origin, resource: str
) -> None:
    """Write down that a token was refused; without the database it is a log line only."""
    try:
        await audit.append(
            AuditEntry(
                actor=error.actor,
                action=Action.AUTHENTICATE,
                resource=resource,
                outcome=Outcome.REFUSED,
                origin=origin,
                reason=error.reason,
            )
        )
    except Unavailable:
        # Nothing is given out, so the refusal stands although the trail cannot be written.
        log.warning("refusal_not_audited", reason=error.reason, address=origin.address)
