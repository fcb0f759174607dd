"""Commands in PostgreSQL, and on their way to the gateway."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from services.api.core.sight import SeenDevice
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.contracts.commands import Command, encode_command
from shared.contracts.formats import COMMAND_V1
from shared.contracts.identity import DeviceId, lane_of, shard_of
from shared.contracts.names import Exchange, routing_key
from shared.database.pool import Database, Row
from shared.database.statements import Statements
from shared.errors import Dependency, Unavailable

_PUBLISH_S = 5.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CommandStore:
    """Writes commands down, hands them over, reads what became of them."""

    def __init__(self, database: Database, statements: Statements, publisher: Publisher) -> None:
        self._database = database
        self._statements = statements
        self._publisher = publisher

    async def add(
        self,
        device: SeenDevice,
        command: Command,
        *,
        by: str,
        at_us: int,
        check: Callable[[Row | None, int], None],
    ) -> Row:
        """Write a command down, once; gives it as it stands.

        ``check`` sees what stands there under this id, and how many of the device are open; it
        may refuse by raising.
        """
        statements = self._statements
        async with self._database.transaction() as session:
            await session.fetch(statements["lock_device"], device.id)
            before = await session.fetch_one(statements["command"], device.id, command.id)
            n_open: int = await session.fetch_value(statements["count_open"], device.id)
            check(before, n_open)
            if before is not None:
                return before
            await session.execute(
                statements["add_command"],
                command.id,
                device.id,
                command.name,
                command.args,
                by,
                _to_time(at_us),
                _to_time(command.expires),
            )
            row = await session.fetch_one(statements["command"], device.id, command.id)
        assert row is not None, "it was written in this transaction"
        return row

    async def hand_over(self, device: SeenDevice, command: Command) -> None:
        """Give a command to the gateway; returns when RabbitMQ has it.

        Raises
        ------
        Unavailable : RabbitMQ does not take it in time; handed over again it still runs once
        """
        async with self._database.session() as session:
            lanes: int = await session.fetch_value(self._statements["lanes"])
        try:
            async with asyncio.timeout(_PUBLISH_S):
                confirmation = await self._publisher.send(
                    Message(
                        exchange=Exchange.COMMANDS,
                        routing_key=routing_key(lane_of(shard_of(DeviceId(device.device)), lanes)),
                        format=COMMAND_V1,
                        body=encode_command(command),
                        message_id=command.id,
                        t=command.expires,
                    )
                )
                await asyncio.shield(confirmation)
        except TimeoutError as error:
            raise Unavailable(Dependency.RABBITMQ, "a command was not taken") from error

    async def commands(
        self, device: SeenDevice, *, after: tuple[int, str] | None, limit: int
    ) -> list[Row]:
        """Commands of a device, the newest first."""
        at_us, after_id = after if after is not None else (None, None)
        async with self._database.session() as session:
            return await session.fetch(
                self._statements["commands"],
                device.id,
                None if at_us is None else _to_time(at_us),
                after_id,
                limit,
            )

    async def command(self, device: SeenDevice, command_id: str) -> Row | None:
        """One command of a device."""
        async with self._database.session() as session:
            return await session.fetch_one(self._statements["command"], device.id, command_id)


def _to_time(t_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=t_us)
