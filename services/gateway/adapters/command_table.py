"""Commands in PostgreSQL: the rows that say what was sent and what became of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.gateway.core.command_deadlines import OpenCommand
from services.gateway.core.messages import FinishedCommand
from shared.contracts.commands import Command, CommandOutcome
from shared.contracts.identity import DeviceKey
from shared.database.pool import Database, Row
from shared.database.statements import Statements

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PostgresCommandTable:
    """Implements `CommandTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def take(self, command: Command) -> OpenCommand | None:
        """Write the row of a command; give it as it stands, None if it has ended."""
        async with self._database.transaction() as session:
            await session.execute(
                self._statements["take_command"],
                command.id,
                command.device,
                command.name,
                command.args,
                str(command.requested_by),
                _to_time(command.expires),
            )
            row = await session.fetch_one(self._statements["open_command"], command.id)
        return None if row is None else _open(row)

    async def load(self, shards: range) -> list[OpenCommand]:
        """Give the commands of these shards that have not ended, or ended unknown of late."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["open_commands"], shards[0], shards[-1])
        return [_open(row) for row in rows]

    async def mark_sent(self, command: OpenCommand) -> OpenCommand | None:
        """Write that it is sent now; None if another was first or it must not be sent."""
        async with self._database.session() as session:
            row = await session.fetch_one(
                self._statements["mark_command_sent"], command.id, command.sends
            )
        return None if row is None else _open(row)

    async def finish(
        self, command: str, device: DeviceKey, outcome: CommandOutcome, detail: str
    ) -> None:
        """Write how a command ended."""
        async with self._database.session() as session:
            await session.execute(
                self._statements["finish_command"], command, device, outcome.value, detail
            )

    async def untold(self, shards: range) -> list[FinishedCommand]:
        """Give commands that have ended and whose event may be missing."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["untold_commands"], shards[0], shards[-1])
        return [
            FinishedCommand(
                id=row["id"],
                device=DeviceKey(row["device_id"]),
                name=row["name"],
                outcome=CommandOutcome(row["outcome"]),
                detail=row["detail"] or "",
                finished_us=_to_us(row["finished_at"]),
            )
            for row in rows
        ]

    async def mark_told(self, commands: Sequence[FinishedCommand]) -> None:
        """Write that their events are durable."""
        async with self._database.session() as session:
            await session.execute(
                self._statements["mark_commands_told"],
                [command.id for command in commands],
                [command.outcome.value for command in commands],
            )


def _open(row: Row) -> OpenCommand:
    return OpenCommand(
        id=row["id"],
        device=DeviceKey(row["device_id"]),
        name=row["name"],
        args=row["args"],
        expires_us=_to_us(row["expires_at"]),
        sends=row["sends"],
        sent_us=None if row["sent_at"] is None else _to_us(row["sent_at"]),
        is_given_up=row["outcome"] is not None,
    )


def _to_us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _to_time(t_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=t_us)
