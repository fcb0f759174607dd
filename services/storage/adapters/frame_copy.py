"""``signal.frame`` by COPY, and the look for what is there already."""

import asyncio
from collections.abc import Sequence

from services.storage.adapters.position_table import Step
from services.storage.core.block_rows import BlockKey, read_block
from services.storage.core.frame_rows import (
    COLUMNS,
    FrameContent,
    FrameKey,
    FrameRows,
    RefusedFrames,
    Repeated,
    StoredFrames,
    contents_of,
    copy_payload,
    stored_content,
)
from services.storage.core.known_messages import BootKey, message_stretches
from services.storage.core.positions import Advance
from shared.contracts.sample_block import block_start
from shared.database.pool import Database, Session
from shared.database.statements import Statements
from shared.errors import Conflict

_KEY = ("device", "boot", "n", "part")


class FrameCopy:
    """Implements `FrameTable`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements
        self._step = Step(database, statements)

    async def highest(self, boots: Sequence[BootKey]) -> list[tuple[BootKey, int]]:
        """The highest n that is stored of each boot, -1 where none is."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["highest_n"],
                [key.device for key in boots],
                [key.boot for key in boots],
            )
        return [(BootKey(row["device_id"], row["boot"]), row["n"]) for row in rows]

    async def stored(self, rows: FrameRows) -> StoredFrames:
        """What is stored under these identities, at any time, in frames or in blocks."""
        keys = rows.keys()
        wanted = set(keys)
        stretches = message_stretches(rows.table)
        async with self._database.session() as session:
            found = await session.fetch(
                self._statements["stored_in"],
                *([one[i] for one in stretches] for i in range(len(stretches[0]))),
            )
            # Asked second: what compaction moves in between is met twice, never missed.
            received = await session.fetch(
                self._statements["received_before"],
                *(rows.table[name].tolist() for name in _KEY[:3]),
            )
            there: dict[FrameKey, FrameContent] = {}
            for row in found:
                values = list(row.values())
                key = FrameKey(*values[:4])
                if key in wanted:
                    there[key] = stored_content(values[4:])
            places = [row["wanted"] - 1 for row in received]
            cold = [place for place in places if keys[place] not in there]
            if not cold:
                return StoredFrames(there, set(), set())
            there |= await self._in_blocks(session, rows, cold)
            unseen = [place for place in cold if keys[place] not in there]
            removed = await session.fetch(
                self._statements["removed_before"],
                rows.table["device"][unseen].tolist(),
                rows.table["t0"][unseen].tolist(),
            )
        gone = {keys[unseen[row["wanted"] - 1]] for row in removed}
        return StoredFrames(there, gone, {keys[place] for place in unseen} - gone)

    async def _in_blocks(
        self, session: Session, rows: FrameRows, places: Sequence[int]
    ) -> dict[FrameKey, FrameContent]:
        """Contents of those rows that stand in the block of their minute."""
        table = rows.table[places]
        columns = (table[name].tolist() for name in ("device", "stream", "place", "t0"))
        blocks = {
            BlockKey(device, stream, place, block_start(t0))
            for device, stream, place, t0 in zip(*columns, strict=True)
        }
        found = await session.fetch(
            self._statements["blocks_under"],
            *(list(column) for column in zip(*sorted(blocks), strict=True)),
        )
        contents = await asyncio.to_thread(
            _contents, [(BlockKey(*list(row.values())[:4]), bytes(row["content"])) for row in found]
        )
        keys = rows.keys()
        return {keys[place]: contents[keys[place]] for place in places if keys[place] in contents}

    async def append(
        self, fresh: FrameRows, refused: Sequence[RefusedFrames], advance: Advance
    ) -> None:
        """Write rows and position in one transaction."""
        async with self._step.transaction(advance) as session:
            if session is None:
                return
            for one in refused:
                await self._keep_aside(session, one)
            if len(fresh):
                try:
                    await session.copy_payload(
                        schema="signal", table="frame", columns=COLUMNS, payload=copy_payload(fresh)
                    )
                except Conflict as error:
                    raise Repeated(str(error)) from error

    async def _keep_aside(self, session: Session, refused: RefusedFrames) -> None:
        rows = refused.rows
        table = rows.table
        await session.execute(
            self._statements["keep_aside"],
            *(table[name].tolist() for name in (*_KEY, "t0")),
            [content.digest() for content in rows.contents()],
            *(table[name].tolist() for name in ("stream", "interval_ns", "received")),
            table["flags"].view("<i4").tolist(),
            *(table[name].tolist() for name in ("channels", "format", "place", "scale", "offset")),
            rows.samples,
            [refused.reason.value] * len(rows),
        )


def _contents(blocks: Sequence[tuple[BlockKey, bytes]]) -> dict[FrameKey, FrameContent]:
    contents: dict[FrameKey, FrameContent] = {}
    for key, content in blocks:
        contents |= contents_of(read_block(key, content))
    return contents
