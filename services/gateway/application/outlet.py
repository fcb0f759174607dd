"""The way out of a lane: frames into batches, batches to RabbitMQ, confirms to PUBACKs.

Hot path. PUBACKs leave in the order in which messages came, each after the confirm of what was
made of it. What is bounded: bytes handed over and not confirmed, bytes ahead of storage; the
caller then waits in `wait_for_room` and reads no MQTT.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial

import structlog

from services.gateway.application.ports import Confirmed, DeviceSession
from services.gateway.core.acknowledgement import AcknowledgementOrder
from services.gateway.core.batching import Batch, BatchWindow, ClosedBatch
from services.gateway.core.flow import LaneFlow
from services.gateway.metrics import GatewayMetrics
from shared.contracts.identity import Lane
from shared.contracts.records import Table
from shared.runtime.clock import Clock

log = structlog.get_logger()


class Outlet:
    """Batches, confirms and PUBACKs of one MQTT session.

    Parameters
    ----------
    flow : how far the streams of the lane may run ahead of storage
    unconfirmed_most_bytes : handed over and not confirmed
    """

    def __init__(
        self,
        lane: Lane,
        session: DeviceSession,
        out: Confirmed,
        flow: LaneFlow,
        *,
        unconfirmed_most_bytes: int,
        clock: Clock,
        metrics: GatewayMetrics,
    ) -> None:
        self._lane = lane
        self._label = str(lane)
        self._session = session
        self._out = out
        self._flow = flow
        self._unconfirmed_most_bytes = unconfirmed_most_bytes
        self._clock = clock
        self._metrics = metrics
        self._order = AcknowledgementOrder()
        self._window = BatchWindow()
        self._live = Batch()
        self._late = Batch()
        self._chunk_frames = 0
        self._outgoing: deque[tuple[ClosedBatch, bool]] = deque()
        self._expected: dict[int, int] = {}
        self._unconfirmed_bytes = 0
        self._outgoing_bytes = 0
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._failure: BaseException | None = None
        label = str(lane)
        self._rate = metrics.frame_rate.labels(label)
        self._unacknowledged = metrics.unacknowledged.labels(label)
        self._batch_frames = metrics.batch_frames.labels(label)
        self._puback = metrics.puback.labels(label)
        self._confirmed = {way: metrics.frames.labels(label, way) for way in ("live", "late")}

    # ------------------------------------------------------------------ for the ingest

    def receive(self, packet_ids: Sequence[int]) -> Sequence[int]:
        """Take the messages' places in the order; -1 for one that expects no PUBACK."""
        if 0 not in packet_ids:
            return self._order.receive_all(packet_ids)
        receive = self._order.receive
        return [receive(packet_id) if packet_id else -1 for packet_id in packet_ids]

    def expect(self, number: int, count: int) -> None:
        """Say that a payload holds so many messages: it is settled when each of them is."""
        if count:
            self._expected[number] = count
        else:
            self.settle((number,))

    def settle(self, numbers: Sequence[int]) -> None:
        """Say that nothing more will come of these messages: acknowledge them in their turn."""
        if self._expected:
            numbers = [number for number in numbers if self._is_last(number)]
        if -1 in numbers:
            numbers = [number for number in numbers if number >= 0]
        ready = self._order.settle(numbers)
        if ready:
            self._session.acknowledge(ready)

    def settle_with(self, confirmation: asyncio.Future[None], number: int) -> None:
        """Settle a message when RabbitMQ has confirmed what was made of it."""
        confirmation.add_done_callback(partial(self._on_confirmed, (number,)))

    def batch_for(self, n_frames: int, n_bytes: int, *, late: bool) -> Batch:
        """Give the batch that takes a message whole; one that is too full leaves before."""
        batch = self._late if late else self._live
        if not batch.has_room_for(n_frames, n_bytes):
            self._close(batch, late=late)
        return batch

    def add_rows(
        self, records: Table, samples: Sequence[bytes], numbers: Sequence[int], *, late: bool
    ) -> None:
        """Add messages of one frame each; batches that are full leave."""
        batch = self._late if late else self._live
        at = 0
        while at < len(samples):
            added = batch.add_rows(records[at:], samples[at:], numbers[at:])
            at += added
            if not added:
                self._close(batch, late=late)

    def end_chunk(self) -> None:
        """Say that all messages of a chunk are in: what is collected leaves.

        The session has gathered them over the window, so there is nothing more to wait for.
        """
        for batch, late in ((self._live, False), (self._late, True)):
            if batch:
                self._close(batch, late=late)
        self._window.observe(self._chunk_frames, self._clock.monotonic_s())
        self._chunk_frames = 0
        self._rate.set(self._window.rate_hz)
        self._unacknowledged.set(len(self._order))

    @property
    def window_s(self) -> float:
        """How long messages should be gathered for a batch now."""
        return self._window.window_s

    @property
    def is_read_once(self) -> bool:
        """Whether one look into the socket a window is enough."""
        return self._window.is_read_once

    async def wait_for_room(self, stop: asyncio.Event) -> None:
        """Wait while RabbitMQ or storage is behind; MQTT is not read meanwhile.

        Raises
        ------
        NotFound, Denied : RabbitMQ will not take what we send: the deployment is wrong
        """
        cause = self._held_back_by()
        if cause is None and self._failure is None:
            return
        began_s = self._clock.monotonic_s()
        while cause is not None and self._failure is None and not stop.is_set():
            self._room.clear()
            await self._room.wait()
            last, cause = cause, self._held_back_by()
            now_s = self._clock.monotonic_s()
            self._metrics.held_back.labels(self._label, last).inc(now_s - began_s)
            began_s = now_s
        if self._failure is not None:
            raise self._failure

    def look_again(self) -> None:
        """Say that storage has read on, or that the stop is set."""
        self._room.set()

    async def run(self) -> None:
        """Hand closed batches to RabbitMQ in their order, until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._outgoing:
                closed, late = self._outgoing.popleft()
                self._outgoing_bytes -= len(closed.body)
                way = "late" if late else "live"
                confirmation = await self._out.send_frames(
                    self._lane,
                    closed.body,
                    late=late,
                    lane_bytes=self._flow.publish(len(closed.body), late=late),
                    t_us=closed.newest_received_us,
                )
                confirmation.add_done_callback(partial(self._on_batch_confirmed, closed, way))

    async def drain(self, within_s: float) -> None:
        """Wait for the confirms of what was taken, so that little comes twice."""
        try:
            async with asyncio.timeout(within_s):
                while len(self._order) and self._failure is None:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            log.warning("lane_not_drained", lane=self._lane, unacknowledged=len(self._order))

    # ------------------------------------------------------------------ within

    def _is_last(self, number: int) -> bool:
        """Count one message of a payload; true for its last."""
        count = self._expected.get(number, 1)
        if count > 1:
            self._expected[number] = count - 1
            return False
        self._expected.pop(number, None)
        return True

    def _held_back_by(self) -> str | None:
        if self._unconfirmed_bytes >= self._unconfirmed_most_bytes:
            return "rabbitmq"
        # What is closed and not handed over counts too: a burst that is read in one turn of the
        # loop would pass the bound unseen.
        return "storage" if self._flow.is_full_with(self._outgoing_bytes) else None

    def _close(self, batch: Batch, *, late: bool) -> None:
        closed = batch.close()
        self._unconfirmed_bytes += len(closed.body)
        self._outgoing_bytes += len(closed.body)
        self._outgoing.append((closed, late))
        self._work.set()
        if not late:  # late frames wait for nobody, and nobody waits longer for them
            self._chunk_frames += closed.n_frames
        self._batch_frames.observe(closed.n_frames)

    def _on_batch_confirmed(
        self,
        closed: ClosedBatch,
        way: str,
        confirmation: asyncio.Future[None],
    ) -> None:
        self._unconfirmed_bytes -= len(closed.body)
        if self._on_confirmed(closed.numbers, confirmation):
            self._confirmed[way].inc(closed.n_frames)
            waited_s = (self._clock.now_us() - closed.newest_received_us) / 1e6
            self._puback.observe(max(0.0, waited_s))

    def _on_confirmed(self, numbers: Sequence[int], confirmation: asyncio.Future[None]) -> bool:
        self._room.set()
        if confirmation.cancelled():
            return False
        error = confirmation.exception()
        if error is not None:
            self._failure = error  # nothing is acknowledged: it comes again
            self._session.wake()
            return False
        self.settle(numbers)
        return True

    @property
    def failure(self) -> BaseException | None:
        """Why RabbitMQ did not take something, once it did not."""
        return self._failure
