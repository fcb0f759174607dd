import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.cursors import (
    BadCursorError,
    FeedCursor,
    decode_list_cursor,
    encode_list_cursor,
)


@given(
    st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
        min_size=1,
        max_size=4,
    )
)
def test_a_list_cursor_comes_back_whole(parts: list[str]) -> None:
    assert decode_list_cursor(encode_list_cursor(*parts), len(parts)) == parts


@given(st.text(max_size=300))
def test_what_is_no_list_cursor_is_refused(text: str) -> None:
    try:
        parts = decode_list_cursor(text, 2)
    except BadCursorError:
        return
    assert encode_list_cursor(*parts).rstrip("=") == text.rstrip("=") or len(parts) == 2


@pytest.mark.parametrize("text", ["a" * 201, "%%%", "AA", encode_list_cursor("one"), "_____w"])
def test_a_foreign_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursorError):
        decode_list_cursor(text, 2)


@given(st.integers(0, 2**31), st.integers(0, 10**17))
def test_a_feed_cursor_comes_back(incarnation: int, offset: int) -> None:
    cursor = FeedCursor(incarnation, offset)
    assert FeedCursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "1", "1.", "1.x", "-1.2", "1.2.3", "١.٢", "1." + "9" * 19])
def test_what_is_no_feed_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursorError):
        FeedCursor.parse(text)


def test_a_later_incarnation_is_later() -> None:
    assert FeedCursor(1, 999) < FeedCursor(2, 0)
