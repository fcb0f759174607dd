"""`registry.lane_change`: one change of the number of lanes, and the switch in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.contracts.identity import Lane
from shared.contracts.names import LANE_STREAMS, Queue, lane_queue
from shared.database.pool import Database, Row, Session
from shared.database.statements import load_statements
from shared.errors import Conflict
from shared.ownership.deployment import LEAVES_IN, Deployment, Phase
from shared.ownership.leases import lock_keys

NOT_HELD = "the change was not held any more: the services go on as before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change as its row says; `holds` until its hold is over."""

    id: int
    before: Deployment
    after: Deployment
    phase: Phase
    holds: bool

    @classmethod
    def of(cls, row: Row) -> "Change":
        """The change of a row."""
        return cls(
            id=row["id"],
            before=Deployment(row["from_lanes"], row["from_incarnation"]),
            after=Deployment(row["to_lanes"], row["to_incarnation"]),
            phase=Phase(row["phase"]),
            holds=row["holds"],
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


class ChangeTable:
    """What the command reads and writes. Every method raises Unavailable without PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("services.administration")
        self._who_holds_what = load_statements("shared.ownership")["who_holds_what"]

    async def deployment(self) -> Deployment:
        """The deployment that holds now."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._sql["read_deployment"])
        assert row is not None, "the first migration inserts it"
        return Deployment(row["lanes"], row["incarnation"])

    async def open(self) -> Change | None:
        """The change that has not ended, if there is one."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._sql["open_change"])
        return None if row is None else Change.of(row)

    async def begin(self, to_lanes: int, *, hold_s: float, asked_by: str) -> Change:
        """Begin a change, which holds for so long."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._sql["begin_change"], to_lanes, hold_s, asked_by)
        assert row is not None, "an insert gives its row"
        return Change.of(row)

    async def hold(self, change: Change, *, hold_s: float) -> bool:
        """Hold it for so long from now; false where the hold is over."""
        async with self._database.session() as session:
            return bool(await session.execute(self._sql["hold_on"], change.id, hold_s))

    async def next_phase(self, change: Change, phase: Phase) -> None:
        """Let the next services leave their lanes.

        Raises
        ------
        Conflict : the hold is over
        """
        async with self._database.session() as session:
            if not await session.execute(self._sql["next_phase"], change.id, phase.value):
                raise Conflict(NOT_HELD)

    async def give_up(self, change: Change) -> bool:
        """Give it up; false where it is switched or has ended."""
        async with self._database.session() as session:
            return bool(await session.execute(self._sql["give_up_change"], change.id))

    async def end(self, change: Change) -> None:
        """Note that nothing of it is left to do."""
        async with self._database.session() as session:
            await session.execute(self._sql["end_change"], change.id)

    async def left(self, change: Change) -> Mapping[str, int]:
        """How many lanes each service has left."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["lanes_left"], change.id)
        return {row["service"]: row["n"] for row in rows}

    async def offsets(self, statement: str, incarnation: int) -> Mapping[str, int]:
        """Up to which offset readers have each stream.

        Parameters
        ----------
        statement : whose: `stored_offsets`, `computed_offsets` or `judged_offsets`
        """
        async with self._database.session() as session:
            rows = await session.fetch(self._sql[statement], incarnation)
        return {row["stream"]: row["last_offset"] for row in rows}

    async def untold_alarms(self) -> int:
        """How many announcements of alarms are not confirmed."""
        async with self._database.session() as session:
            n: int = await session.fetch_value(self._sql["untold_alarms"])
        return n

    async def owned(self, deployment: Deployment) -> Mapping[str, tuple[int, int]]:
        """On how many lanes of a deployment each service works, and on how many it should."""
        found: dict[str, tuple[int, int]] = {}
        async with self._database.session() as session:
            for service in LEAVES_IN:
                keys = lock_keys(service, deployment.incarnation)
                rows = await session.fetch(self._who_holds_what, *keys)
                held = sum(row["lane"] is not None for row in rows)
                found[service] = held, deployment.lanes + (service == "storage")  # and the events
        return found

    async def switch(self, change: Change) -> None:
        """The one step that cannot be taken back: all of it or nothing.

        Raises
        ------
        Conflict : the hold is over
        """
        before, after = change.before, change.after
        async with self._database.transaction() as session:
            if not await session.execute(self._sql["switch_change"], change.id):
                raise Conflict(NOT_HELD)
            if not await session.execute(
                self._sql["switch_deployment"], before.incarnation, after.lanes, after.incarnation
            ):
                raise Conflict("the deployment was changed by somebody else")
            await self._carry(session, change)

    async def _carry(self, session: Session, change: Change) -> None:
        """Positions, alarms and late data of the old lanes, for the new ones."""
        before, after = change.before, change.after
        sql = self._sql
        pair = (before.incarnation, after.incarnation)
        kept = [*change.staying, Queue.EVENTS.value]
        await session.execute(sql["carry_stored"], *pair, kept)
        await session.execute(sql["carry_computed"], *pair, change.staying)
        await session.execute(sql["carry_judged_values"], *pair, change.staying)
        await session.execute(sql["carry_judged_events"], *pair, before.lanes, after.lanes)
        time = await session.fetch_one(sql["carry_alarm_time"])
        assert time is not None, "it is an aggregate"
        await session.execute(sql["put_alarm_lanes"], after.lanes, time["saves"], time["now_us"])
        await session.execute(sql["carry_late"], after.lanes)
