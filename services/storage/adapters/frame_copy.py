"""``signal.frame`` by COPY, and the look for what is there already."""

from collections.abc import Sequence

from services.storage.adapters.position_table import Step
from services.storage.core.frame_rows import (
    COLUMNS,
    FrameContent,
    FrameKey,
    FrameRows,
    RefusedFrames,
    Repeated,
    copy_payload,
    stored_content,
)
from services.storage.core.known_messages import BootKey, message_stretches
from services.storage.core.positions import Advance
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

    async def stored(self, rows: FrameRows) -> tuple[dict[FrameKey, FrameContent], set[FrameKey]]:
        """What is there under these identities, at any time."""
        keys = rows.keys()
        wanted = set(keys)
        stretches = message_stretches(rows.table)
        async with self._database.session() as session:
            found = await session.fetch(
                self._statements["stored_in"],
                *([one[i] for one in stretches] for i in range(len(stretches[0]))),
            )
            gone = await session.fetch(
                self._statements["received_before"],
                *(rows.table[name].tolist() for name in _KEY[:3]),
            )
        there: dict[FrameKey, FrameContent] = {}
        for row in found:
            values = list(row.values())
            key = FrameKey(*values[:4])
            if key in wanted:
                there[key] = stored_content(values[4:])
        return there, {keys[row["wanted"] - 1] for row in gone}

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
