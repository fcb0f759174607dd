"""The built page: files of web/dist, and its index for every path that the page routes itself."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from typing_extensions import override

_HASHED = "public, max-age=31536000, immutable"  # Vite puts a hash into each name under assets/
_FRESH = "no-cache"
_OURS = ("v1/", "docs")


class Page(StaticFiles):
    """Serves the page; a path without a file is the page's own business, one of ours is 404."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True, check_dir=True)

    @override
    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file of a path, or the index where the page has a route of its own."""
        if path == "v1" or path.startswith(_OURS):
            raise HTTPException(status_code=404, detail="There is no such thing.")
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or Path(path).suffix:  # a missing file is missing
                raise
            response = await super().get_response("index.html", scope)
        if isinstance(response, FileResponse):
            hashed = path.startswith("assets/")
            response.headers["Cache-Control"] = _HASHED if hashed else _FRESH
        return response
