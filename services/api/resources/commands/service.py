"""What people ask of devices, and what became of it."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.core.permissions import Permission
from services.api.core.sight import SeenDevice
from services.api.resources.commands.schemas import (
    Command,
    CommandList,
    CommandState,
    NewCommand,
)
from services.api.resources.commands.store import CommandStore
from shared.contracts import commands as contract
from shared.contracts.device_model import DeviceModel
from shared.contracts.instants import SECOND, to_text
from shared.contracts.model_values import ValueReason, refuse_values
from shared.database.pool import Row
from shared.errors import Conflict, Invalid, NotFound
from shared.runtime.clock import Clock

OPEN_MOST = 20
"""Commands of one device that may still run: a queue longer than that is no intention."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CommandService:
    """Commands for a user."""

    def __init__(
        self,
        access: Access,
        store: CommandStore,
        clock: Clock,
        models: Mapping[str, DeviceModel],
    ) -> None:
        self._access = access
        self._store = store
        self._clock = clock
        self._models = models

    async def command(
        self, request: Request, name: str, asked: NewCommand, *, key: str | None
    ) -> Command:
        """Ask a device for something; gives the command as it stands.

        The same request with the same key is the same command: it runs once.

        Raises
        ------
        Invalid : the model has no such command, or a value does not fit
        Conflict : the device is retired, too much waits for it, or the key was used otherwise
        Unavailable : it could not be handed over; with the same key it can be asked for again
        """
        now_us = self._clock.now_us()
        command_id = _command_id(request, name, key)
        device = await self._access.device(
            request,
            name,
            Action.COMMAND_DEVICE,
            Permission.COMMAND_DEVICES,
            detail={"command": command_id, "name": asked.name},
        )
        self._check(device, asked)
        command = contract.Command(
            id=command_id,
            device=device.id,
            name=asked.name,
            args=asked.args,
            expires=now_us + asked.expires_s * SECOND,
            requested_by=request.principal.user_id,
        )

        def check(before: Row | None, n_open: int) -> None:
            if before is None and n_open >= OPEN_MOST:
                raise Conflict(f"{n_open} commands wait for this device; let some end first.")
            if before is not None and (before["name"], before["args"]) != (asked.name, asked.args):
                raise Conflict("The Idempotency-Key was used for another request.")

        row = await self._store.add(
            device, command, by=request.principal.username, at_us=now_us, check=check
        )
        if not row["is_taken"] and not row["is_over"]:
            expires = msgspec.structs.replace(command, expires=_to_us(row["expires_at"]))
            await self._store.hand_over(device, expires)
        return _shown(row, device)

    async def commands(
        self, request: Request, name: str, *, limit: int, cursor: str | None
    ) -> CommandList:
        """A page of commands of a device."""
        after = _after(cursor)
        device = await self._access.device(request, name, Action.READ_COMMANDS)
        rows = await self._store.commands(device, after=after, limit=limit + 1)
        page = rows[:limit]
        last = page[-1] if len(rows) > limit else None
        return CommandList(
            items=[_shown(row, device) for row in page],
            next=None
            if last is None
            else encode_list_cursor(str(_to_us(last["requested_at"])), last["id"]),
        )

    async def found(self, request: Request, name: str, command_id: str) -> Command:
        """One command of a device.

        Raises
        ------
        NotFound : the device has no such command
        """
        device = await self._access.device(request, name, Action.READ_COMMANDS)
        row = await self._store.command(device, command_id)
        if row is None:
            raise NotFound(f"command {command_id}")
        return _shown(row, device)

    def _check(self, device: SeenDevice, asked: NewCommand) -> None:
        if device.is_retired:
            raise Conflict("The device is retired.")
        model = self._models.get(device.model)
        known = model.command(asked.name) if model is not None else None
        if known is None:
            raise Invalid(
                f"A {device.model} knows no command {asked.name}.",
                reason=ValueReason.UNKNOWN_COMMAND,
            )
        refusal = refuse_values(known.args, asked.args)
        if refusal is not None:
            raise Invalid(f"{refusal.name}: {refusal.detail}", reason=refusal.reason)


def _shown(row: Row, device: SeenDevice) -> Command:
    return Command(
        id=row["id"],
        device=device.device,
        name=row["name"],
        args=row["args"],
        state=_state(row),
        detail=row["detail"] or None,
        requested_by=row["requested_by"],
        requested_at=to_text(_to_us(row["requested_at"])),
        expires=to_text(_to_us(row["expires_at"])),
        sent_at=_text(row["sent_at"]),
        finished_at=_text(row["finished_at"]),
    )


def _state(row: Row) -> CommandState:
    if row["outcome"] is not None:
        return CommandState(row["outcome"])
    if not row["is_taken"]:
        # The gateway takes nothing whose time is over.
        return CommandState.EXPIRED if row["is_over"] else CommandState.QUEUED
    return CommandState.WAITING if row["sent_at"] is None else CommandState.SENT


def _command_id(request: Request, device: str, key: str | None) -> str:
    """Id of a command: the same for the same request sent again with its Idempotency-Key."""
    if key is None:
        return str(uuid.uuid4())
    text = "\x1f".join(("command", str(request.principal.user_id), device, key))
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def _after(cursor: str | None) -> tuple[int, str] | None:
    if not cursor:
        return None
    at, command_id = decode_list_cursor(cursor, 2)
    try:
        uuid.UUID(command_id)
    except ValueError as error:
        raise BadCursorError("the cursor belongs to another list") from error
    if not at.isdigit() or len(at) > 16:
        raise BadCursorError("the cursor belongs to another list")
    return int(at), command_id


def _to_us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _text(moment: Any) -> str | None:
    return None if moment is None else to_text(_to_us(moment))
