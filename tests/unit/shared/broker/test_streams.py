"""The continuity of a stream, however its messages are cut into deliveries."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.broker.connection import Broker, BrokerAddress
from shared.broker.streams import (
    NOTE_OFFSETS,
    Discontinuity,
    Fault,
    StreamBatch,
    StreamEdge,
    StreamMessage,
    StreamReader,
)
from shared.telemetry.metrics import Metrics

ADDRESS = BrokerAddress(
    host="nowhere", port=1, vhost="none", user="nobody", password=SecretStr("none")
)


def reader(start: int | StreamEdge) -> StreamReader:
    """A reader that is never connected: only its judgement is asked for."""
    return StreamReader(
        Broker(ADDRESS, instance="test", metrics=Metrics("test")), "frames.0", start=start
    )


def message(offset: int) -> StreamMessage:
    return StreamMessage(offset=offset, type="", headers={}, body=b"", message_id=None)


def read(stream: StreamReader, offsets: list[int], cuts: list[int]) -> list[StreamBatch]:
    batches: list[StreamBatch] = []
    edges = sorted({0, len(offsets), *(cut for cut in cuts if cut < len(offsets))})
    for begin, end in pairwise(edges):
        for batch in stream._in_order([message(offset) for offset in offsets[begin:end]]):
            stream._next = batch.last_offset + 1
            batches.append(batch)
    return batches


@settings(deadline=None)
@given(
    st.integers(0, 50),
    st.lists(st.sampled_from([1, 1, 1, 1, 1 + NOTE_OFFSETS, 2 + NOTE_OFFSETS, 40]), max_size=60),
    st.lists(st.integers(0, 60), max_size=10),
)
def test_any_cut_gives_the_same_messages_and_gaps(
    first: int, steps: list[int], cuts: list[int]
) -> None:
    offsets = [first]
    for step in steps:
        offsets.append(offsets[-1] + step)
    found = read(reader(first), offsets, cuts)
    assert [it.offset for batch in found for it in batch.messages] == offsets
    gaps = [batch.discontinuity for batch in found if batch.discontinuity is not None]
    assert gaps == [
        Discontinuity(fault=Fault.TRUNCATED, expected=before + 1, found=after)
        for before, after in pairwise(offsets)
        if after - before > 1 + NOTE_OFFSETS
    ]
    for batch in found:
        if batch.discontinuity is not None:
            assert batch.messages[0].offset == batch.discontinuity.found


def test_what_comes_before_the_position_is_left_out() -> None:
    batches = read(reader(20), list(range(10, 30)), [5, 15])
    assert [it.offset for batch in batches for it in batch.messages] == list(range(20, 30))
    assert all(batch.discontinuity is None for batch in batches)


def test_without_a_position_the_first_message_is_no_gap() -> None:
    for edge in StreamEdge:
        (batch,) = read(reader(edge), [700, 701], [])
        assert batch.discontinuity is None
