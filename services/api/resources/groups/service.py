"""Groups of devices for those who manage devices."""

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core.cursors import decode_list_cursor, encode_list_cursor
from services.api.core.permissions import Permission
from services.api.resources.groups.schemas import Group, GroupList, NewGroup
from services.api.resources.groups.store import GroupStore
from shared.database.pool import Duplicate, Row
from shared.errors import Conflict, NotFound


class GroupService:
    """Groups, each change written down."""

    def __init__(self, access: Access, store: GroupStore) -> None:
        self._access = access
        self._store = store

    async def groups(self, request: Request, *, limit: int, cursor: str | None) -> GroupList:
        """A page of groups."""
        after = decode_list_cursor(cursor, 1)[0] if cursor else ""
        await self._access.require(request, Permission.MANAGE_DEVICES, Action.READ_GROUPS)
        rows = await self._store.groups(after=after, only=None, limit=limit + 1)
        page = rows[:limit]
        return GroupList(
            items=[_shown(row) for row in page],
            next=encode_list_cursor(page[-1]["key"]) if len(rows) > limit else None,
        )

    async def add(self, request: Request, new: NewGroup) -> Group:
        """Make a group.

        Raises
        ------
        Conflict : there is a group of that key
        """
        await self._access.require(request, Permission.MANAGE_DEVICES, Action.CHANGE_GROUP)
        try:
            await self._store.add(new.key, new.name)
        except Duplicate as error:
            raise Conflict("There is a group of that key.") from error
        await self._note(request, new.key, "made")
        return Group(key=new.key, name=new.name, devices=[])

    async def remove(self, request: Request, key: str) -> None:
        """End a group.

        Raises
        ------
        NotFound : there is no such group
        """
        await self._access.require(request, Permission.MANAGE_DEVICES, Action.CHANGE_GROUP)
        if not await self._store.remove(key):
            raise NotFound(f"group {key}")
        await self._note(request, key, "ended")

    async def change_member(self, request: Request, key: str, name: str, *, belongs: bool) -> Group:
        """Have a device belong to a group, or not.

        Raises
        ------
        NotFound : there is no such group or device
        """
        device = await self._access.device(
            request,
            name,
            Action.CHANGE_GROUP,
            Permission.MANAGE_DEVICES,
            detail={"group": key, "belongs": belongs},
        )
        await self._store.change_member(key, device, belongs=belongs)
        rows = await self._store.groups(after="", only=key, limit=1)
        if not rows:
            raise NotFound(f"group {key}")
        return _shown(rows[0])

    async def _note(self, request: Request, key: str, what: str) -> None:
        await self._access.audit.append(
            request.entry(Action.CHANGE_GROUP, Outcome.GRANTED, detail={"group": key, "what": what})
        )


def _shown(row: Row) -> Group:
    return Group(key=row["key"], name=row["name"], devices=row["devices"])
