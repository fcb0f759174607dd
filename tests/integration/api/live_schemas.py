"""Everything that a live client of the tests hears is held against the AsyncAPI document."""

from pathlib import Path
from typing import Any

import jsonschema
import yaml

_DOCUMENT = yaml.safe_load(
    (Path(__file__).parents[3] / "docs" / "reference" / "asyncapi.yaml").read_text()
)
_SCHEMAS = _DOCUMENT["components"]["schemas"]


def _validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": _DOCUMENT["components"]}
    )


def _kinds(operation: str) -> dict[str, jsonschema.Draft202012Validator]:
    """The text messages of an operation by their kind."""
    found = {}
    for reference in _DOCUMENT["operations"][operation]["messages"]:
        message = _DOCUMENT["components"]["messages"][reference["$ref"].rsplit("/", 1)[-1]]
        name = message["payload"]["$ref"].rsplit("/", 1)[-1]
        if "contentType" not in message:
            found[_SCHEMAS[name]["properties"]["kind"]["const"]] = _validator(name)
    return found


TOLD = _kinds("tell")
STREAMED = _kinds("stream")
_FIRST_HEADER = _validator("waveformHeader")
_NEXT_HEADER = _validator("waveformNextHeader")


def check_told(message: dict[str, Any]) -> None:
    """A text message of the socket is one that the document knows."""
    assert message["kind"] in TOLD, f"not in the AsyncAPI document: {message}"
    TOLD[message["kind"]].validate(message)


def check_streamed(event: str, message: dict[str, Any]) -> None:
    """A server-sent event is one that the document knows."""
    assert event == message["kind"]
    assert event in STREAMED, f"not in the AsyncAPI document: {message}"
    STREAMED[event].validate(message)


def check_header(header: dict[str, Any]) -> None:
    """The header of a binary block is one that the document knows."""
    (_FIRST_HEADER if "hz" in header else _NEXT_HEADER).validate(header)
