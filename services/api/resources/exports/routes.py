"""GET /v1/patients/{patient}/exports/...: files of what is stored."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import StreamingResponse

from services.api.access import Request
from services.api.core.export_format import ExportFormat, wanted_format
from services.api.parameters import AskedRange, DeviceQuery, PatientName, StreamName
from services.api.resources.exports.schemas import RECORDINGS, TABLES, a_file
from services.api.resources.exports.service import Export, ExportService
from services.api.resources.exports.store import Resolution
from shared.contracts.measures import MEASURES_BY_KEY
from shared.errors import Invalid

_Accept = Annotated[
    str | None,
    Header(
        alias="Accept",
        max_length=1_000,
        include_in_schema=False,
    ),
]
_Measures = Annotated[
    list[str] | None,
    Query(
        alias="measure",
        max_length=100,
        description="Keys of measures; all when none is named",
        json_schema_extra={"items": {"type": "string", "enum": list(MEASURES_BY_KEY)}},
    ),
]


def routes(service: ExportService, *, caller: Callable[..., Awaitable[Request]]) -> APIRouter:
    """The routes of files."""
    router = APIRouter(prefix="/v1/patients/{patient}/exports", tags=["exports"])

    def form_of(offered: Sequence[ExportFormat]) -> Callable[..., ExportFormat]:
        def form(
            named: Annotated[
                ExportFormat | None,
                Query(
                    alias="format",
                    description="Goes before `Accept`; one of "
                    + ", ".join(one.value for one in offered),
                    json_schema_extra={"enum": [one.value for one in offered]},
                ),
            ] = None,
            accept: _Accept = None,
        ) -> ExportFormat:
            found = wanted_format(named, accept, offered)
            if found is None:
                raise Invalid(
                    "This comes as " + ", ".join(one.value for one in offered) + ".",
                    reason="no_such_format",
                )
            return found

        return form

    @router.get(
        "/samples",
        summary="All samples of a stream as a file",
        response_class=StreamingResponse,
        responses=a_file(RECORDINGS),
    )
    async def samples(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        stream: StreamName,
        span: AskedRange,
        form: Annotated[ExportFormat, Depends(form_of(RECORDINGS))],
        device: DeviceQuery = None,
    ) -> StreamingResponse:
        """Every sample as it was stored, of one device: the one with most samples unless named.

        `edf`: EDF+, with the onset of each record where there are holes (EDF+D); beats, padding
        and missing samples are annotations. `wfdb`: a ZIP archive with `.hea`, `.dat` (format 16,
        -32768 where missing, holes included) and `.atr` (beats by EC57). `telecare_xml`: rows of
        hex words, a stretch for what lies between holes. Seven days at most, CSV one day. Where
        nothing is stored a table is empty; the others answer 422 `nothing_stored`.
        """
        return _file(await service.samples(request, patient, stream, device, span, form))

    @router.get(
        "/vitals",
        summary="Vital signs as a table",
        response_class=StreamingResponse,
        responses=a_file(TABLES),
    )
    async def vitals(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        span: AskedRange,
        form: Annotated[ExportFormat, Depends(form_of(TABLES))],
        measures: _Measures = None,
        resolution: Annotated[
            Resolution,
            Query(description="Values: 31 days at most; minutes: 366 days; hours: five years"),
        ] = Resolution.VALUES,
    ) -> StreamingResponse:
        """Each value, or each minute or hour, of all devices and methods side by side."""
        return _file(await service.vitals(request, patient, measures, resolution, span, form))

    @router.get(
        "/beats",
        summary="Heart beats and pulses as a table",
        response_class=StreamingResponse,
        responses=a_file(TABLES),
    )
    async def beats(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        span: AskedRange,
        form: Annotated[ExportFormat, Depends(form_of(TABLES))],
    ) -> StreamingResponse:
        """R peaks and pulse feet, the oldest first; 31 days at most."""
        return _file(await service.beats(request, patient, span, form))

    @router.get(
        "/events",
        summary="Events as a table",
        response_class=StreamingResponse,
        responses=a_file(TABLES),
    )
    async def events(
        request: Annotated[Request, Depends(caller)],
        patient: PatientName,
        span: AskedRange,
        form: Annotated[ExportFormat, Depends(form_of(TABLES))],
    ) -> StreamingResponse:
        """What happened to the patient and the worn devices, the oldest first; 31 days at most."""
        return _file(await service.events(request, patient, span, form))

    return router


def _file(export: Export) -> StreamingResponse:
    return StreamingResponse(
        export.body,
        media_type=export.media_type,
        headers={"Content-Disposition": f'attachment; filename="{export.file_name}"'},
    )
