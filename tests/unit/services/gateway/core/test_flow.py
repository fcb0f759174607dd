"""How far a lane may run ahead of storage."""

from services.gateway.core.flow import LaneFlow, StreamFlow


def test_it_is_full_until_storage_has_read_on() -> None:
    flow = StreamFlow(1_000, most_bytes=100)
    assert (flow.publish(60), flow.is_full_with(0)) == (1_060, False)
    assert (flow.is_full_with(39), flow.is_full_with(40)) == (False, True)
    assert (flow.publish(40), flow.is_full_with(0)) == (1_100, True)
    flow.store(1_001)
    assert (flow.lag_bytes, flow.is_full_with(0)) == (99, False)


def test_a_receipt_that_was_overtaken_or_of_other_times_changes_nothing() -> None:
    flow = StreamFlow(0, most_bytes=100)
    flow.publish(50)
    flow.store(40)
    flow.store(10)
    assert flow.lag_bytes == 10
    flow.store(10**12)
    assert flow.lag_bytes == 0
    flow.publish(100)
    assert flow.is_full_with(0)


def test_one_full_stream_stops_the_lane() -> None:
    flow = LaneFlow(StreamFlow(0, 100), StreamFlow(0, 100))
    flow.publish(100, late=True)
    assert flow.is_full_with(0)
    flow.store(100, late=False)
    assert flow.is_full_with(0)
    flow.store(50, late=True)
    assert (flow.is_full_with(0), flow.lag_bytes) == (False, 50)
