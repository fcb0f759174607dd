import pytest

from shared.database.statements import load_statements, parse_statements
from shared.errors import Misconfigured


def test_statements_have_names_and_sentences() -> None:
    found = parse_statements(
        "-- about the file\n\n-- name: one\n-- Gives one,\n-- always.\nselect 1;\n\n"
        "-- name: two\n-- Gives two.\nselect\n  2 -- truly\n;\n",
        where="test",
    )
    assert list(found) == ["one", "two"]
    assert found["one"].says == "Gives one, always."
    assert found["one"].sql == "select 1"
    assert found["two"].sql == "select\n  2 -- truly\n"


@pytest.mark.parametrize(
    "text",
    [
        "-- name: one\n-- Says.\nselect 1;\n-- name: one\n-- Says.\nselect 1;",
        "-- name: one\nselect 1;",
        "-- name: one\n-- Says.\n",
    ],
)
def test_a_bad_file_stops_the_start(text: str) -> None:
    with pytest.raises(Misconfigured):
        parse_statements(text, where="test")


def test_a_missing_file_stops_the_start() -> None:
    with pytest.raises(Misconfigured):
        load_statements("shared.database", "missing.sql")
    with pytest.raises(Misconfigured):
        load_statements("no.such.package")
