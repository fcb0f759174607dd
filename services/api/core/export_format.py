"""In which format a file is given: named in the query, else by what the client accepts. Pure."""

from collections.abc import Sequence
from enum import StrEnum


class ExportFormat(StrEnum):
    """Formats of files."""

    CSV = "csv"
    PARQUET = "parquet"
    EDF = "edf"
    WFDB = "wfdb"
    TELECARE_XML = "telecare_xml"


MEDIA_TYPES = {
    "text/csv": ExportFormat.CSV,
    "application/vnd.apache.parquet": ExportFormat.PARQUET,
    "application/edf": ExportFormat.EDF,
    "application/zip": ExportFormat.WFDB,
    # A type of its own: browsers ask for application/xml before anything else.
    "application/vnd.vitalwire.telecare+xml": ExportFormat.TELECARE_XML,
}


def wanted_format(
    named: ExportFormat | None, accept: str | None, offered: Sequence[ExportFormat]
) -> ExportFormat | None:
    """The format to give, the first offered by default; None when none is offered that will do.

    Parameters
    ----------
    named : in the query; goes before what is accepted
    accept : the header
    """
    if named is not None:
        return named if named in offered else None
    weights: list[tuple[float, int, ExportFormat]] = []
    accepts_any = accept is None
    for place, one in enumerate((accept or "").split(",")):
        media_type, *parameters = (part.strip().lower() for part in one.split(";"))
        weight = _weight(parameters)
        if weight <= 0:
            continue
        found = MEDIA_TYPES.get(media_type)
        if found in offered and found is not None:
            weights.append((-weight, place, found))
        accepts_any |= media_type in {"*/*", "application/*", "text/*", ""}
    if weights:
        return min(weights)[2]
    return offered[0] if accepts_any else None


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
