"""Streams `vitals.{lane}` and `events`, as the evaluation of a lane reads them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from functools import cache

import msgspec
import numpy as np
import structlog

from services.alarms.core.inputs import EventsRead, HeardValue, StreamInput, ValuesRead
from services.alarms.core.memory import Reading
from services.alarms.metrics import AlarmMetrics
from shared.broker.connection import Broker
from shared.broker.streams import StreamBatch, StreamReader, StreamStart
from shared.contracts.events import Event, EventKind, decode_event
from shared.contracts.formats import EVENT_V1, VITALS_V1
from shared.contracts.identity import Lane
from shared.contracts.instants import HOUR
from shared.contracts.measures import Measure
from shared.contracts.quality import Validity, ValueFlag
from shared.contracts.records import BadBatch, Table
from shared.contracts.vitals import decode_vitals
from shared.runtime.clock import Clock

log = structlog.get_logger()

COLUMNS = ["patient", "received", "t", "device", "measure", "method", "value", "validity", "flags"]
_MEASURES = {int(measure): measure for measure in Measure}
_VALIDITIES = {int(validity): validity for validity in Validity}
_KNOWN_MEASURES = np.array(sorted(Measure))
_KNOWN_VALIDITIES = np.array(sorted(Validity))
AHEAD_MOST_US = HOUR  # a value from further in the future is no value: it would end all delays


class StreamFeed:
    """One stream from a position on.

    Parameters
    ----------
    start : where to begin
    understand : makes the input of one batch
    """

    def __init__(
        self,
        broker: Broker,
        stream: str,
        *,
        start: StreamStart,
        incarnation: int,
        understand: Callable[[str, StreamBatch], StreamInput],
    ) -> None:
        self._reader = StreamReader(broker, stream, start=start, incarnation=incarnation)
        self._understand = understand

    @property
    def is_at_end(self) -> bool:
        """Whether everything that there is has been given."""
        return self._reader.is_at_end

    async def inputs(self, *, until: asyncio.Event) -> AsyncGenerator[StreamInput]:
        """What is read, in order, until the stop. Cancel-safe when closed."""
        async with self._reader as reader, aclosing(reader.batches(until=until)) as batches:
            async for batch in batches:
                yield self._understand(reader.stream, batch)


class VitalUnderstanding:
    """Live values of a batch; late ones and those of nobody are left out."""

    def __init__(self, metrics: AlarmMetrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def __call__(self, stream: str, batch: StreamBatch) -> ValuesRead:
        """The values of a batch, in order."""
        values: list[HeardValue] = []
        for message in batch.messages:
            if message.type != VITALS_V1.name:
                continue  # beats travel here too
            decoded = decode_vitals(message.body)
            if isinstance(decoded, BadBatch):
                self._metrics.bad.labels("vitals").inc()
                log.error(
                    "bad_batch", stream=stream, offset=message.offset, fault=decoded.fault.value
                )
                continue
            values.extend(self._live(decoded.table))
        return ValuesRead(stream=stream, next_offset=batch.last_offset + 1, values=values)

    def _live(self, table: Table) -> Iterator[HeardValue]:
        latest = self._clock.now_us() + AHEAD_MOST_US
        sensible = (
            np.isin(table["measure"], _KNOWN_MEASURES)
            & np.isin(table["validity"], _KNOWN_VALIDITIES)
            & (table["received"] <= latest)
            & (table["t"] <= latest)
        )
        self._metrics.absurd.inc(int(len(table) - sensible.sum()))
        is_late = (table["flags"] & ValueFlag.LATE) != 0
        self._metrics.late.inc(int(is_late.sum()))
        live = table[sensible & ~is_late & (table["patient"] != 0)]
        columns = (live[name].tolist() for name in COLUMNS)
        for patient, received, t, device, measure, method, value, validity, flags in zip(
            *columns, strict=True
        ):
            yield HeardValue(
                patient,
                received,
                Reading(
                    t, device, _MEASURES[measure], method, value, _VALIDITIES[validity],
                    _flags(flags),
                ),
            )  # fmt: skip


@cache  # 16 bits at most
def _flags(number: int) -> ValueFlag:
    return ValueFlag(number)


class EventUnderstanding:
    """Events of a batch that are not our own, of the patients of one lane or of a device."""

    def __init__(self, lane: Lane, lane_of: Callable[[int], Lane], metrics: AlarmMetrics) -> None:
        self._lane = lane
        self._lane_of = lane_of
        self._metrics = metrics

    def __call__(self, stream: str, batch: StreamBatch) -> EventsRead:
        """The events of a batch, in order."""
        events: list[Event] = []
        for message in batch.messages:
            if message.type != EVENT_V1.name:
                continue
            try:
                event = decode_event(message.body)
            except msgspec.DecodeError as error:
                self._metrics.bad.labels("events").inc()
                log.error("bad_event", stream=stream, offset=message.offset, error=str(error))  # noqa: TRY400
                continue
            if event.kind is not EventKind.ALARM and (
                event.patient is None or self._lane_of(event.patient) == self._lane
            ):
                events.append(event)
        return EventsRead(stream=stream, next_offset=batch.last_offset + 1, events=events)
