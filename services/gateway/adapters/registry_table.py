"""Devices and the deployment, as the registry has them."""

from collections.abc import Iterable

from services.gateway.core.messages import Device
from shared.contracts.identity import DeviceId, DeviceKey, shard_of
from shared.database.pool import Database, Row
from shared.database.statements import Statements


class PostgresRegistryTable:
    """Implements `RegistryTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def all_devices(self) -> list[Device]:
        """Give every device that is in use."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["all_devices"])
        return [_device(row) for row in rows]

    async def devices(self, names: Iterable[DeviceId]) -> list[Device]:
        """Give those of the named devices that are in use."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["devices_by_name"], list(names))
        return [_device(row) for row in rows]

    async def join_unit(
        self, hub: Device, name: DeviceId, *, kind: str, model: str
    ) -> DeviceKey | None:
        """Give the row of a unit behind a hub, made if it is new; None where it may not join."""
        async with self._database.session() as session:
            found = await session.fetch_value(
                self._statements["join_unit"], hub.key, name, kind, model, int(shard_of(hub.name))
            )
        return None if found is None else DeviceKey(found)


def _device(row: Row) -> Device:
    constants = row["settings"].get("constants")
    hub = row["parent_id"]
    return Device(
        DeviceKey(row["id"]),
        DeviceId(row["device"]),
        row["model"],
        row["simulated"],
        None if hub is None else DeviceKey(hub),
        constants if isinstance(constants, dict) else {},
        row["settings"].get("processing", {}),
    )
