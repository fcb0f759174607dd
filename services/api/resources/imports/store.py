"""Files that people bring, on their way to the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.api.core.sight import SeenDevice
from shared.contracts.identity import DeviceKey, PatientKey
from shared.database.pool import Database, Row
from shared.database.statements import Statements

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImport:
    """What is brought, before its bytes."""

    id: str
    device: DeviceKey
    patient: PatientKey | None
    name: str
    format: str
    total: int
    options: Mapping[str, str]
    sent_by: str


class ImportStore:
    """Writes files part by part, and reads what became of them."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def begin(self, new: NewImport) -> str:
        """Make the row of a file: ``begun``, ``there`` or ``other``."""
        async with self._database.session() as session:
            found: str = await session.fetch_value(
                self._statements["begin_import"],
                new.id,
                new.device,
                new.patient,
                new.name,
                new.format,
                new.total,
                dict(new.options),
                new.sent_by,
            )
        return found

    async def put(self, file: str, starts: int, crc32: int, content: bytes) -> None:
        """Keep a part."""
        async with self._database.session() as session:
            await session.fetch_value(self._statements["put_part"], file, starts, crc32, content)

    async def finish(self, file: str, digest: bytes) -> str:
        """Say that it is whole; give the file that stands for it from now on."""
        async with self._database.session() as session:
            found: str = await session.fetch_value(self._statements["finish_import"], file, digest)
        return found

    async def drop(self, file: str) -> None:
        """Leave nothing of a file that did not come whole."""
        async with self._database.session() as session:
            await session.fetch_value(self._statements["drop_import"], file)

    async def found(self, file: str) -> Row | None:
        """A file."""
        async with self._database.session() as session:
            return await session.fetch_one(self._statements["found_import"], file)

    async def imports(
        self, device: SeenDevice, *, after: tuple[int, str] | None, limit: int
    ) -> list[Row]:
        """Files of a device, the newest first."""
        at_us, after_id = after if after is not None else (None, None)
        at = None if at_us is None else _EPOCH + timedelta(microseconds=at_us)
        async with self._database.session() as session:
            return await session.fetch(self._statements["imports"], device.id, at, after_id, limit)
