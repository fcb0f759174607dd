"""The MQTT sessions of the lanes of this process, over changes of their number.

A session gathers what devices send while nobody reads it. So before a lane is left, the sessions
that will follow it are opened and subscribed; then all that the old one had by that moment is read
and acknowledged. From there on both gather the same: whichever is read on, nothing is missing, and
the other one can be ended.
"""

import asyncio
from collections.abc import Sequence

import structlog

from services.gateway.adapters.mqtt import MqttOptions, MqttSession, open_session
from services.gateway.adapters.old_sessions import end_session
from shared.contracts.identity import Lane, Shard, lane_of, shards_of
from shared.contracts.names import up_filter
from shared.database.pool import Database
from shared.database.statements import Statements
from shared.errors import Unavailable
from shared.ownership.deployment import Deployment, LaneChange
from shared.runtime.clock import Clock

log = structlog.get_logger()

OLD_SESSIONS = 8
"""So many incarnations back sessions are ended; by itself the broker keeps each for a day."""
SETTLE_WITHIN_S = 10.0
"""A queue that is longer than that is settled in several attempts."""


class LaneSessions:
    """Opens the session of a lane, leaves it to others, ends those that nobody will read."""

    def __init__(
        self,
        options: MqttOptions,
        deployment: Deployment,
        *,
        database: Database,
        statements: Statements,
        clock: Clock,
    ) -> None:
        self._options = options
        self._deployment = deployment
        self._database = database
        self._statements = statements
        self._clock = clock
        self._open: dict[Lane, MqttSession] = {}
        self._others: Sequence[Deployment] = ()
        self._ended: set[str] = set()

    async def look_up(self) -> None:
        """Find out which sessions other deployments may have left behind.

        Raises
        ------
        Unavailable : PostgreSQL does not answer
        """
        lanes, incarnation = self._deployment
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["other_deployments"], incarnation, OLD_SESSIONS
            )
        others = {row["incarnation"]: row["lanes"] for row in rows}
        for before in range(max(1, incarnation - OLD_SESSIONS), incarnation):
            others.setdefault(before, lanes)  # the streams were lost: the lanes were the same
        self._others = [Deployment(n, number) for number, n in sorted(others.items())]

    async def open(self, lane: Lane) -> MqttSession:
        """Open the session of a lane, and end those of other deployments that had its place.

        Raises
        ------
        Unavailable : the broker does not answer in time, or refuses for now
        Misconfigured : it refuses user or password
        """
        lanes, incarnation = self._deployment
        for other in self._others:
            for place in range(lane, other.lanes, lanes):
                await self._end(_client_id(other.incarnation, Lane(place)))
        session = await open_session(
            self._options,
            client_id=_client_id(incarnation, lane),
            filters=[up_filter(Shard(number)) for number in shards_of(lane, lanes)],
            clock=self._clock,
        )
        self._open[lane] = session
        return session

    async def hand_over(self, lane: Lane, change: LaneChange) -> bool:
        """Have the sessions of the new lanes gather from here on, and settle what came before.

        True when both is done; false where it is to be tried again, all of it: a session of the
        new lanes may have been opened by the owner of another old lane at the same moment.
        """
        session = self._open.get(lane)
        if session is None:
            return False
        try:
            for new in range(change.to_lanes):
                shards = [
                    shard
                    for shard in shards_of(lane, self._deployment.lanes)
                    if lane_of(Shard(shard), change.to_lanes) == new
                ]
                if shards:
                    client_id = _client_id(change.to_incarnation, Lane(new))
                    await self._subscribe(client_id, shards)
            async with asyncio.timeout(SETTLE_WITHIN_S):
                await session.settle_queue()
        except (Unavailable, TimeoutError) as error:
            log.warning("lane_not_handed_over", lane=lane, error=str(error))
            return False
        return True

    async def take_back(self, lane: Lane, change: LaneChange) -> None:
        """End the sessions that were opened for a change which was not carried through."""
        try:
            for new in range(change.to_lanes):
                if set(shards_of(Lane(new), change.to_lanes)) & set(
                    shards_of(lane, self._deployment.lanes)
                ):
                    await end_session(self._options, _client_id(change.to_incarnation, Lane(new)))
        except Unavailable as error:
            # The next gateway that starts ends them.
            log.warning("sessions_not_ended", lane=lane, error=str(error))

    async def _subscribe(self, client_id: str, shards: Sequence[int]) -> None:
        session = await open_session(
            self._options,
            client_id=client_id,
            filters=[up_filter(Shard(shard)) for shard in shards],
            clock=self._clock,
        )
        await session.close()

    async def _end(self, client_id: str) -> None:
        if client_id not in self._ended:
            await end_session(self._options, client_id)
            self._ended.add(client_id)


def _client_id(incarnation: int, lane: Lane) -> str:
    return f"gateway-{incarnation}-{lane}"
