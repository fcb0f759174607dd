import pytest
from starlette.responses import Response

from services.api.caching import kept
from shared.contracts.instants import HOUR, Interval, Microseconds

NOW_US = 1_795_262_400_000_000
OVER = Interval(start=Microseconds(NOW_US - 2 * HOUR), end=Microseconds(NOW_US - HOUR))
NOW = Interval(start=Microseconds(NOW_US - HOUR), end=Microseconds(NOW_US))


def answer(body: bytes = b"{}", *, interval: Interval = OVER, named: str | None = None) -> Response:
    return kept(
        body,
        interval=interval,
        now_us=NOW_US,
        if_none_match=named,
        media_type="application/json",
    )


def test_what_is_over_has_a_tag_and_is_asked_about_again() -> None:
    first = answer()
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Authorization"
    assert answer(b"[]").headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_what_the_client_has_is_not_sent_again(form: str) -> None:
    etag = answer().headers["etag"]
    again = answer(named=form.format(etag))
    assert (again.status_code, again.body) == (304, b"")
    assert again.headers["etag"] == etag
    assert answer(b"[]", named=etag).status_code == 200


def test_what_touches_now_is_not_kept() -> None:
    assert "etag" not in answer(interval=NOW).headers
    assert answer(interval=NOW, named="*").status_code == 200
