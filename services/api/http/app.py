"""Puts the routers together into one application."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse
from typing_extensions import override

from services.api.http import problems
from services.api.http.page import Page

_DESCRIPTION = """Vital signs, samples, beats, events and alarms of patients whom the user may see.

Times are RFC 3339 in UTC with microseconds. Lists are `{items, next}`. Errors are problem
documents (RFC 9457) with a `code`. Live data: WebSocket `/v1/live`, see the AsyncAPI document.
What one may not know of answers 404 like what does not exist.
"""
_DOCUMENT_PATH = "/v1/openapi.json"
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
    ("/v1/devices/{device}/stance", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/maps", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/maps/{map}/use", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/maps/{map}", "delete"): (HTTPStatus.CONFLICT,),
    ("/v1/groups", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/patients/{patient}/assignments", "post"): (HTTPStatus.CONFLICT,),
    ("/v1/patients/{patient}/limits", "put"): (HTTPStatus.PRECONDITION_FAILED,),
}


class _Application(FastAPI):
    """Makes its OpenAPI document when somebody asks for it: that takes half the time of a start."""

    @override
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _document(self)
        return self.openapi_schema


def build_app(routers: Sequence[APIRouter], *, page: Path | None) -> FastAPI:
    """The application of these routers.

    Parameters
    ----------
    page : folder of the built page; none serves no page
    """
    app = _Application(
        title="vitalwire",
        version="1",
        description=_DESCRIPTION,
        openapi_url=None,  # it would make the document in the event loop
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=problems.documented(*_ANY_PROBLEM),
    )
    methods = {_DOCUMENT_PATH: frozenset({"GET"})}
    for router in routers:
        app.include_router(router)
        for route in router.routes:
            if isinstance(route, APIRoute):
                others = methods.get(route.path, frozenset())
                methods[route.path] = others | (route.methods or set())
    problems.install(app, methods=methods)

    async def document(_: Request) -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(app.openapi))

    app.add_route(_DOCUMENT_PATH, document, include_in_schema=False)
    if page is not None:
        app.mount("/", Page(page))
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
