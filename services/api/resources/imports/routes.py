"""POST and GET /v1/imports."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from starlette.requests import Request as HttpRequest

from services.api.access import Request
from services.api.parameters import Cursor, IdempotencyKeyHeader, Limit
from services.api.resources.imports.schemas import Import, ImportList
from services.api.resources.imports.service import Brought, ImportService

PATH = "/v1/imports"
_ImportId = Annotated[
    str,
    Path(
        alias="import",
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="Id of a file",
    ),
]
_Device = Annotated[str, Query(pattern=r"^[a-z0-9-]{3,40}$", description="Whose recording it is")]
_Patient = Annotated[
    str | None,
    Query(
        pattern=r"^p-[a-z0-9]{5,20}$",
        description="Who wore the device then, where that is not written down yet",
    ),
]
_Name = Annotated[
    str,
    Query(pattern=r"^[^/\\\x00-\x1f\x7f]{1,120}$", description="Of the file, without folders"),
]
_Format = Annotated[
    str | None,
    Query(
        pattern=r"^[a-z0-9_]{1,40}$",
        description="edf_plus, wfdb, csv or a codec of the device's model; else by the name",
    ),
]
_Options = Annotated[
    list[str] | None,
    Query(
        alias="option",
        max_length=20,
        description="name=value of the format, such as start=2026-01-02T03:04:05Z",
    ),
]
_BODY = {
    "requestBody": {
        "required": True,
        "description": "The file itself, at most 64 MiB",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _brought(
    http: HttpRequest,
    device: _Device,
    name: _Name,
    patient: _Patient = None,
    form: Annotated[_Format, Query(alias="format")] = None,
    options: _Options = None,
) -> Brought:
    length = http.headers.get("content-length", "")
    return Brought(
        device=device,
        patient=patient,
        name=name,
        format=form,
        options=options or (),
        n_bytes=int(length) if length.isdigit() and len(length) < 12 else None,
    )


def routes(service: ImportService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of files."""
    router = APIRouter(prefix=PATH, tags=["imports"])

    @router.post(
        "",
        status_code=HTTPStatus.ACCEPTED,
        summary="Bring a recording of a device",
        openapi_extra=_BODY,
        responses={
            int(HTTPStatus.OK): {
                "model": Import,
                "description": "The same file was brought before; nothing is done",
            }
        },
    )
    async def bring(
        request: Annotated[Request, Depends(caller)],
        brought: Annotated[Brought, Depends(_brought)],
        http: HttpRequest,
        response: Response,
        key: IdempotencyKeyHeader = None,
    ) -> Import:
        """All of it is stored or nothing; vital signs are computed at the time of the recording."""
        answer, is_new = await service.bring(request, brought, http.stream(), key=key)
        response.headers["Location"] = f"{PATH}/{answer.id}"
        if not is_new:
            response.status_code = HTTPStatus.OK
        return answer

    @router.get("", summary="Files of a device")
    async def imports(
        request: Annotated[Request, Depends(caller)],
        device: _Device,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> ImportList:
        """The newest first, those that the device itself has sent among them."""
        return await service.imports(request, device, limit=limit, cursor=cursor)

    @router.get("/{import}", summary="A file and what became of it")
    async def found(request: Annotated[Request, Depends(caller)], file: _ImportId) -> Import:
        """Its state as it is now."""
        return await service.found(request, file)

    return router
