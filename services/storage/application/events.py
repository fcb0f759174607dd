"""Events: each id once in ``signal.event``, with its place in the stream as cursor."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.storage.application.ports import EventTable, Parking
from services.storage.core.erased import Fence
from services.storage.core.event_rows import EventRow, event_row
from services.storage.core.positions import Advance, StreamMessage
from services.storage.metrics import StorageMetrics
from shared.contracts.formats import EVENT_V1
from shared.contracts.parking import Reason


@dataclass(slots=True)
class EventWork:
    """Writes what the stream ``events`` carries."""

    table: EventTable
    parking: Parking
    metrics: StorageMetrics
    fence: Fence

    async def commit(self, messages: Sequence[StreamMessage], advance: Advance) -> None:
        """Make the events durable with the position; what cannot be stored is parked before."""
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

    async def _park(
        self, message: StreamMessage, advance: Advance, reason: Reason, detail: str
    ) -> None:
        stream = advance.position.stream
        await self.parking.park(message, stream=stream, reason=reason, detail=detail)
        self.metrics.parked.labels("events", reason).inc()
