"""Hours of ``signal.frame`` that become ``signal.block``."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np

from services.storage.core.block_rows import COLUMNS, BlockKey, BlockRow
from services.storage.core.compaction import StreamKey
from shared.contracts.frames import FRAME, FrameBatch
from shared.contracts.instants import HOUR
from shared.contracts.receipts import Receipt
from shared.database.pool import Database, Session
from shared.database.statements import Statements

_COLUMN_TYPES = {
    "boot": ">i8", "n": ">i8", "part": ">i2", "t0": ">i8", "interval_ns": ">i8",
    "received": ">i8", "flags": ">i4", "channels": ">i2", "format": ">i2", "place": ">i2",
    "scale": ">f4", "add_offset": ">f4", "size": ">i4",
}  # fmt: skip


class HeldHour:
    """Implements `HeldHour` of the ports: one hour, in one transaction."""

    def __init__(self, session: Session, statements: Statements, start_us: int) -> None:
        self._session = session
        self._statements = statements
        self._span = (start_us, start_us + HOUR)

    async def next_stream(self, after: StreamKey) -> StreamKey | None:
        """The next device and stream, None behind the last."""
        row = await self._session.fetch_one(self._statements["next_stream"], *self._span, *after)
        return None if row is None else StreamKey(row["device_id"], row["stream"])

    async def frames(self, key: StreamKey) -> FrameBatch:
        """All frames of one device and stream."""
        row = await self._session.fetch_one(self._statements["hour_of_a_stream"], *key, *self._span)
        assert row is not None, "an aggregate has one row"
        table = np.zeros(row["n_frames"], dtype=FRAME)
        table["device"], table["stream"] = key
        for name, kind in _COLUMN_TYPES.items():
            field = "offset" if name == "add_offset" else name
            table[field] = np.frombuffer(row[name] or b"", dtype=kind).astype(
                FRAME[field], casting="unsafe"
            )
        ends = np.cumsum(table["size"], dtype=np.int64)
        table["start"] = ends - table["size"]
        return FrameBatch(table, memoryview(row["samples"] or b""))

    async def blocks(self, key: StreamKey) -> dict[BlockKey, bytes]:
        """The blocks that this hour of the device and stream has already."""
        rows = await self._session.fetch(self._statements["blocks_of_a_stream"], *key, *self._span)
        return {BlockKey(*list(row.values())[:4]): bytes(row["content"]) for row in rows}

    async def put(self, fresh: Sequence[BlockRow], changed: Sequence[BlockRow]) -> None:
        """Write new blocks, and replace those that there are."""
        if fresh:
            await self._session.copy(schema="signal", table="block", columns=COLUMNS, rows=fresh)
        if changed:
            await self._session.execute_many(self._statements["put_block"], changed)

    async def note_received(self, receipts: Sequence[Receipt]) -> None:
        """Remember which messages are in blocks."""
        flat = [
            (one.device, one.boot, first, last) for one in receipts for first, last in one.ranges
        ]
        await self._session.execute(
            self._statements["note_received"], *(list(column) for column in zip(*flat, strict=True))
        )

    async def empty(self) -> None:
        """Take the frames out; may be tried again in the same transaction.

        Raises
        ------
        Unavailable : readers are in the way
        """
        async with self._session.savepoint():
            await self._session.fetch_value(self._statements["empty_hour"], self._span[0])


class HourTable:
    """Implements `FrameHours`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def starts(self) -> list[int]:
        """Where the hours that are there begin."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["partition_starts"], "frame")
        return [row["start_us"] for row in rows]

    async def is_filled(self, start_us: int) -> bool:
        """Whether an hour holds a frame."""
        async with self._database.session() as session:
            filled: bool = await session.fetch_value(
                self._statements["is_hour_filled"], start_us, start_us + HOUR
            )
        return filled

    @asynccontextmanager
    async def hold(self, start_us: int) -> AsyncIterator[HeldHour | None]:
        """A transaction that keeps writers out of the hour; None where another process has it.

        All is committed at the end, or nothing when something raises.

        Raises
        ------
        Unavailable : a writer of the hour did not end in time
        """
        async with self._database.transaction() as session:
            mine = await session.fetch_value(self._statements["claim_compaction"])
            if mine and await session.fetch_value(self._statements["hold_hour"], start_us):
                yield HeldHour(session, self._statements, start_us)
            else:
                yield None

    async def drop(self, start_us: int) -> bool:
        """Remove an hour when it is empty; gives whether it was.

        Raises
        ------
        Unavailable : others are in the way
        """
        async with self._database.session() as session:
            dropped: bool = await session.fetch_value(
                self._statements["drop_partition"], "frame", start_us
            )
        return dropped
