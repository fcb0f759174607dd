"""Removing data: partitions, rows that are old, and all that is known of a patient."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from services.storage.core.block_rows import BlockKey, BlockRow
from services.storage.core.erased import Erased
from services.storage.core.partitions import Partitioned
from services.storage.core.retention import DeviceTime, Erasure, added, is_inside
from shared.contracts.sample_block import block_start
from shared.database.pool import Database, Session
from shared.database.statements import Statements


class ErasingStep:
    """Implements `ErasingStep` of the ports: one transaction."""

    def __init__(self, session: Session, statements: Statements) -> None:
        self._session = session
        self._statements = statements

    async def erase_device(self, time: DeviceTime) -> dict[str, int]:
        """Remove the rows of a device in a time, but blocks; frames leave their identity."""
        await self._session.execute(self._statements["note_received_of_hot"], *time)
        removed: dict[str, int] = {}
        while True:
            some = await self._session.fetch_value(self._statements["erase_device_time"], *time)
            if not some:
                return removed
            removed = added(removed, some)

    async def erase_texts(self, time: DeviceTime, *, and_later_state: bool) -> dict[str, int]:
        """Remove what people wrote to a device in a time, what it still shows of it, and files."""
        removed: dict[str, int] = await self._session.fetch_value(
            self._statements["erase_device_texts"], *time, and_later_state
        )
        files = await self._session.fetch_value(self._statements["erase_files"], *time)
        return added(removed, files)

    async def remove_blocks(self, time: DeviceTime) -> int:
        """Remove the blocks that lie in a time as a whole."""
        return await self._session.execute(self._statements["remove_blocks"], *time)

    async def blocks_at_ends(self, time: DeviceTime) -> list[tuple[BlockKey, bytes]]:
        """Blocks that lie in a time in part."""
        rows = await self._session.fetch(
            self._statements["blocks_in"], time.device, block_start(time.start_us), time.end_us
        )
        keys = [BlockKey(*row.values()) for row in rows]
        keys = [key for key in keys if not is_inside(key, time)]
        if not keys:
            return []
        found = await self._session.fetch(
            self._statements["blocks_under"],
            *(list(column) for column in zip(*keys, strict=True)),
        )
        return [(BlockKey(*list(row.values())[:4]), bytes(row["content"])) for row in found]

    async def put_block(self, row: BlockRow) -> None:
        """Replace a block."""
        await self._session.execute(self._statements["put_block"], *row)

    async def remove_block(self, key: BlockKey) -> None:
        """Remove a block."""
        await self._session.execute(self._statements["remove_block"], *key)

    async def erase_rows(self, patient: int, until_us: int) -> dict[str, int]:
        """Remove values, summaries and events of a patient before a time."""
        await self._session.fetch_value(self._statements["keep_rollup_off"])
        removed: dict[str, int] = await self._session.fetch_value(
            self._statements["erase_patient_rows"], patient, until_us
        )
        return removed

    async def erase_records(self, request: int) -> dict[str, int]:
        """Remove every row that names the patient, and empty the patient's own."""
        await self._session.fetch_value(self._statements["keep_rollup_off"])
        removed: dict[str, int] = await self._session.fetch_value(
            self._statements["erase_patient_records"], request
        )
        return removed

    async def save(self, request: int, removed: Mapping[str, int]) -> None:
        """Remember how far an erasure is."""
        await self._session.execute(self._statements["save_erasure"], request, dict(removed))

    async def finish(
        self, erasure: Erasure, removed: Mapping[str, int], text: str, digest: str, done_us: int
    ) -> None:
        """Certify an erasure and leave it in the audit trail."""
        await self._session.execute(
            self._statements["finish_erasure"],
            erasure.request,
            dict(removed),
            text,
            digest,
            done_us,
        )
        await self._session.fetch_value(
            self._statements["audit_erasure"],
            erasure.patient,
            erasure.reason,
            {"request": erasure.request, "certificate_sha256": digest},
        )


class ErasureTable:
    """Implements `Erasures`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def erased(self) -> Erased:
        """All that is not let in any more."""
        async with self._database.session() as session:
            patients = await session.fetch(self._statements["erased_patients"])
            times = await session.fetch(self._statements["erased_times"])
        return Erased(
            (row["patient_id"] for row in patients), (DeviceTime(*row.values()) for row in times)
        )

    async def ordered(self) -> list[int]:
        """Erasures that nobody has begun."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["ordered_erasures"])
        return [row["id"] for row in rows]

    async def begin(self, request: int) -> None:
        """Put the fence up."""
        async with self._database.transaction() as session:
            if await session.fetch_value(self._statements["claim_erasing"]):
                await session.fetch_value(self._statements["fence_patient"], request)

    async def under_way(self, fenced_s: float) -> list[Erasure]:
        """Erasures whose fence has stood for so long."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["erasures_under_way"], fenced_s)
        return [_erasure(list(row.values())) for row in rows]

    async def times(self, request: int) -> list[DeviceTime]:
        """When the patient wore which device."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["erased_times_of"], request)
        return [DeviceTime(*row.values()) for row in rows]

    async def oldest_us(self) -> int:
        """Before it there is neither a frame nor a block nor a beat."""
        starts = []
        async with self._database.session() as session:
            for table in (Partitioned.FRAME, Partitioned.BLOCK, Partitioned.BEAT):
                rows = await session.fetch(self._statements["partition_starts"], table.value)
                starts += [row["start_us"] for row in rows]
        return min(starts, default=0)

    async def first_of_patient(self, patient: int) -> int | None:
        """The oldest row of a patient."""
        async with self._database.session() as session:
            first_us: int | None = await session.fetch_value(
                self._statements["first_rows_of_patient"], patient
            )
        return first_us

    @asynccontextmanager
    async def step(self) -> AsyncIterator[ErasingStep | None]:
        """A transaction; None where another process is at it."""
        async with self._database.transaction() as session:
            mine = await session.fetch_value(self._statements["claim_erasing"])
            yield ErasingStep(session, self._statements) if mine else None


class RemovalTable:
    """Implements `Removals`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def starts(self, table: Partitioned) -> list[int]:
        """Where the partitions of a table begin."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["partition_starts"], table.value)
        return [row["start_us"] for row in rows]

    async def drop(self, table: Partitioned, start_us: int) -> bool:
        """Remove a partition with all that is in it."""
        async with self._database.session() as session:
            dropped: bool = await session.fetch_value(
                self._statements["drop_partition"], table.value, start_us
            )
        return dropped

    async def drop_events(self, before_us: int) -> int:
        """Remove some events of before."""
        async with self._database.session() as session:
            return await session.execute(self._statements["remove_old_events"], before_us)

    async def drop_conflicts(self, before_us: int) -> int:
        """Remove some frames that were kept aside before."""
        async with self._database.session() as session:
            return await session.execute(self._statements["remove_old_conflicts"], before_us)

    async def drop_commands(self, before_us: int) -> int:
        """Remove some commands of before."""
        async with self._database.session() as session:
            n: int = await session.fetch_value(self._statements["remove_old_commands"], before_us)
        return n

    async def drop_files(self, before_us: int) -> int:
        """Remove some files of before."""
        async with self._database.session() as session:
            n: int = await session.fetch_value(self._statements["remove_old_files"], before_us)
        return n

    async def own(self, now_us: int) -> list[tuple[int, list[DeviceTime], int]]:
        """Patients with a retention of their own: times of devices, and the time, that go."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["own_retentions"], now_us)
        found: dict[int, tuple[int, list[DeviceTime], int]] = {}
        for row in rows:
            _, times, _ = found.setdefault(
                row["patient_id"], (row["patient_id"], [], row["until_us"])
            )
            if row["device_id"] is not None and row["start_us"] < row["end_us"]:
                times.append(DeviceTime(row["device_id"], row["start_us"], row["end_us"]))
        return list(found.values())


def _erasure(values: list[Any]) -> Erasure:
    return Erasure._make([*values[:-1], msgspec.convert(values[-1], dict[str, int])])
