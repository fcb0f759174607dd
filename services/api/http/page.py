"""The built page: files of web/dist, and its index for every path that the page routes itself."""

import asyncio
import gzip
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from typing_extensions import override

from services.api.http.compression import takes_gzip

_HASHED = "public, max-age=31536000, immutable"  # Vite puts a hash into each name under assets/
_FRESH = "no-cache"
_OURS = ("v1/", "docs")
_TEXTS = frozenset([".css", ".html", ".js", ".svg"])  # fonts and pictures are compressed already


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packed:
    """A file as gzip, and of which content (its ETag) it was made."""

    etag: str
    body: bytes


class Page(StaticFiles):
    """Serves the page; a path without a file is the page's own business, one of ours is 404.

    Each text is compressed once, when it is first asked for, and kept: the page has a handful.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True, check_dir=True)
        self._packed: dict[str, _Packed] = {}

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
        keep = _HASHED if path.startswith("assets/") else _FRESH
        response.headers["Cache-Control"] = keep
        if isinstance(response, FileResponse) and Path(response.path).suffix in _TEXTS:
            response.headers["Vary"] = "Accept-Encoding"
            asked = Headers(scope=scope)
            if takes_gzip(asked.get("accept-encoding", "")) and "range" not in asked:
                return await self._compressed(response)
        return response

    async def _compressed(self, plain: FileResponse) -> Response:
        path, etag = str(plain.path), plain.headers["etag"]
        packed = self._packed.get(path)
        if packed is None or packed.etag != etag:
            body = await asyncio.to_thread(_compress, path)
            packed = self._packed[path] = _Packed(etag=etag, body=body)
        response = Response(packed.body, media_type=plain.media_type)
        for name in ("Cache-Control", "Last-Modified", "Vary"):
            response.headers[name] = plain.headers[name]
        response.headers["Content-Encoding"] = "gzip"
        response.headers["ETag"] = f"W/{etag}"  # the same file in other bytes
        return response


def _compress(path: str) -> bytes:
    return gzip.compress(Path(path).read_bytes(), mtime=0)
