import pytest

from services.api.core.export_format import ExportFormat, wanted_format

ALL = (
    ExportFormat.EDF,
    ExportFormat.WFDB,
    ExportFormat.TELECARE_XML,
    ExportFormat.CSV,
    ExportFormat.PARQUET,
)
TABLES = (ExportFormat.CSV, ExportFormat.PARQUET)


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        (None, "edf"),
        ("*/*", "edf"),
        ("text/csv", "csv"),
        ("text/html, application/zip;q=0.5, */*;q=0.1", "wfdb"),
        ("text/csv;q=0.4, application/vnd.apache.parquet;q=0.9", "parquet"),
        ("text/csv;q=0, */*", "edf"),
        ("application/vnd.vitalwire.telecare+xml", "telecare_xml"),
        ("text/html, application/xml;q=0.9, */*;q=0.8", "edf"),
        ("application/json", None),
        ("text/csv;q=nonsense", None),
    ],
)
def test_what_the_client_accepts_is_given(accept: str | None, format_: str | None) -> None:
    assert wanted_format(None, accept, ALL) == format_


def test_the_query_goes_before_the_header_and_only_what_is_offered_is_given() -> None:
    assert wanted_format(ExportFormat.PARQUET, "text/csv", TABLES) is ExportFormat.PARQUET
    assert wanted_format(ExportFormat.EDF, "text/csv", TABLES) is None
    assert wanted_format(None, "application/edf", TABLES) is None
