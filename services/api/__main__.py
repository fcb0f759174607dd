"""The api as a process: ``python -m services.api``.

``... openapi`` writes its OpenAPI document, ``... preferences`` a table of the page.
"""

import sys

import orjson

from services.api.bootstrap import bootstrap, openapi_document
from services.api.core.page_tables import preference_source
from services.api.settings import ApiSettings
from shared.runtime.service import run_service

_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def main() -> int:
    """Run the api until it is told to stop; gives the exit status."""
    if sys.argv[1:] == ["openapi"]:
        sys.stdout.buffer.write(openapi_text())
        return 0
    if sys.argv[1:] == ["preferences"]:
        sys.stdout.write(preference_source())
        return 0
    return run_service(ApiSettings, bootstrap)


def openapi_text() -> bytes:
    """The OpenAPI document as it stands in ``docs/reference/openapi.json``."""
    return orjson.dumps(openapi_document(), option=_READABLE)


if __name__ == "__main__":
    sys.exit(main())
