"""Errors as problem documents (RFC 9457). The one place that knows status codes.

Each error of the hierarchy becomes one status and one ``code``; nothing of an unexpected error
reaches the outside.
"""

import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.api.authentication import Unauthenticated
from services.api.core.cursors import BadCursorError
from services.api.core.token_bucket import RateLimitedError
from services.api.core.told import is_fault_of_ours, told
from shared.errors import Conflict, Denied, Invalid, NotFound, Unavailable, VitalwireError

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
_RETRY_UNAVAILABLE_S = 2
_MAX_ERRORS = 20
_MAX_DETAIL_CHARS = 500
_BEARER = {"WWW-Authenticate": 'Bearer realm="vitalwire"'}


class FieldError(BaseModel):
    """One value of the request that was refused."""

    field: str
    message: str


class Problem(BaseModel):
    """A problem document."""

    type: str = Field(examples=["urn:vitalwire:problem:not_found"])
    title: str
    status: int
    code: str
    detail: str
    instance: str | None = None
    errors: list[FieldError] | None = None


# Told in the OpenAPI document for every operation that can answer so.
_DESCRIPTIONS = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read",
    HTTPStatus.UNAUTHORIZED: "No token, or one that does not hold",
    HTTPStatus.FORBIDDEN: "The role does not allow it",
    HTTPStatus.NOT_FOUND: "There is no such thing, or it may not be known",
    HTTPStatus.CONFLICT: "It cannot be done beside what is already there",
    HTTPStatus.PRECONDITION_FAILED: "It was changed meanwhile",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A value makes no sense here",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many; see Retry-After",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault of ours",
    HTTPStatus.SERVICE_UNAVAILABLE: "Something we need is away; see Retry-After",
}


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a router for these problems."""
    return {
        int(status): {
            "description": _DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def problem_response(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    instance: str | None = None,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that carries a problem."""
    problem = Problem(
        type=f"urn:vitalwire:problem:{code}",
        title=status.phrase,
        status=int(status),
        code=code,
        detail=detail[:_MAX_DETAIL_CHARS],
        instance=instance,
        errors=errors,
    )
    return Response(
        orjson.dumps(problem.model_dump(exclude_none=True)),
        status_code=int(status),
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def install(app: FastAPI, *, methods: Mapping[str, frozenset[str]]) -> None:
    """Have the application answer every error with a problem.

    Parameters
    ----------
    methods : by the template of each path, what may be done there
    """
    app.state.methods = methods
    app.add_exception_handler(VitalwireError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_routing)
    app.add_exception_handler(Exception, _of_fault)


def _of_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, VitalwireError)
    if is_fault_of_ours(error):
        return _of_fault(request, error)
    instance = request.url.path
    match error:
        case Unauthenticated(reason="bad_credentials"):
            return problem_response(
                HTTPStatus.UNAUTHORIZED,
                "bad_credentials",
                "The user name or the password is wrong.",
                headers=_BEARER,
            )
        case Unauthenticated():
            return problem_response(
                HTTPStatus.UNAUTHORIZED,
                error.reason,
                "Log in, then send the access token.",
                instance=instance,
                headers=_BEARER,
            )
        case Denied():
            return problem_response(
                HTTPStatus.FORBIDDEN,
                "forbidden",
                str(error) or "Your role does not allow this.",
                instance=instance,
            )
        case NotFound():
            return problem_response(
                HTTPStatus.NOT_FOUND, "not_found", "There is no such thing.", instance=instance
            )
        case Conflict(constraint="if_match"):
            return problem_response(
                HTTPStatus.PRECONDITION_FAILED, "changed_meanwhile", str(error), instance=instance
            )
        case Conflict():
            return problem_response(HTTPStatus.CONFLICT, "conflict", str(error), instance=instance)
        case BadCursorError():
            return problem_response(
                HTTPStatus.UNPROCESSABLE_ENTITY, "bad_cursor", str(error), instance=instance
            )
        case RateLimitedError():
            return problem_response(
                HTTPStatus.TOO_MANY_REQUESTS,
                "rate_limited",
                "Too many; come again later.",
                instance=instance,
                headers={"Retry-After": str(max(1, math.ceil(error.wait_s)))},
            )
        case Invalid():
            return problem_response(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                error.reason or "invalid",
                str(error),
                instance=instance,
            )
        case Unavailable():
            log.warning("request_unavailable", dependency=error.dependency, reason=error.text)
            return problem_response(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "unavailable",
                told(error),
                instance=instance,
                headers={"Retry-After": str(_RETRY_UNAVAILABLE_S)},
            )
        case _:
            return _of_fault(request, error)


def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(field=".".join(str(part) for part in found["loc"]), message=found["msg"])
        for found in error.errors()[:_MAX_ERRORS]
    ]
    return problem_response(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        "Values of the request make no sense; see errors.",
        instance=request.url.path,
        errors=errors,
    )


_ROUTING_CODES = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
}


def _of_routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_allowed_methods(request)))
    return problem_response(
        status,
        _ROUTING_CODES.get(status, status.phrase.lower().replace(" ", "_")),
        str(error.detail),
        instance=request.url.path,
        headers=headers,
    )


def _allowed_methods(request: Request) -> set[str]:
    """All methods of a path: the framework names those of its first route only."""
    found: Mapping[str, frozenset[str]] = request.app.state.methods
    path = request.url.path
    return {
        method
        for template, methods in found.items()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) is not None
        for method in methods
    }


def _of_fault(request: Request, error: Exception) -> Response:
    log.error(
        "request_failed", path=request.scope.get("path"), method=request.method, exc_info=error
    )
    return problem_response(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "A fault of ours; it is logged."
    )
