"""Puts the routers together into one application."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.http import problems
from services.api.http.page import Page

_DESCRIPTION = """Vital signs, samples, beats, events and alarms of patients whom the user may see.

Times are RFC 3339 in UTC with microseconds. Lists are `{items, next}`. Errors are problem
documents (RFC 9457) with a `code`. Live data: WebSocket `/v1/live`, see the AsyncAPI document.
What one may not know of answers 404 like what does not exist.
"""
_ANY_PROBLEM = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)

_WITH_BODY = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_CHANGED_OR_IN_THE_WAY = (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED)
_FURTHER: dict[tuple[str, str], tuple[HTTPStatus, ...]] = {
    ("/v1/devices", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/devices/bulk", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/devices/{device}/rotate", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/devices/{device}/claim-code", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/devices/{device}/commands", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/devices/{device}/configuration", "put"): _CHANGED_OR_IN_THE_WAY,
    ("/v1/devices/{device}/configuration", "patch"): _CHANGED_OR_IN_THE_WAY,
    ("/v1/groups", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/patients/{patient}/assignments", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/patients/{patient}/limits", "put"): (HTTPStatus.PRECONDITION_FAILED,),
}


def build_app(routers: Sequence[APIRouter], *, page: Path | None) -> FastAPI:
    """The application of these routers.

    Parameters
    ----------
    page : folder of the built page; none serves no page
    """
    app = FastAPI(
        title="vitalwire",
        version="1",
        description=_DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=problems.documented(*_ANY_PROBLEM),
    )
    problems.install(app)
    for router in routers:
        app.include_router(router)

    if page is not None:
        app.mount("/", Page(page))
    app.openapi()  # takes note of the routes: FastAPI replaces a document of others
    app.openapi_schema = _document(app)
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            further = _FURTHER.get((path, method), ())
            with_body = _WITH_BODY if "requestBody" in operation else ()
            told = problems.documented(*further, *with_body)
            operation["responses"] |= {str(status): answer for status, answer in told.items()}
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    definition = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(definition.pop("$defs", {}))
    schemas["Problem"] = definition
    return document
