"""The work of one owned lane: restore, follow the streams, evaluate; anew when it was lost."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing

import structlog

from services.alarms.application.evaluation import Equipment, LaneEvaluation, LaneInput
from services.alarms.application.ports import Feed
from services.alarms.core.inputs import PendingAction, Registry
from services.alarms.core.limits import DefaultLimits
from services.alarms.core.unsaved import Restored
from services.alarms.core.ward import Ward
from shared.contracts.identity import Lane, PatientKey, lane_of, shard_of_patient
from shared.errors import Conflict, Unavailable
from shared.runtime.channel import Channel, ChannelClosed
from shared.runtime.retry import Retry

log = structlog.get_logger()
OpenFeeds = Callable[[Lane, Mapping[str, int]], "tuple[Feed, ...]"]


class LaneInputs:
    """The inputs of the lanes that this process works on; from elsewhere, by patient."""

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self._open: dict[Lane, Channel[LaneInput]] = {}

    def lane_of(self, patient: int) -> Lane:
        """The lane that a patient's values travel in."""
        return lane_of(shard_of_patient(PatientKey(patient)), self._lanes)

    def open(self, lane: Lane, channel: Channel[LaneInput]) -> None:
        """Let the lane take part."""
        self._open[lane] = channel

    def close(self, lane: Lane) -> None:
        """The lane takes no part any more."""
        self._open.pop(lane, None)

    async def give_action(self, action: PendingAction) -> None:
        """Give an action to its lane, if that is here; another process has it otherwise."""
        await self._give(self.lane_of(action.patient), action)

    async def give_registry(self, registry: Registry) -> None:
        """Give each lane its patients."""
        for lane in list(self._open):
            await self._give(lane, self.part_of(registry, lane))

    def part_of(self, registry: Registry, lane: Lane) -> Registry:
        """The patients of one lane."""
        return {patient: row for patient, row in registry.items() if self.lane_of(patient) == lane}

    async def _give(self, lane: Lane, item: LaneInput) -> None:
        channel = self._open.get(lane)
        if channel is not None:
            try:
                await channel.put(item)
            except ChannelClosed:
                return  # the lane is ending: its next owner reads both anew


class LaneWork:
    """Runs one lane after another has been taken; given to the ownership of lanes."""

    def __init__(
        self,
        *,
        inputs: LaneInputs,
        open_feeds: OpenFeeds,
        defaults: DefaultLimits,
        registry: Callable[[asyncio.Event], Awaitable[Registry]],
        equipment: Equipment,
        inputs_most: int,
    ) -> None:
        self._inputs = inputs
        self._open_feeds = open_feeds
        self._defaults = defaults
        self._registry = registry
        self._equipment = equipment
        self._store = equipment.store
        self._inputs_most = inputs_most
        self._retry = Retry()
        self._feeds: dict[Lane, tuple[Feed, ...]] = {}

    async def may_leave(self, lane: Lane, _change: object) -> bool:
        """Whether everything that there is on a lane was read: it may be left for new lanes."""
        feeds = self._feeds.get(lane)
        return feeds is not None and all(feed.is_at_end for feed in feeds)

    async def run(self, lane: Lane, stop: asyncio.Event) -> None:
        """Evaluate the lane until the stop. Cancel-safe: what is not saved is read again."""
        while not stop.is_set():
            try:
                restored = await self._retry.run(lambda: self._store.restore(lane), until=stop)
            except Unavailable:
                return  # stopped while the database is away: there is nothing to end
            try:
                await self._evaluate(lane, restored, stop)
            except* Conflict as errors:
                log.warning("lane_saved_by_another", lane=lane, error=str(errors.exceptions[0]))

    async def _evaluate(self, lane: Lane, restored: Restored, stop: asyncio.Event) -> None:
        log.info(
            "lane_restored",
            lane=lane,
            positions=dict(restored.positions),
            patients=len(restored.memories),
            untold=len(restored.open),
        )
        if restored.open:
            await self._equipment.announcer.announce(restored.open)
            await self._retry.run(lambda: self._store.forget_announced(lane), until=stop)
        channel: Channel[LaneInput] = Channel(self._inputs_most)
        feeds = self._open_feeds(lane, restored.positions)
        self._feeds[lane] = feeds
        evaluation = LaneEvaluation(
            lane,
            inputs=channel,
            feeds=feeds,
            ward=Ward(self._defaults, restored.memories, now=restored.now),
            saves=restored.saves,
            equipment=self._equipment,
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(lane, feeds, channel, stop))
                group.create_task(evaluation.run())
        finally:
            self._feeds.pop(lane, None)
            self._inputs.close(lane)

    async def _follow(
        self, lane: Lane, feeds: tuple[Feed, ...], channel: Channel[LaneInput], stop: asyncio.Event
    ) -> None:
        """Give the evaluation the registry first, then what the feeds read; close at the stop."""
        try:
            registry = await self._registry(stop)
            await channel.put(self._inputs.part_of(registry, lane))
            self._inputs.open(lane, channel)
            async with asyncio.TaskGroup() as group:
                for feed in feeds:
                    group.create_task(self._read(feed, channel, stop))
        finally:
            self._inputs.close(lane)
            await channel.close()

    async def _read(self, feed: Feed, channel: Channel[LaneInput], stop: asyncio.Event) -> None:
        async with aclosing(feed.inputs(until=stop)) as inputs:
            async for item in inputs:
                await channel.put(item)
