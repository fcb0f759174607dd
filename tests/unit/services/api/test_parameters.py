import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.parameters import DEFAULT_RANGE, read_instant, time_range
from shared.contracts.instants import to_text
from shared.errors import Invalid

NOW_US = 1_800_000_000_000_000


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.678901Z",
        "2026-01-02t03:04:05.1+02:00",
        "2026-01-02 03:04:05.123456789-11:30",
    ],
)
def test_times_by_the_rule_are_read(text: str) -> None:
    assert read_instant(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "0", "2026", "2026-W01-1", "20260102T030405Z", "2026-01-02T03:04:05",
     "2026-13-02T03:04:05Z", "2026-01-02T25:04:05Z",
     "2026-01-02T03:04:05+99:00", "٢٠٢٦-01-02T03:04:05Z"],
)  # fmt: skip
def test_other_texts_are_no_times(text: str) -> None:
    with pytest.raises(ValueError):
        read_instant(text)


@given(st.integers(0, 4_102_444_800_000_000))
def test_what_we_write_we_read(t_us: int) -> None:
    interval = time_range(to_text(t_us), to_text(t_us), now_us=NOW_US)
    assert interval.start == interval.end == t_us


def test_without_times_it_is_the_last_hour() -> None:
    interval = time_range(None, None, now_us=NOW_US)
    assert (interval.start, interval.end) == (NOW_US - DEFAULT_RANGE, NOW_US)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-02T00:00:01Z", "2026-01-02T00:00:00Z"),
        ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("1969-12-31T23:00:00Z", "1969-12-31T23:30:00Z"),
        ("2100-01-01T00:00:00Z", "2100-01-01T00:00:01Z"),
    ],
)
def test_a_range_has_bounds(start: str, end: str) -> None:
    with pytest.raises(Invalid):
        time_range(start, end, now_us=NOW_US)
