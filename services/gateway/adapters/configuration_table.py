"""What is wished of devices, and their counters, in PostgreSQL."""

from collections.abc import Sequence

from services.gateway.core.messages import DesiredConfiguration, DeviceCount
from shared.contracts.identity import DeviceKey
from shared.database.pool import Database
from shared.database.statements import Statements


class PostgresConfigurationTable:
    """Implements `ConfigurationTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def load(self, shards: range) -> list[DesiredConfiguration]:
        """Give all wishes of these shards."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["load_configurations"], shards[0], shards[-1]
            )
        return [
            DesiredConfiguration(DeviceKey(row["device_id"]), row["version"], row["configuration"])
            for row in rows
        ]


class PostgresCounterTable:
    """Implements `CounterTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def add(self, counts: Sequence[DeviceCount]) -> None:
        """Add to the counters."""
        ordered = sorted(counts)  # two replicas that write the same rows never lock crosswise
        async with self._database.session() as session:
            await session.execute(
                self._statements["add_counts"],
                [count.device for count in ordered],
                [count.kind for count in ordered],
                [count.reason for count in ordered],
                [count.n for count in ordered],
            )
