"""What an export can be asked for, as OpenAPI tells it."""

from http import HTTPStatus
from typing import Any

from services.api.core.export_format import MEDIA_TYPES, ExportFormat

TABLES = (ExportFormat.CSV, ExportFormat.PARQUET)
RECORDINGS = (
    ExportFormat.EDF,
    ExportFormat.WFDB,
    ExportFormat.TELECARE_XML,
    ExportFormat.CSV,
    ExportFormat.PARQUET,
)


def a_file(formats: tuple[ExportFormat, ...]) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that gives a file in one of these formats."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        int(HTTPStatus.OK): {
            "description": "The file, sent as it is read",
            "content": {
                media_type: {"schema": {"type": "string"}} if media_type == "text/csv" else binary
                for media_type, form in MEDIA_TYPES.items()
                if form in formats
            },
        },
    }
