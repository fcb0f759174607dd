"""Events: each id once in ``signal.event``, with its place in the stream as cursor.

Order of things: what cannot be stored is parked; then rows and position in one transaction; then
the receipts of the messages that these events settle, also for repeats, parked and erased ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.storage.application.ports import EventTable, Parking, Receipts
from services.storage.core.erased import Fence
from services.storage.core.event_rows import EventRow, SettledMessage, event_row, settled_by
from services.storage.core.positions import Advance, StreamMessage
from services.storage.core.receipt_ranges import receipt_ranges
from services.storage.metrics import StorageMetrics
from shared.contracts.formats import EVENT_V1
from shared.contracts.identity import Lane, Shard, lane_of
from shared.contracts.names import Header
from shared.contracts.parking import Reason

MOST_SHARDS = 100_000
"""Devices whose shard is remembered: it never changes."""


@dataclass(slots=True)
class EventWork:
    """Writes what the stream ``events`` carries.

    Parameters
    ----------
    lanes : how many there are
    receipts : gives the way to the gateway of a lane
    """

    table: EventTable
    parking: Parking
    metrics: StorageMetrics
    fence: Fence
    lanes: int
    receipts: Callable[[Lane], Receipts]
    _shards: dict[int, Shard] = field(default_factory=dict, init=False)

    async def commit(self, messages: Sequence[StreamMessage], advance: Advance) -> None:
        """Make the events durable with the position, then send the receipts that they give."""
        position = advance.position
        rows: dict[tuple[int, str], EventRow] = {}
        for message in messages:
            row = event_row(
                message.body, incarnation=position.incarnation, stream_offset=message.offset
            )
            if message.type != EVENT_V1.name:
                await self._park(
                    message, advance, Reason.UNSUPPORTED_VERSION, f"format {message.type!r}"
                )
            elif isinstance(row, EventRow) and self.fence.erased.of_event(
                row.patient_id, row.device_id, row.t
            ):
                self.metrics.fenced.labels("event").inc()
            elif isinstance(row, EventRow):
                rows.setdefault((row.device_id, row.id), row)
            else:
                await self._park(message, advance, row.reason, row.detail)
        written = await self.table.append(list(rows.values()), advance)
        self.metrics.rows.labels("event").inc(written)
        self.metrics.rows_a_commit.labels("events").observe(written)
        settled = [found for message in messages if (found := settled_by(message.body)) is not None]
        if settled:
            await self._send_receipts(settled, advance)

    async def _send_receipts(self, settled: Sequence[SettledMessage], advance: Advance) -> None:
        """Tell the gateways which messages of devices are stored with these events."""
        unknown = {one.device for one in settled} - self._shards.keys()
        if unknown:
            if len(self._shards) + len(unknown) > MOST_SHARDS:
                self._shards.clear()
                unknown = {one.device for one in settled}
            self._shards |= await self.table.shards(unknown)
        by_lane: dict[Lane, list[SettledMessage]] = {}
        for one in settled:
            shard = self._shards.get(one.device)
            if shard is not None:  # else nobody can be told
                by_lane.setdefault(lane_of(shard, self.lanes), []).append(one)
        headers: dict[str, str | int] = {Header.INCARNATION: advance.position.incarnation}
        for lane, of_lane in by_lane.items():
            device, boot, n = np.array(of_lane, np.int64).T
            await self.receipts(lane).send(receipt_ranges(device, boot, n), headers)

    async def _park(
        self, message: StreamMessage, advance: Advance, reason: Reason, detail: str
    ) -> None:
        stream = advance.position.stream
        await self.parking.park(message, stream=stream, reason=reason, detail=detail)
        self.metrics.parked.labels("events", reason).inc()
