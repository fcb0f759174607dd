import gzip
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from services.api.http.page import Page

INDEX = b"<!doctype html>" + b"<p>page</p>" * 100
SCRIPT = b"export const a = 1;\n" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(INDEX)
    (tmp_path / "assets" / "index-a1b2.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "inter-c3d4.woff2").write_bytes(SCRIPT)
    return tmp_path


async def ask(
    page: Page, path: str, headers: Mapping[str, str] | None = None
) -> tuple[httpx.Response, bytes]:
    """The answer, and its bytes as they travel."""
    asked = {"accept-encoding": "gzip"} | dict(headers or {})
    transport = httpx.ASGITransport(page)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        client.stream("GET", path, headers=asked) as response,
    ):
        return response, b"".join([piece async for piece in response.aiter_raw()])


async def test_a_script_is_compressed_and_kept_for_ever(folder: Path) -> None:
    response, sent = await ask(Page(folder), "/assets/index-a1b2.js")
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["vary"] == "Accept-Encoding"
    assert int(response.headers["content-length"]) == len(sent) < len(SCRIPT) / 10
    assert gzip.decompress(sent) == SCRIPT


@pytest.mark.parametrize("path", ["/", "/patient/p-7kd2m", "/index.html"])
async def test_the_index_is_asked_for_again_each_time(folder: Path, path: str) -> None:
    page = Page(folder)
    response, sent = await ask(page, path)
    assert gzip.decompress(sent) == INDEX
    assert response.headers["cache-control"] == "no-cache"
    again, nothing = await ask(page, path, {"if-none-match": response.headers["etag"]})
    assert (again.status_code, nothing) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


async def test_a_new_build_is_served_at_once(folder: Path) -> None:
    page = Page(folder)
    first, _ = await ask(page, "/")
    (folder / "index.html").write_bytes(INDEX + b"<p>new</p>")
    again, sent = await ask(page, "/", {"if-none-match": first.headers["etag"]})
    assert again.status_code == 200
    assert gzip.decompress(sent) == INDEX + b"<p>new</p>"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/assets/index-a1b2.js", {"accept-encoding": "identity"}),
        ("/assets/inter-c3d4.woff2", {}),
    ],
)
async def test_who_takes_no_gzip_and_what_gains_nothing_is_plain(
    folder: Path, path: str, headers: dict[str, str]
) -> None:
    response, sent = await ask(Page(folder), path, headers)
    assert "content-encoding" not in response.headers
    assert sent == SCRIPT


async def test_a_part_of_a_file_is_of_the_file_itself(folder: Path) -> None:
    response, sent = await ask(Page(folder), "/assets/index-a1b2.js", {"range": "bytes=0-5"})
    assert response.status_code == 206
    assert "content-encoding" not in response.headers
    assert sent == SCRIPT[:6]
