"""POST /v1/token and its refresh and end. The refresh token lives in an HttpOnly cookie."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Cookie, Depends, Form, Header, Request, Response

from services.api.audit import Origin
from services.api.authentication import RefreshToken
from services.api.resources.token.schemas import TokenAnswer
from services.api.resources.token.service import Tokens, TokenService
from shared.errors import Denied

COOKIE = "vw_refresh"
_PATH = "/v1/token"
_TOKEN_CHARS = 100
_Sent = Annotated[
    str | None, Cookie(alias=COOKIE, max_length=_TOKEN_CHARS, include_in_schema=False)
]
_FetchSite = Annotated[str | None, Header(alias="Sec-Fetch-Site", include_in_schema=False)]


def routes(
    service: TokenService,
    *,
    origin: Callable[[Request], Origin] | Callable[[Request], Awaitable[Origin]],
    cookie_secure: bool,
    cookie_s: int,
) -> APIRouter:
    """The routes of log-in."""
    router = APIRouter(prefix=_PATH, tags=["token"])

    def answer(response: Response, tokens: Tokens) -> TokenAnswer:
        response.set_cookie(
            COOKIE,
            tokens.refresh,
            max_age=cookie_s,
            path=_PATH,
            secure=cookie_secure,
            httponly=True,
            samesite="strict",
        )
        return TokenAnswer(access_token=tokens.access, expires_in=service.access_token_s)

    @router.post("", summary="Log in")
    async def log_in(
        response: Response,
        origin: Annotated[Origin, Depends(origin)],
        username: Annotated[str, Form(min_length=1, max_length=80)],
        password: Annotated[
            str, Form(min_length=1, max_length=256, json_schema_extra={"format": "password"})
        ],
        grant_type: Annotated[Literal["password"], Form()] = "password",
    ) -> TokenAnswer:
        """An access token for a user name and a password (OAuth 2 password grant)."""
        _ = grant_type
        return answer(response, await service.log_in(username, password, origin))

    @router.post("/refresh", summary="Go on with a new access token")
    async def refresh(
        response: Response,
        origin: Annotated[Origin, Depends(origin)],
        sent: _Sent = None,
        site: _FetchSite = None,
    ) -> TokenAnswer:
        """A new access token for the refresh cookie, which is replaced; it works once."""
        _refuse_other_sites(site)
        return answer(response, await service.refresh(_token(sent), origin))

    @router.post("/revoke", status_code=HTTPStatus.NO_CONTENT, summary="Log out")
    async def revoke(
        origin: Annotated[Origin, Depends(origin)], sent: _Sent = None, site: _FetchSite = None
    ) -> Response:
        """End the session of the refresh cookie, and with it all its tokens."""
        _refuse_other_sites(site)
        await service.log_out(_token(sent), origin)
        response = Response(status_code=HTTPStatus.NO_CONTENT)
        response.delete_cookie(
            COOKIE, path=_PATH, secure=cookie_secure, httponly=True, samesite="strict"
        )
        return response

    return router


def _token(sent: str | None) -> RefreshToken | None:
    return RefreshToken(sent) if sent else None


def _refuse_other_sites(site: str | None) -> None:
    # SameSite=Strict keeps the cookie at home already; this is for browsers that do not.
    if site not in (None, "same-origin", "none"):
        raise Denied("The cookie works for our own page only.")
