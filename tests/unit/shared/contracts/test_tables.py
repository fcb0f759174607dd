"""The tables of streams, measures, methods and formats are whole and agree with each other."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import formats, instants, measures, methods, streams
from shared.contracts.names import Exchange


def test_every_stream_and_measure_and_method_has_its_row() -> None:
    assert set(streams.STREAMS) == set(streams.Stream)
    assert set(measures.MEASURES) == set(measures.Measure)
    assert set(methods.METHODS) == set(methods.Method)


def test_keys_are_unique_and_in_snake_case() -> None:
    assert len(streams.STREAMS_BY_KEY) == len(streams.STREAMS)
    assert len(measures.MEASURES_BY_KEY) == len(measures.MEASURES)
    for key in (*streams.STREAMS_BY_KEY, *measures.MEASURES_BY_KEY):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", key)


def test_plausible_ranges_and_qualities_are_ranges() -> None:
    for row in measures.MEASURES.values():
        assert row.low < row.high, row.key
        assert 0 < row.least_quality < 1, row.key
        assert row.stale_s >= row.interval_s, row.key


def test_every_exchange_carries_a_known_format() -> None:
    carried = {exchange for each in formats.FORMATS for exchange in each.on}
    assert carried == set(Exchange)
    assert len({each.name for each in formats.FORMATS}) == len(formats.FORMATS)


@given(st.integers(-(10**15), 4 * 10**15))
def test_instants_survive_text(t: int) -> None:
    assert instants.from_text(instants.to_text(t)) == t


def test_a_text_with_an_offset_is_the_same_instant() -> None:
    there = instants.from_text("2026-03-01T12:00:00.5+02:00")
    assert there == datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC).timestamp() * 1e6


def test_a_text_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        instants.from_text("2026-03-01T12:00:00")


def test_an_interval_is_half_open_and_never_ends_before_it_begins() -> None:
    span = instants.Interval(start=instants.Microseconds(1), end=instants.Microseconds(3))
    assert [t in span for t in range(5)] == [False, True, True, False, False]
    with pytest.raises(ValueError, match="ends at"):
        instants.Interval(start=instants.Microseconds(3), end=instants.Microseconds(1))
