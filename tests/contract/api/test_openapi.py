"""The OpenAPI document in the repository is that of the code."""

from pathlib import Path

import orjson

from services.api.__main__ import openapi_text
from services.api.bootstrap import openapi_document

SNAPSHOT = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"


def test_the_snapshot_is_current() -> None:
    assert SNAPSHOT.read_bytes() == openapi_text(), (
        "run: python -m services.api openapi > docs/reference/openapi.json"
    )


def test_every_error_is_a_problem() -> None:
    for path, operations in openapi_document()["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], (path, method)


def test_every_route_but_log_in_and_the_public_tables_needs_a_token() -> None:
    public = {"/v1/token", "/v1/token/refresh", "/v1/token/revoke", "/v1/measures", "/v1/streams"}
    document = orjson.loads(openapi_text())
    open_routes = {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if "security" not in operation
    }
    assert open_routes == public
