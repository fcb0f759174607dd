import gzip
from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from services.api.http.compression import Compression, takes_gzip

LONG = b'{"points":[' + b'{"value":71.25},' * 1_000 + b"{}]}"
ETAG = '"as it is"'


async def answer(request: Request) -> Response:
    body = LONG if request.query_params.get("long") else b"{}"
    headers = {"ETag": ETAG, "Cache-Control": "private, no-cache"}
    return Response(body, media_type="application/json", headers=headers)


async def to_change(_: Request) -> Response:
    return Response(LONG, media_type="application/json", headers={"ETag": ETAG})


async def in_pieces(_: Request) -> Response:
    return StreamingResponse(iter([LONG, LONG]), media_type="text/csv")


async def binary(_: Request) -> Response:
    return Response(LONG, media_type="application/vnd.apache.parquet")


async def not_modified(_: Request) -> Response:
    return Response(status_code=304, headers={"ETag": ETAG})


async def text(_: Request) -> Response:
    return PlainTextResponse(LONG)


APP = Compression(
    Starlette(
        routes=[
            Route("/v1/vitals", answer, methods=["GET", "POST"]),
            Route("/v1/token/refresh", answer),
            Route("/v1/limits", to_change),
            Route("/v1/pieces", in_pieces),
            Route("/v1/parquet", binary),
            Route("/v1/same", not_modified),
            Route("/v1/text", text),
        ]
    )
)


async def ask(
    path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[httpx.Response, bytes]:
    """The answer, and its bytes as they travel."""
    asked = {"accept-encoding": "gzip, br"} | dict(headers or {})
    transport = httpx.ASGITransport(APP)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        client.stream(method, path, headers=asked) as response,
    ):
        return response, b"".join([piece async for piece in response.aiter_raw()])


async def test_a_long_answer_is_sent_compressed_and_comes_back_as_it_was() -> None:
    response, sent = await ask("/v1/vitals?long=yes")
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["etag"] == f"W/{ETAG}"
    assert int(response.headers["content-length"]) == len(sent) < len(LONG) / 10
    assert gzip.decompress(sent) == LONG


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "*;q=0", "gzip;q=nonsense"])
async def test_who_does_not_take_gzip_gets_it_plain(accepted: str) -> None:
    response, sent = await ask("/v1/vitals?long=yes", headers={"accept-encoding": accepted})
    assert "content-encoding" not in response.headers
    assert response.headers["vary"] == "Accept-Encoding"  # a cache must keep them apart
    assert response.headers["etag"] == ETAG
    assert sent == LONG


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/vitals", "GET"),  # short
        ("/v1/vitals?long=yes", "POST"),
        ("/v1/token/refresh?long=yes", "GET"),  # with a cookie
        ("/v1/limits", "GET"),  # its tag is to come back with If-Match
        ("/v1/parquet", "GET"),
        ("/v1/text", "GET"),
        ("/v1/pieces", "GET"),
    ],
)
async def test_what_does_not_gain_or_may_not_be_is_left_plain(path: str, method: str) -> None:
    response, sent = await ask(path, method=method)
    assert "content-encoding" not in response.headers
    assert sent in (b"{}", LONG, LONG * 2)


async def test_what_the_client_has_stays_said_in_a_word() -> None:
    response, sent = await ask("/v1/same")
    assert (response.status_code, sent) == (304, b"")
    assert response.headers["etag"] == ETAG


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("*;q=0.1, br", True),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("x-gzip", False),
    ],
)
def test_the_weights_of_codings_are_read(value: str, *, taken: bool) -> None:
    assert takes_gzip(value) is taken
