from hypothesis import given
from hypothesis import strategies as st

from services.api.core.cursors import FeedCursor
from services.api.live.feed import Feed
from services.api.live.items import FeedItem
from shared.contracts.events import Event, EventKind, Severity


def item(offset: int, name: str = "") -> FeedItem:
    return FeedItem(
        cursor=FeedCursor(1, offset),
        event=Event(
            id=name or f"e{offset}",
            t=offset,
            kind=EventKind.LEAD_OFF,
            severity=Severity.LOW,
            source="gateway",
            text_key="lead_off",
            patient=1,
        ),
    )


def test_before_the_stream_was_found_its_place_is_unknown() -> None:
    feed = Feed(most=3)
    assert (feed.after, feed.newest) == (None, None)
    feed.begin(FeedCursor(1, 0).before())
    assert feed.newest is not None
    assert FeedCursor(0, 10**17) < feed.newest < FeedCursor(1, 0)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_what_lies_after_the_cursor_is_given_and_what_was_dropped_is_owned_up_to(
    n: int, since: int, most: int
) -> None:
    feed = Feed(most=most)
    feed.begin(FeedCursor(1, 0))
    for offset in range(1, n + 1):
        assert feed.put(item(offset))
    assert feed.newest == FeedCursor(1, n)
    assert feed.after == FeedCursor(1, max(0, n - most))
    kept = [one.cursor.offset for one in feed.since(FeedCursor(1, since))]
    assert kept == [offset for offset in range(max(0, n - most) + 1, n + 1) if offset > since]


def test_an_event_that_is_published_again_is_kept_once() -> None:
    feed = Feed(most=10)
    feed.begin(FeedCursor(1, 4), known=["0/stored"])
    assert not feed.put(item(5, "stored"))
    assert feed.put(item(6, "new"))
    assert not feed.put(item(7, "new"))
    assert [one.cursor.offset for one in feed.since(FeedCursor(1, 0))] == [6]
