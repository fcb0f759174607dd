"""One change of the number of lanes, step by step, over a row that says how far it is.

Until the switch everything can be taken back, and is, when the command dies: the change holds only
for some seconds, which the command moves on. The switch is one transaction. What comes after it
only removes what nobody uses any more, and is done by whoever runs the command next.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from services.administration.command_move import CommandMove
from services.administration.settings import MIB, AdministrationSettings
from services.administration.stream_ends import NOTHING, StreamEnds
from shared.broker.connection import Broker
from shared.broker.publisher import Publisher
from shared.broker.topology import Retention, declare, delete
from shared.contracts.identity import Lane
from shared.contracts.names import LANE_QUEUES, LANE_STREAMS, Exchange, lane_queue
from shared.database.pool import Database, Row, Session
from shared.database.statements import load_statements
from shared.errors import Conflict, Unavailable
from shared.ownership.deployment import LEAVES_IN, Deployment, Phase
from shared.ownership.leases import lock_keys
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

HOLD_S = 10.0
"""So long the services rest without a word of the command; then they go on as before."""
HOLD_EVERY_S = 1.0
LOOK_EVERY_S = 0.1
STREAMS_SAVED_S = 1.0  # as of `vitalwire migrate`: RabbitMQ forgets a stream that is younger
Missing = Callable[[], Awaitable[str]]
"""Gives what is still missing, in words; nothing when all is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change as its row says."""

    id: int
    before: Deployment
    after: Deployment
    phase: Phase

    @classmethod
    def of(cls, row: Row) -> "Change":
        """The change of a row."""
        return cls(
            id=row["id"],
            before=Deployment(row["from_lanes"], row["from_incarnation"]),
            after=Deployment(row["to_lanes"], row["to_incarnation"]),
            phase=Phase(row["phase"]),
        )

    @property
    def staying(self) -> list[str]:
        """Streams of lanes that both have."""
        return [
            lane_queue(exchange, Lane(lane))
            for exchange in LANE_STREAMS
            for lane in range(min(self.before.lanes, self.after.lanes))
        ]

    @property
    def vanishing(self) -> list[Lane]:
        """Lanes that there are no more afterwards."""
        return [Lane(lane) for lane in range(self.after.lanes, self.before.lanes)]


class LaneChanger:
    """Carries changes of the number of lanes out.

    Parameters
    ----------
    tell : told what goes on, for people
    wait_s : for each step, before the change is given up
    """

    def __init__(
        self,
        settings: AdministrationSettings,
        *,
        database: Database,
        broker: Broker,
        publisher: Publisher,
        clock: Clock,
        tell: Callable[[str], None],
        wait_s: float,
    ) -> None:
        self._settings = settings
        self._database = database
        self._broker = broker
        self._publisher = publisher
        self._clock = clock
        self._tell = tell
        self._wait_s = wait_s
        self._sql = load_statements("services.administration")
        self._ownership = load_statements("shared.ownership")

    async def carry_out(self, to_lanes: int, *, asked_by: str) -> bool:
        """Change the number of lanes; false when it is that number already.

        Ends what an earlier command has left first. Cancel-safe: before the switch it is given
        up, after it the next command goes on.

        Raises
        ------
        Conflict : it cannot be done now, or took too long and was given up; the text says why
        Denied : this user may not
        Unavailable : PostgreSQL or RabbitMQ does not answer
        """
        await self._end_earlier()
        async with self._database.session() as session:
            row = await session.fetch_one(self._sql["read_deployment"])
        assert row is not None, "the first migration inserts it"
        now = Deployment(row["lanes"], row["incarnation"])
        if now.incarnation == 0:
            raise Conflict("there are no streams yet: run vitalwire migrate first")
        if now.lanes == to_lanes:
            self._tell(f"there are {to_lanes} lanes: nothing to change")
            return False
        if missing := await self._unowned(now):
            raise Conflict(f"not all services are at work: {missing}")
        self._tell(f"from {now.lanes} to {to_lanes} lanes")
        await self._declare(to_lanes)
        change = await self._until_switched(to_lanes, asked_by)
        await self.finish(change)
        return True

    async def finish(self, change: Change) -> None:
        """Remove what nobody uses after a switch: old queues and streams. Twice is harmless."""
        await self._move_commands(change, range(change.before.lanes))
        await self._until(
            "the services start over the new lanes", lambda: self._unowned(change.after)
        )
        self._tell(f"all services work on {change.after.lanes} lanes")
        if change.vanishing:
            await self._remove(change)
        async with self._database.session() as session:
            await session.execute(self._sql["end_change"], change.id)

    # ------------------------------------------------------------------ before the switch

    async def _end_earlier(self) -> None:
        async with self._database.session() as session:
            row = await session.fetch_one(self._sql["open_change"])
            if row is None:
                return
            change = Change.of(row)
            if change.phase is not Phase.SWITCHED:
                self._tell(f"an earlier change to {change.after.lanes} lanes is given up")
                await session.execute(self._sql["give_up_change"], change.id)
                return
        self._tell(f"finishing an earlier change to {change.after.lanes} lanes")
        await self.finish(change)

    async def _declare(self, lanes: int) -> None:
        settings = self._settings
        retention = Retention(
            frames=settings.retention_frames_mib * MIB,
            late=settings.retention_late_mib * MIB,
            vitals=settings.retention_vitals_mib * MIB,
            events=settings.retention_events_mib * MIB,
        )
        created = await declare(self._broker.publishing, lanes=lanes, retention=retention)
        if created:
            self._tell(f"{len(created)} streams were made")
            await self._clock.sleep(STREAMS_SAVED_S)

    async def _until_switched(self, to_lanes: int, asked_by: str) -> Change:
        stop = asyncio.Event()
        ends = StreamEnds(self._broker, self._clock)
        async with asyncio.TaskGroup() as group:
            try:
                async with self._database.session() as session:
                    before = await session.fetch_one(self._sql["read_deployment"])
                assert before is not None
                streams = {
                    exchange: [lane_queue(exchange, Lane(n)) for n in range(before["lanes"])]
                    for exchange in LANE_STREAMS
                }
                for stream in (name for names in streams.values() for name in names):
                    group.create_task(ends.follow(stream, stop))
                await self._ends_known(ends, [n for names in streams.values() for n in names])
                async with self._held(to_lanes, asked_by, group, stop) as change:
                    await self._rest_and_switch(change, ends, streams)
            finally:
                stop.set()
        return change

    async def _ends_known(self, ends: StreamEnds, streams: list[str]) -> None:
        """Wait until every stream is followed, so that none of it falls into the pause."""

        async def missing() -> str:
            unknown = [stream for stream in streams if not ends.is_followed(stream)]
            return f"{', '.join(unknown)} cannot be read" if unknown else ""

        await self._until("", missing)

    @contextlib.asynccontextmanager
    async def _held(
        self, to_lanes: int, asked_by: str, group: asyncio.TaskGroup, stop: asyncio.Event
    ) -> AsyncIterator[Change]:
        """A change that is under way inside; given up when that ends by an error."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._sql["begin_change"], to_lanes, HOLD_S, asked_by)
        assert row is not None, "an insert gives its row"
        change = Change.of(row)
        holding = group.create_task(self._hold(change, stop))
        try:
            yield change
        except BaseException:
            await asyncio.shield(self._give_up(change))
            raise
        finally:
            holding.cancel()

    async def _hold(self, change: Change, stop: asyncio.Event) -> None:
        while not await pause(stop, HOLD_EVERY_S):
            try:
                async with self._database.session() as session:
                    if not await session.execute(self._sql["hold_on"], change.id, HOLD_S):
                        return  # it is over: the next step finds out
            except Unavailable as error:
                log.warning("change_not_held", error=str(error))

    async def _give_up(self, change: Change) -> None:
        with contextlib.suppress(Unavailable):
            async with self._database.session() as session:
                if await session.execute(self._sql["give_up_change"], change.id):
                    self._tell(f"given up: {change.before.lanes} lanes go on as before")

    async def _rest_and_switch(
        self, change: Change, ends: StreamEnds, streams: Mapping[Exchange, list[str]]
    ) -> None:
        n = change.before.lanes
        await self._left(change, {"gateway": n}, "gateways stop; devices keep what they send")
        came = await ends.settled([*streams[Exchange.FRAMES], *streams[Exchange.LATE]])
        await self._reached(change, "storage writes the last frames", "stored_offsets", came)
        await self._next(change, Phase.COMPUTING)
        await self._left(change, {"dsp": n}, "dsp computes the last frames")
        await self._reached(change, "", "computed_offsets", came)
        values = await ends.settled(streams[Exchange.VITALS])
        await self._reached(change, "storage writes the last values", "stored_offsets", values)
        await self._next(change, Phase.WRITING)
        await self._left(change, {"storage": n + 1, "alarms": n}, "storage and alarms stop")
        await self._reached(change, "", "judged_offsets", values)
        await self._until("", self._untold)
        await self._switch(change)
        self._tell(f"switched to {change.after.lanes} lanes")

    async def _next(self, change: Change, phase: Phase) -> None:
        async with self._database.session() as session:
            if not await session.execute(self._sql["next_phase"], change.id, phase.value):
                raise Conflict("the change was not held any more: the services go on as before")

    async def _left(self, change: Change, wanted: Mapping[str, int], doing: str) -> None:
        async def missing() -> str:
            async with self._database.session() as session:
                rows = await session.fetch(self._sql["lanes_left"], change.id)
            left = {row["service"]: row["n"] for row in rows}
            return ", ".join(
                f"{service} has left {left.get(service, 0)} of {n} lanes"
                for service, n in wanted.items()
                if left.get(service, 0) < n
            )

        await self._until(doing, missing, change)

    async def _reached(
        self, change: Change, doing: str, statement: str, ends: Mapping[str, int]
    ) -> None:
        async def missing() -> str:
            async with self._database.session() as session:
                rows = await session.fetch(self._sql[statement], change.before.incarnation)
            there = {row["stream"]: row["last_offset"] for row in rows}
            return ", ".join(
                f"{stream} is read to {there.get(stream, NOTHING)} of {end}"
                for stream, end in ends.items()
                if there.get(stream, NOTHING) < end
            )

        await self._until(doing, missing, change)

    async def _untold(self) -> str:
        async with self._database.session() as session:
            n: int = await session.fetch_value(self._sql["untold_alarms"])
        return f"{n} alarms are not told" if n else ""

    async def _switch(self, change: Change) -> None:
        """The one step that cannot be taken back: all of it or nothing."""
        before, after = change.before, change.after
        sql = self._sql
        async with self._database.transaction() as session:
            if not await session.execute(sql["switch_change"], change.id):
                raise Conflict("the change was not held any more: the services go on as before")
            if not await session.execute(
                sql["switch_deployment"], before.incarnation, after.lanes, after.incarnation
            ):
                raise Conflict("the deployment was changed by somebody else")
            await self._carry(session, change)

    async def _carry(self, session: Session, change: Change) -> None:
        """Positions, alarms and late data of the old lanes, for the new ones."""
        before, after = change.before, change.after
        sql = self._sql
        pair = (before.incarnation, after.incarnation)
        await session.execute(sql["carry_stored"], *pair, [*change.staying, "events"])
        await session.execute(sql["carry_computed"], *pair, change.staying)
        await session.execute(sql["carry_judged_values"], *pair, change.staying)
        await session.execute(sql["carry_judged_events"], *pair, before.lanes, after.lanes)
        time = await session.fetch_one(sql["carry_alarm_time"])
        assert time is not None, "it is an aggregate"
        await session.execute(sql["put_alarm_lanes"], after.lanes, time["saves"], time["now_us"])
        await session.execute(sql["carry_late"], after.lanes)

    # ------------------------------------------------------------------ after it

    async def _remove(self, change: Change) -> None:
        lanes = change.vanishing
        await self._move_commands(change, lanes)
        names = [lane_queue(kind, lane) for kind in (*LANE_STREAMS, *LANE_QUEUES) for lane in lanes]
        await delete(self._broker.publishing, tuple(names))
        self._tell(f"removed what belonged to {len(lanes)} lanes")

    async def _move_commands(self, change: Change, lanes: Iterable[int]) -> None:
        move = CommandMove(self._broker, self._publisher, self._database)
        if moved := await move.run(lanes, to_lanes=change.after.lanes):
            self._tell(f"{moved} commands were handed on to their new lanes")

    async def _unowned(self, deployment: Deployment) -> str:
        """Which services do not work on all lanes of a deployment, in words."""
        missing = []
        async with self._database.session() as session:
            for service in LEAVES_IN:
                keys = lock_keys(service, deployment.incarnation)
                rows = await session.fetch(self._ownership["who_holds_what"], *keys)
                held = sum(row["lane"] is not None for row in rows)
                wanted = deployment.lanes + (service == "storage")
                if held < wanted:
                    missing.append(f"{service} works on {held} of {wanted} lanes")
        return ", ".join(missing)

    async def _until(self, doing: str, missing: Missing, change: Change | None = None) -> None:
        """Wait until nothing is missing.

        Raises
        ------
        Conflict : it takes too long, or the change holds no more
        """
        if doing:
            self._tell(doing)
        began_s = self._clock.monotonic_s()
        found = "PostgreSQL does not answer"
        while True:
            with contextlib.suppress(Unavailable):
                found = await missing()
                if not found:
                    return
                if change is not None:
                    await self._check_held(change)
            if self._clock.monotonic_s() - began_s > self._wait_s:
                raise Conflict(f"after {self._wait_s:g} s {found}")
            await self._clock.sleep(LOOK_EVERY_S)

    async def _check_held(self, change: Change) -> None:
        async with self._database.session() as session:
            row = await session.fetch_one(self._sql["open_change"])
        if row is None or row["id"] != change.id or not row["holds"]:
            raise Conflict("the change was not held any more: the services go on as before")
