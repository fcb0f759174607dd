"""Alarms in PostgreSQL, and actions on their queue."""

import asyncio
from collections.abc import Sequence

from services.api.core.sight import SeenPatient
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.contracts.actions import AlarmAction, encode_action
from shared.contracts.formats import ACTION_V1
from shared.contracts.names import Exchange, Queue
from shared.database.pool import Database, Row
from shared.database.statements import Statements
from shared.errors import Dependency, Unavailable

_PUBLISH_S = 5.0


class AlarmStore:
    """Reads alarms; hands actions to who carries them out."""

    def __init__(self, database: Database, statements: Statements, publisher: Publisher) -> None:
        self._database = database
        self._statements = statements
        self._publisher = publisher

    async def alarms(
        self,
        patients: Sequence[SeenPatient],
        *,
        past_too: bool,
        between: tuple[int | None, int | None],
        priority: str | None,
        after: tuple[int, str] | None,
        limit: int,
    ) -> list[Row]:
        """Alarms of these patients that stood in a time, the newest first."""
        since_us, after_id = after if after is not None else (None, None)
        async with self._database.session() as session:
            return await session.fetch(
                self._statements["alarms"],
                [patient.id for patient in patients],
                past_too,
                since_us,
                after_id,
                *between,
                priority,
                limit,
            )

    async def alarm(self, alarm_id: str, patients: Sequence[SeenPatient]) -> Row | None:
        """One alarm, when it is of one of these patients."""
        async with self._database.session() as session:
            return await session.fetch_one(
                self._statements["alarm"], alarm_id, [patient.id for patient in patients]
            )

    async def patient_of(self, alarm_id: str) -> int | None:
        """The patient of an alarm, for the audit trail."""
        async with self._database.session() as session:
            found: int | None = await session.fetch_value(
                self._statements["find_alarm_patient"], alarm_id
            )
        return found

    async def act(self, actions: Sequence[AlarmAction]) -> None:
        """Hand actions over; returns when RabbitMQ has them.

        Raises
        ------
        Unavailable : RabbitMQ does not take them in time
        """
        try:
            async with asyncio.timeout(_PUBLISH_S):
                confirmations = [
                    await self._publisher.send(
                        Message(
                            exchange=Exchange.ACTIONS,
                            routing_key=Queue.ALARM_ACTIONS.value,
                            format=ACTION_V1,
                            body=encode_action(action),
                            message_id=action.id,
                            t=action.at,
                        )
                    )
                    for action in actions
                ]
                for confirmation in confirmations:
                    await asyncio.shield(confirmation)
        except TimeoutError as error:
            raise Unavailable(Dependency.RABBITMQ, "an action on alarms was not taken") from error

    async def outcomes(self, action_ids: Sequence[str]) -> dict[str, str]:
        """What became of these actions, as far as they are done."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["actions"], list(action_ids))
        return {row["id"]: row["outcome"] for row in rows}
