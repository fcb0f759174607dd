"""Reads the streams once per process, from now on, and hands what comes to the hub.

Nothing is stored or acknowledged for anybody: a live socket that misses something learns of it by
a gap or comes again with its cursor.
"""

import asyncio
from functools import partial

import msgspec
import structlog

from services.api.core.cursors import FeedCursor
from services.api.live.feed_store import Deployment, FeedStore
from services.api.live.hub import Hub
from services.api.live.items import FeedItem
from services.api.metrics import ApiMetrics
from shared.broker.connection import Broker
from shared.broker.streams import StreamBatch, StreamEdge, StreamMessage, StreamReader
from shared.contracts.beats import BeatBatch, decode_beats
from shared.contracts.events import decode_event
from shared.contracts.formats import BEATS_V1, EVENT_V1, FRAMES_V1, VITALS_V1
from shared.contracts.frames import FrameBatch, decode_frames
from shared.contracts.identity import Lane
from shared.contracts.names import Exchange, Queue, lane_queue
from shared.contracts.vitals import VitalBatch, decode_vitals
from shared.errors import Conflict, Unavailable
from shared.runtime.clock import Clock
from shared.runtime.quarantine import attempt_twice
from shared.runtime.retry import Retry
from shared.runtime.waiting import pause

log = structlog.get_logger()

_LOOK_EVERY_S = 1.0  # how soon other lanes are read: a stream that is silent tells nothing
_KNOWN = 1_000  # newest stored events that are recognised when a publisher sends them again


class Tail:
    """The live ends of ``frames``, ``vitals`` and ``events``."""

    def __init__(
        self, *, broker: Broker, store: FeedStore, hub: Hub, metrics: ApiMetrics, clock: Clock
    ) -> None:
        self._broker = broker
        self._store = store
        self._hub = hub
        self._metrics = metrics
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Read until the stop; begins anew when the streams were made anew."""
        while not stop.is_set():
            try:
                deployment = await Retry().run(self._store.deployment, until=stop)
                stored = await Retry().run(self._store.newest_place, until=stop)
                first = _first_unstored(stored, deployment)
                known = await Retry().run(
                    partial(self._store.newest_identities, first.before(), most=_KNOWN), until=stop
                )
            except Unavailable:
                return  # tried until the stop
            # What is stored is in the database; what comes after is kept in memory from the
            # begin, so that between the two nothing is missed by who comes back.
            self._hub.begin_feed(first.before(), known)
            self._hub.begin_values()
            log.info("tail_started", lanes=deployment.lanes, incarnation=deployment.incarnation)
            try:
                async with asyncio.TaskGroup() as group:
                    for lane in range(deployment.lanes):
                        for exchange in (Exchange.FRAMES, Exchange.VITALS):
                            stream = lane_queue(exchange, Lane(lane))
                            reading = self._follow(stream, StreamEdge.NEXT, deployment, stop)
                            group.create_task(reading)
                    group.create_task(self._follow_feed(first, deployment, stop))
                    group.create_task(self._watch(deployment, stop))
            except* Conflict:
                log.info("tail_restarts", incarnation=deployment.incarnation)

    async def _watch(self, deployment: Deployment, stop: asyncio.Event) -> None:
        """Look whether the deployment is still the same, until the stop.

        Raises
        ------
        Conflict : it is another one
        """
        while not await pause(stop, _LOOK_EVERY_S):
            try:
                now = await self._store.deployment()
            except Unavailable:
                continue  # what is read goes on
            if now != deployment:
                raise Conflict(f"there are {now.lanes} lanes now, incarnation {now.incarnation}")

    async def _follow(
        self, stream: str, start: StreamEdge, deployment: Deployment, stop: asyncio.Event
    ) -> None:
        reader = StreamReader(self._broker, stream, start=start, incarnation=deployment.incarnation)
        async with reader:
            async for batch in reader.batches(until=stop):
                if batch.discontinuity is not None:
                    self._hub.begin_values()
                self._hand_over(batch, deployment.incarnation)

    async def _follow_feed(
        self, first: FeedCursor, deployment: Deployment, stop: asyncio.Event
    ) -> None:
        reader = StreamReader(
            self._broker,
            Queue.EVENTS.value,
            start=first.offset if first.offset > 0 else StreamEdge.FIRST,
            incarnation=deployment.incarnation,
        )
        async with reader:
            async for batch in reader.batches(until=stop):
                if batch.discontinuity is not None:
                    found = FeedCursor(deployment.incarnation, batch.discontinuity.found)
                    self._hub.begin_feed(found.before())
                self._hand_over(batch, deployment.incarnation)

    def _hand_over(self, batch: StreamBatch, incarnation: int) -> None:
        for message in batch.messages:
            taken = attempt_twice(
                partial(self._take, message, incarnation),
                loop="tail",
                identity=f"{message.type} {message.offset}",
            )
            if taken is not None:
                self._metrics.tail_refused.labels("internal_error").inc()

    def _take(self, message: StreamMessage, incarnation: int) -> None:
        match message.type:
            case FRAMES_V1.name:
                self._take_frames(message)
            case VITALS_V1.name:
                self._take_vitals(message)
            case EVENT_V1.name:
                self._take_event(message, incarnation)
            case BEATS_V1.name:
                self._take_beats(message)
            case _:
                self._metrics.tail_refused.labels("unknown_format").inc()

    def _take_frames(self, message: StreamMessage) -> None:
        found = decode_frames(message.body)
        if not isinstance(found, FrameBatch):
            self._metrics.tail_refused.labels("frames").inc()
            return
        self._metrics.tail_batches.labels("frames").inc()
        self._note_lag("frames", int(found.table["received"].max()))
        self._hub.put_frames(found)

    def _take_vitals(self, message: StreamMessage) -> None:
        found = decode_vitals(message.body)
        if not isinstance(found, VitalBatch):
            self._metrics.tail_refused.labels("vitals").inc()
            return
        self._metrics.tail_batches.labels("vitals").inc()
        if len(found):
            self._note_lag("vitals", int(found.table["received"].max()))
            self._hub.put_vitals(found)

    def _take_beats(self, message: StreamMessage) -> None:
        found = decode_beats(message.body)
        if not isinstance(found, BeatBatch):
            self._metrics.tail_refused.labels("beats").inc()
            return
        self._metrics.tail_batches.labels("beats").inc()
        self._hub.put_beats(found)

    def _take_event(self, message: StreamMessage, incarnation: int) -> None:
        try:
            event = decode_event(message.body)
        except msgspec.DecodeError:
            self._metrics.tail_refused.labels("event").inc()
            return
        self._metrics.tail_batches.labels("events").inc()
        self._hub.put_event(FeedItem(cursor=FeedCursor(incarnation, message.offset), event=event))

    def _note_lag(self, kind: str, received_us: int) -> None:
        self._metrics.tail_lag_seconds.labels(kind).set(
            max(0, self._clock.now_us() - received_us) / 1e6
        )


def _first_unstored(stored: FeedCursor | None, deployment: Deployment) -> FeedCursor:
    if stored is None or stored.incarnation != deployment.incarnation:
        return FeedCursor(deployment.incarnation, 0)
    return FeedCursor(deployment.incarnation, stored.offset + 1)
