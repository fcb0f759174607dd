"""What is stored: who else hears of it than the device."""

import asyncio
from collections.abc import AsyncIterator

from services.gateway.application.receipts import Receipts
from services.gateway.core.flow import LaneFlow, StreamFlow
from services.gateway.core.messages import StoredMessages
from services.gateway.metrics import GatewayMetrics
from shared.contracts.identity import DeviceKey, Lane
from shared.contracts.receipts import Receipt
from shared.telemetry.metrics import Metrics
from tests.harness.manual_clock import ManualClock
from tests.unit.services.gateway.application.commands_in_memory import (
    HUB,
    UNIT,
    Lane0,
    MemoryQueue,
    MemoryTable,
)


class OneReceipt:
    """Storage has committed a message with samples of a unit."""

    async def receipts(self, lane: Lane, *, until: asyncio.Event) -> AsyncIterator[StoredMessages]:
        assert lane == 0
        assert not until.is_set()
        yield StoredMessages([Receipt(UNIT.key, 7, [(3, 4)])], None, late=False)


async def test_a_dialogue_hears_of_its_units_and_of_what_holds_nothing_to_store() -> None:
    clock = ManualClock()
    lane = Lane0(MemoryTable(clock), MemoryQueue())
    await lane.begin()
    lane.devices.add(UNIT._replace(hub=HUB.key))
    heard: list[tuple[DeviceKey, int, list[tuple[int, int]]]] = []
    flow = LaneFlow(StreamFlow(0, 100), StreamFlow(0, 100))
    metrics = GatewayMetrics(Metrics("gateway"))
    receipts = Receipts(Lane(0), OneReceipt(), lane.devices, flow, clock, metrics)
    receipts.listeners.append(lambda device, boot, ranges: heard.append((device, boot, [*ranges])))
    await receipts.collect(asyncio.Event())
    receipts.note_stored(HUB.key, 7, 5)
    assert heard == [(HUB.key, 7, [(3, 4)]), (HUB.key, 7, [(5, 5)])]
