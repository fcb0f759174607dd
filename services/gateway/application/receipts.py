"""What storage has committed, told to the devices of a lane, and the time of day."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import structlog

from services.gateway.application.devices import Devices
from services.gateway.application.ports import DeviceSession, ReceiptQueue
from services.gateway.core.flow import LaneFlow
from services.gateway.core.messages import Device
from services.gateway.core.stored_ranges import StoredRanges
from services.gateway.metrics import GatewayMetrics
from shared.contracts.identity import DeviceId, DeviceKey, Lane, hub_of
from shared.contracts.names import DownKind, down_topic
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

TURN_S = 0.25
"""How late a receipt may be told beyond its 5 s; a receipt asked for waits at most so long."""

HUSHED_BOOTS = 8
"""Boots that the gateway gave, remembered of a device: one a codec and session."""


class Receipts:
    """The receipts of one lane. The session is that of the moment, or none."""

    def __init__(
        self,
        lane: Lane,
        queue: ReceiptQueue,
        devices: Devices,
        flow: LaneFlow,
        clock: Clock,
        metrics: GatewayMetrics,
    ) -> None:
        self._lane = lane
        self._label = str(lane)
        self._queue = queue
        self._devices = devices
        self._flow = flow
        self._clock = clock
        self._metrics = metrics
        self._ranges = StoredRanges()
        self._asked: dict[DeviceKey, None] = {}
        self._hushed: dict[DeviceKey, dict[int, None]] = {}
        self.session: DeviceSession | None = None
        self.moved = asyncio.Event()
        """Set when storage has read on."""
        self.listeners: list[Callable[[DeviceKey, int, Sequence[tuple[int, int]]], None]] = []
        """Told of all that a device may forget: the sender, its boot, inclusive ranges of n."""

    def want(self, device: DeviceKey) -> None:
        """Say that a device asks for what is stored of it: it is told in the next turn."""
        self._asked[device] = None

    def note_stored(self, device: DeviceKey, boot: int, n: int) -> None:
        """Say that nothing of a message goes on to storage: the device may forget it."""
        self._ranges.add(device, boot, [(n, n)])
        for listener in self.listeners:
            listener(device, boot, [(n, n)])

    def hush(self, device: DeviceKey, boot: int) -> None:
        """Say that the gateway itself gave this boot: the device cannot be told anything by it."""
        boots = self._hushed.setdefault(device, {})
        boots[boot] = None
        while len(boots) > HUSHED_BOOTS:
            del boots[next(iter(boots))]

    def welcome(self, device: Device) -> None:
        """Tell a device that has just connected the time, and what is stored of it."""
        self.tell_time(device.name)
        self.want(device.key)

    def tell_time(self, name: DeviceId) -> None:
        """Tell a device the time."""
        if self.session is not None:
            self.session.publish(
                down_topic(name, DownKind.TIME),
                msgspec.json.encode({"t_utc_us": self._clock.now_us()}),
            )

    async def collect(self, stop: asyncio.Event) -> None:
        """Take receipts of storage until the stop.

        They are settled before the devices are told: a device that is not told sends again what
        it keeps, and storage then sends the receipts again.
        """
        async for stored in self._queue.receipts(self._lane, until=stop):
            for receipt in stored.receipts:
                device = self._sender_of(DeviceKey(receipt.device))
                if receipt.boot not in self._hushed.get(device, ()):
                    self._ranges.add(device, receipt.boot, receipt.ranges)
                for listener in self.listeners:
                    listener(device, receipt.boot, receipt.ranges)
            self._metrics.receipts.labels(self._label).inc(len(stored.receipts))
            if stored.lane_bytes is not None:
                self._flow.store(stored.lane_bytes, late=stored.late)
                self.moved.set()
            self._metrics.stream_lag.labels(self._label).set(self._flow.lag_bytes)

    async def tell(self, stop: asyncio.Event) -> None:
        """Tell devices what is stored, until the stop."""
        while not await pause(stop, TURN_S):
            self._metrics.loop_turns.labels("receipts").inc()
            if self.session is None:
                continue
            asked, self._asked = self._asked, {}
            now_us = self._clock.now_us()
            for device in asked:
                self._tell(device, now_us, all_boots=True)
            for device in self._ranges.due(now_us):
                self._tell(device, now_us, all_boots=False)
            self._metrics.stored_untold.labels(self._label).set(len(self._ranges))

    def _sender_of(self, key: DeviceKey) -> DeviceKey:
        """Give who sent what is stored of a device: its hub, whose messages are stored whole."""
        device = self._devices.by_key(key)
        return key if device is None or device.hub is None else device.hub

    def _tell(self, key: DeviceKey, now_us: int, *, all_boots: bool) -> None:
        device = self._devices.by_key(key)
        if device is None:
            self._ranges.forget(key)
            return
        assert self.session is not None
        for boot, ranges in self._ranges.tell(key, now_us, all_boots=all_boots):
            self.session.publish(
                down_topic(hub_of(device.name), DownKind.STORED),
                msgspec.json.encode({"boot": boot, "ranges": ranges}),
            )
            self._metrics.stored_told.labels(self._label).inc()
