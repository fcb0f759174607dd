"""Maps in PostgreSQL."""

from shared.contracts.place_maps import PlaceMap, stored_points
from shared.database.pool import Database, Row, Session
from shared.database.statements import Statements
from shared.errors import Conflict

MAPS_MOST = 500  # kept at a time


class MapStore:
    """Keeps maps, and when they hold."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def add(self, given: PlaceMap, *, by: str) -> tuple[int, bool]:
        """Keep a map; gives its number, and whether it is new.

        Raises
        ------
        Conflict : there are too many
        """
        sql, digest = self._statements, given.digest
        async with self._database.transaction() as session:
            await session.fetch(sql["lock_floor"], given.site, given.floor)
            same = await session.fetch_value(sql["same_map"], given.site, given.floor, digest)
            if same is not None:
                return int(same), False
            if await session.fetch_value(sql["count_maps"]) >= MAPS_MOST:
                raise Conflict(f"{MAPS_MOST} maps are kept; remove some first.")
            number = await session.fetch_value(
                sql["add_map"], given.site, given.floor, list(given.access_points),
                len(given.points), stored_points(given), digest, by,
            )  # fmt: skip
            await session.execute(
                sql["add_rooms"],
                number,
                list(range(len(given.rooms))),
                [room.name for room in given.rooms],
                [room.outline for room in given.rooms],
            )
        return int(number), True

    async def maps(
        self, *, number: int | None = None, before: int | None = None, limit: int = 1
    ) -> list[Row]:
        """Maps, the newest first; one by its number, even when it was removed."""
        async with self._database.session() as session:
            return await session.fetch(self._statements["maps"], number, before, limit)

    async def rooms(self, number: int) -> list[Row]:
        """The rooms of a map."""
        async with self._database.session() as session:
            return await session.fetch(self._statements["rooms"], number)

    async def use(self, number: int, *, after_us: int, by: str) -> None:
        """Take a map into use so long from now, instead of the one of its floor.

        One that is in use stays so.

        Raises
        ------
        Conflict : it was removed meanwhile
        """
        async with self._database.transaction() as session:
            row = await self._locked(session, number)
            is_used = row["from_us"] is not None and row["until_us"] is None
            if is_used:
                return
            from_us = row["now_us"] + after_us
            await session.execute(self._statements["end_uses"], row["site"], row["floor"], from_us)
            await session.execute(self._statements["use_map"], number, from_us, by)

    async def remove(self, number: int, *, after_us: int) -> None:
        """Forget a map; in use, it ends so long from now.

        Raises
        ------
        Conflict : it was removed meanwhile
        """
        async with self._database.transaction() as session:
            row = await self._locked(session, number)
            await session.execute(self._statements["end_use"], number, row["now_us"] + after_us)
            await session.execute(self._statements["remove_map"], number)

    async def _locked(self, session: Session, number: int) -> Row:
        row = await session.fetch_one(self._statements["maps"], number, None, 1)
        assert row is not None, "maps stay when they are removed"
        await session.fetch(self._statements["lock_floor"], row["site"], row["floor"])
        row = await session.fetch_one(self._statements["maps"], number, None, 1)
        if row is None or row["removed_at"] is not None:
            raise Conflict("The map was removed.")
        return row
