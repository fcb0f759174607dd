"""Files and their parts in PostgreSQL."""

from collections.abc import Iterable, Mapping, Sequence

from services.gateway.core.file_parts import FileKey, FilePart, PartMark
from services.gateway.core.file_pieces import FileContent
from services.gateway.core.files import FileEnd, FileRow, FileToRead
from services.gateway.core.messages import Device
from shared.contracts.file_reading import FileState
from shared.contracts.identity import DeviceId, DeviceKey
from shared.database.pool import Database
from shared.database.statements import Statements


class PostgresFileTable:
    """Implements `FileTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def find(self, key: FileKey) -> FileRow | None:
        """Give the newest file that the device has sent under this name."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._statements["newest_file"], *key)
            if row is None:
                return None
            parts = await session.fetch(self._statements["file_marks"], row["id"])
        return FileRow(
            id=row["id"],
            format=row["format"],
            total=row["total"],
            state=FileState(row["state"]),
            reason=row["reason"] or "",
            crc32=row["crc32"],
            marks=[PartMark(*part.values()) for part in parts],
        )

    async def begin(self, key: FileKey, codec: str, total: int, *, most_open: int) -> bool:
        """Make the row of a file unless it is there; false where too many are open."""
        async with self._database.transaction() as session:
            n_open: int = await session.fetch_value(
                self._statements["count_open_files"], key.device
            )
            if n_open >= most_open:
                return False
            await session.execute(self._statements["begin_file"], *key, codec, total)
        return True

    async def keep(self, file: str, parts: Sequence[FilePart]) -> bool:
        """Make parts durable; false where the file is not received any more."""
        async with self._database.transaction() as session:
            n: int = await session.fetch_value(
                self._statements["keep_parts"],
                file,
                [part.starts for part in parts],
                [part.crc32 for part in parts],
                [part.data for part in parts],
            )
        return n == 1

    async def complete(self, file: str) -> None:
        """Say that every byte is there."""
        async with self._database.session() as session:
            await session.execute(self._statements["complete_file"], file)

    async def unfinished(self, devices: Iterable[DeviceKey]) -> list[FileKey]:
        """Give the files of these devices that are not whole."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["unfinished_files"], list(devices))
        return [FileKey(DeviceKey(row["device_id"]), row["name"]) for row in rows]

    async def next_to_read(self, shards: range) -> FileToRead | None:
        """Give the file of these shards that waits longest."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._statements["next_file"], shards[0], shards[-1])
        if row is None:
            return None
        options: Mapping[str, object] = row["options"]
        device = Device(
            DeviceKey(row["device_id"]),
            DeviceId(row["device"]),
            row["model"],
            simulated=row["simulated"],
            processing=row["settings"].get("processing", {}),
        )
        return FileToRead(
            row["id"], device, row["name"], row["format"], row["total"], options
        )  # fmt: skip

    async def content(self, file: str) -> list[tuple[int, bytes]]:
        """Give its parts, ascending."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["file_content"], file)
        return [(row["starts"], bytes(row["content"])) for row in rows]

    async def attempt(self, file: str) -> int:
        """Count one more attempt; give how many there were, with it."""
        async with self._database.session() as session:
            return int(await session.fetch_value(self._statements["attempt_file"], file) or 0)

    async def mark_read(self, file: str, content: FileContent) -> None:
        """Write what is in it."""
        async with self._database.session() as session:
            await session.execute(
                self._statements["mark_file_read"],
                file,
                content.n_pieces,
                content.n_frames,
                content.starts_us,
                content.ends_us,
            )

    async def wear(self, file: str, content: FileContent) -> str:
        """Have the patient whom it is of wear the device then; give why that cannot be."""
        async with self._database.session() as session:
            why_not: str = await session.fetch_value(
                self._statements["wear_while_recorded"], file, content.starts_us, content.ends_us
            )
        return why_not

    async def save_progress(self, file: str, n_stored: int) -> None:
        """Write how many of its pieces are stored."""
        async with self._database.session() as session:
            await session.execute(self._statements["save_file_progress"], file, n_stored)

    async def finish(self, file: str, end: FileEnd) -> None:
        """Write how it ended, and drop its bytes."""
        bad = end.bad
        async with self._database.transaction() as session:
            await session.execute(
                self._statements["finish_file"],
                file,
                end.state.value,
                None if bad is None else bad.reason.value,
                None if bad is None else bad.detail[:500],
                None if bad is None else bad.line,
                None if bad is None else bad.offset,
                end.crc32,
            )
            await session.execute(self._statements["drop_file_content"], file)
