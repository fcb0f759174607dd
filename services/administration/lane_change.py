"""One change of the number of lanes, step by step, over a row that says how far it is.

Until the switch everything can be taken back, and is, when the command dies: the change holds only
for some seconds, which the command moves on. The switch is one transaction. What comes after it
only removes what nobody uses any more, and is done by whoever runs the command next.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

import structlog

from services.administration.change_table import NOT_HELD, Change, ChangeTable
from services.administration.command_move import CommandMove
from services.administration.settings import MIB, AdministrationSettings
from services.administration.stream_ends import NOTHING, StreamEnds
from shared.broker.connection import Broker
from shared.broker.topology import Retention, declare, delete
from shared.contracts.identity import Lane
from shared.contracts.names import LANE_QUEUES, LANE_STREAMS, Exchange, lane_queue
from shared.errors import Conflict, Unavailable
from shared.ownership.deployment import Deployment, Phase
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

HOLD_S = 10.0
"""So long the services rest without a word of the command; then they go on as before."""
HOLD_EVERY_S = 1.0
LOOK_EVERY_S = 0.1
AT_WORK_WITHIN_S = 20.0
"""So long a service may be away that is only being started again."""
STREAMS_SAVED_S = 1.0  # as of `vitalwire migrate`: RabbitMQ forgets a stream that is younger
Missing = Callable[[], Awaitable[str]]
"""Gives what is still missing, in words; nothing when all is there."""
Streams = Mapping[Exchange, list[str]]


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
        table: ChangeTable,
        broker: Broker,
        commands: CommandMove,
        clock: Clock,
        tell: Callable[[str], None],
        wait_s: float,
    ) -> None:
        self._settings = settings
        self._table = table
        self._broker = broker
        self._commands = commands
        self._clock = clock
        self._tell = tell
        self._wait_s = wait_s

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
        now = await self._table.deployment()
        if now.incarnation == 0:
            raise Conflict("there are no streams yet: run vitalwire migrate first")
        if now.lanes == to_lanes:
            self._tell(f"there are {to_lanes} lanes: nothing to change")
            return False
        await self._until_at_work(now)
        self._tell(f"from {now.lanes} to {to_lanes} lanes")
        await self._declare(to_lanes)
        change = await self._until_switched(now, to_lanes, asked_by)
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
        await self._table.end(change)

    # ------------------------------------------------------------------ before the switch

    async def _end_earlier(self) -> None:
        change = await self._table.open()
        if change is None:
            return
        if change.phase is Phase.SWITCHED:
            self._tell(f"finishing an earlier change to {change.after.lanes} lanes")
            await self.finish(change)
        else:
            self._tell(f"an earlier change to {change.after.lanes} lanes is given up")
            await self._table.give_up(change)

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

    async def _until_switched(self, before: Deployment, to_lanes: int, asked_by: str) -> Change:
        stop = asyncio.Event()
        ends = StreamEnds(self._broker, self._clock)
        streams = {
            exchange: [lane_queue(exchange, Lane(lane)) for lane in range(before.lanes)]
            for exchange in LANE_STREAMS
        }
        every = [name for names in streams.values() for name in names]
        async with asyncio.TaskGroup() as group:
            try:
                for stream in every:
                    group.create_task(ends.follow(stream, stop))
                await self._until("", lambda: _unknown(ends, every))
                # Before anybody rests: who is far behind would make all others wait.
                await self._reached(
                    "storage catches up", "stored_offsets", before.incarnation, ends.newest()
                )
                async with self._held(to_lanes, asked_by, group, stop) as change:
                    await self._rest_and_switch(change, ends, streams)
            finally:
                stop.set()
        return change

    @contextlib.asynccontextmanager
    async def _held(
        self, to_lanes: int, asked_by: str, group: asyncio.TaskGroup, stop: asyncio.Event
    ) -> AsyncIterator[Change]:
        """A change that is under way inside; given up when that ends by an error."""
        change = await self._table.begin(to_lanes, hold_s=HOLD_S, asked_by=asked_by)
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
                if not await self._table.hold(change, hold_s=HOLD_S):
                    return  # it is over: the next step finds out
            except Unavailable as error:
                log.warning("change_not_held", error=str(error))

    async def _give_up(self, change: Change) -> None:
        with contextlib.suppress(Unavailable):  # then the hold runs out
            if await self._table.give_up(change):
                self._tell(f"given up: {change.before.lanes} lanes go on as before")

    async def _rest_and_switch(self, change: Change, ends: StreamEnds, streams: Streams) -> None:
        n, incarnation = change.before
        await self._left(change, {"gateway": n}, "gateways stop; devices keep what they send")
        came = await ends.settled([*streams[Exchange.FRAMES], *streams[Exchange.LATE]])
        doing = "storage writes the last frames"
        await self._reached(doing, "stored_offsets", incarnation, came, change)
        await self._table.next_phase(change, Phase.COMPUTING)
        await self._left(change, {"dsp": n}, "dsp computes the last frames")
        await self._reached("", "computed_offsets", incarnation, came, change)
        values = await ends.settled(streams[Exchange.VITALS])
        doing = "storage writes the last values"
        await self._reached(doing, "stored_offsets", incarnation, values, change)
        await self._table.next_phase(change, Phase.WRITING)
        await self._left(change, {"storage": n + 1, "alarms": n}, "storage and alarms stop")
        await self._reached("", "judged_offsets", incarnation, values, change)
        await self._until("", self._untold, change)
        await self._table.switch(change)
        self._tell(f"switched to {change.after.lanes} lanes")

    async def _left(self, change: Change, wanted: Mapping[str, int], doing: str) -> None:
        async def missing() -> str:
            left = await self._table.left(change)
            return ", ".join(
                f"{service} has left {left.get(service, 0)} of {n} lanes"
                for service, n in wanted.items()
                if left.get(service, 0) < n
            )

        await self._until(doing, missing, change)

    async def _reached(
        self,
        doing: str,
        statement: str,
        incarnation: int,
        ends: Mapping[str, int],
        change: Change | None = None,
    ) -> None:
        async def missing() -> str:
            there = await self._table.offsets(statement, incarnation)
            return ", ".join(
                f"{stream} is read to {there.get(stream, NOTHING)} of {end}"
                for stream, end in ends.items()
                if there.get(stream, NOTHING) < end
            )

        await self._until(doing, missing, change)

    async def _untold(self) -> str:
        n = await self._table.untold_alarms()
        return f"{n} alarms are not told" if n else ""

    # ------------------------------------------------------------------ after it

    async def _remove(self, change: Change) -> None:
        lanes = change.vanishing
        await self._move_commands(change, lanes)
        names = [lane_queue(kind, lane) for kind in (*LANE_STREAMS, *LANE_QUEUES) for lane in lanes]
        await delete(self._broker.publishing, tuple(names))
        self._tell(f"removed what belonged to {len(lanes)} lanes")

    async def _move_commands(self, change: Change, lanes: Iterable[int]) -> None:
        if moved := await self._commands.run(lanes, to_lanes=change.after.lanes):
            self._tell(f"{moved} commands were handed on to their new lanes")

    # ------------------------------------------------------------------ waiting

    async def _unowned(self, deployment: Deployment) -> str:
        owned = await self._table.owned(deployment)
        return ", ".join(
            f"{service} works on {held} of {wanted} lanes"
            for service, (held, wanted) in owned.items()
            if held < wanted
        )

    async def _until_at_work(self, deployment: Deployment) -> None:
        """Every lane is worked on; whoever is only being started again is waited for.

        Raises
        ------
        Conflict : not all services came
        """
        if missing := await self._unowned(deployment):
            within_s = min(AT_WORK_WITHIN_S, self._wait_s)
            self._tell(f"waits for the services, {within_s:g} s at most: {missing}")
            await self._until("", lambda: self._unowned(deployment), within_s=within_s)

    async def _until(
        self,
        doing: str,
        missing: Missing,
        change: Change | None = None,
        *,
        within_s: float | None = None,
    ) -> None:
        """Wait until nothing is missing, as long as a step may take or `within_s`.

        Raises
        ------
        Conflict : it takes too long, or the change holds no more
        """
        if doing:
            self._tell(doing)
        began_s = self._clock.monotonic_s()
        wait_s = self._wait_s if within_s is None else within_s
        found = "PostgreSQL does not answer"
        while True:
            with contextlib.suppress(Unavailable):
                found = await missing()
                if not found:
                    return
                if change is not None:
                    await self._check_held(change)
            if self._clock.monotonic_s() - began_s > wait_s:
                raise Conflict(f"after {wait_s:g} s {found}")
            await self._clock.sleep(LOOK_EVERY_S)

    async def _check_held(self, change: Change) -> None:
        now = await self._table.open()
        if now is None or now.id != change.id or not now.holds:
            raise Conflict(NOT_HELD)


async def _unknown(ends: StreamEnds, streams: Iterable[str]) -> str:
    """Which streams are not followed yet: of each the end must be known before anybody rests."""
    unknown = [stream for stream in streams if not ends.is_followed(stream)]
    return f"{', '.join(unknown)} cannot be read" if unknown else ""
