"""Devices in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.api.core.permissions import UserId
from shared.contracts.identity import DeviceId, shard_of
from shared.database.pool import Database, Row
from shared.database.statements import Statements
from shared.errors import Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A key under which the same request happens once."""

    user_id: UserId
    key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeviceRow:
    """A device to be registered, with the hash of its secret."""

    device: DeviceId
    model: str
    simulated: bool
    note: str | None
    password_hash: str


class DeviceStore:
    """Reads devices; writes devices and the hashes of their credentials."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def devices(self, *, after: str, only: Sequence[int] | None, limit: int) -> list[Row]:
        """Devices in the order of their names."""
        async with self._database.session() as session:
            return await session.fetch(
                self._statements["devices"], after, None if only is None else list(only), limit
            )

    async def create(
        self,
        *,
        device: DeviceId,
        model: str,
        simulated: bool,
        note: str | None,
        password_hash: str,
        once: Idempotency | None,
    ) -> tuple[int, dict[str, Any] | None]:
        """Register a device with its credential; gives its row, and what was answered before.

        Raises
        ------
        Duplicate : there is a device of that name
        Conflict : the key was used for another request
        """
        statements = self._statements
        async with self._database.transaction() as session:
            if once is not None:
                await session.fetch(
                    statements["lock_idempotency_key"], f"{once.user_id} {once.key}"
                )
                before = await session.fetch_one(
                    statements["find_idempotency_key"], once.user_id, once.key
                )
                if before is not None:
                    if before["request_hash"] != once.request_hash:
                        raise Conflict("The Idempotency-Key was used for another request.")
                    return before["response"]["id"], before["response"]
            device_id: int = await session.fetch_value(
                statements["add_device"], device, int(shard_of(device)), model, simulated, note
            )
            await session.execute(statements["add_credential"], device_id, password_hash)
            if once is not None:
                await session.execute(
                    statements["keep_idempotency_key"],
                    once.user_id,
                    once.key,
                    once.request_hash,
                    201,
                    {"id": device_id, "device": device},
                )
        return device_id, None

    async def find(self, device: str) -> Row | None:
        """A device by its name."""
        async with self._database.session() as session:
            return await session.fetch_one(self._statements["device"], device)

    async def create_many(self, devices: Sequence[NewDeviceRow]) -> list[int]:
        """Register devices with their credentials, all or none; gives their rows.

        Raises
        ------
        Duplicate : there is a device of one of the names
        """
        found: list[int] = []
        async with self._database.transaction() as session:
            for new in devices:
                device_id: int = await session.fetch_value(
                    self._statements["add_device"],
                    new.device,
                    int(shard_of(new.device)),
                    new.model,
                    new.simulated,
                    new.note,
                )
                found.append(device_id)
            await session.execute_many(
                self._statements["add_credential"],
                [(key, new.password_hash) for key, new in zip(found, devices, strict=True)],
            )
        return found

    async def wait_with_credential(
        self, device_id: int, password_hash: str, keep_old_s: int
    ) -> datetime:
        """Give a device another credential that takes effect later; gives when."""
        async with self._database.session() as session:
            at: datetime = await session.fetch_value(
                self._statements["wait_with_credential"], device_id, password_hash, keep_old_s
            )
        return at

    async def confirm_credential(self, device_id: int) -> bool:
        """Put the credential that waits in force; tells if one waited."""
        statements = self._statements
        async with self._database.transaction() as session:
            waiting = await session.fetch_value(statements["take_waiting_credential"], device_id)
            if waiting is None:
                return False
            await session.execute(statements["revoke_credential"], device_id)
            await session.execute(statements["add_credential"], device_id, waiting)
        return True

    async def retire(self, device_id: int) -> bool:
        """Take a device out of use: no credential, no wearer; tells if it was in use."""
        statements = self._statements
        async with self._database.transaction() as session:
            await session.fetch(statements["lock_device"], device_id)
            ended = await session.execute(statements["retire_device"], device_id)
            await session.fetch(statements["take_waiting_credential"], device_id)
            await session.execute(statements["revoke_credential"], device_id)
            await session.execute(statements["end_assignments"], device_id)
        return ended > 0

    async def counters(self, device_id: int) -> tuple[list[Row], Row | None]:
        """What is counted of a device, and its newest status."""
        async with self._database.session() as session:
            return (
                await session.fetch(self._statements["counters"], device_id),
                await session.fetch_one(self._statements["presence"], device_id),
            )

    async def now(self) -> datetime:
        """The time of the database, by which credentials take effect."""
        async with self._database.session() as session:
            found: datetime = await session.fetch_value(self._statements["database_time"])
        return found

    async def replace_credential(self, device_id: int, password_hash: str | None) -> bool:
        """End the credential of a device and give it another, or none; tells if it had one."""
        async with self._database.transaction() as session:
            await session.fetch(self._statements["take_waiting_credential"], device_id)
            ended = await session.execute(self._statements["revoke_credential"], device_id)
            if password_hash is not None:
                await session.execute(self._statements["add_credential"], device_id, password_hash)
        return ended > 0
