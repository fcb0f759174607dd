"""A mark in a session's own queue is acknowledged when all that came before it is."""

from services.gateway.core.messages import MARKS
from tests.unit.services.gateway.application.lane_in_memory import MemoryLane
from tests.unit.services.gateway.application.test_ingest import packed


async def test_a_mark_is_acknowledged_behind_what_came_before_it_and_not_parked() -> None:
    lane = MemoryLane()
    mark = lane.incoming(b"")._replace(topic=f"{MARKS}vw_gateway/up/gateway-1-0", packet_id=9)
    await lane.accept(lane.incoming(packed(0)), mark, lane.incoming(packed(1)))
    assert lane.session.acknowledged == []
    await lane.out.confirm()
    assert lane.session.acknowledged == [2, 9, 3]
    assert lane.out.parked == []
