"""Devices for those who manage them, and for those whose patients wear them."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core.chosen_processing import chosen
from services.api.core.cursors import decode_list_cursor, encode_list_cursor
from services.api.core.device_secret import credential_hash
from services.api.core.permissions import Permission
from services.api.parameters import Processing
from services.api.resources.devices.schemas import (
    Confirmed,
    Counters,
    Device,
    DeviceList,
    DeviceSecret,
    DeviceSecrets,
    NewDevice,
    NewDevices,
    RefusedCount,
    Retired,
    Revoked,
    RotatedSecret,
    Rotation,
)
from services.api.resources.devices.store import DeviceStore, Idempotency, NewDeviceRow
from shared.contracts.device_model import DeviceModel
from shared.contracts.identity import DeviceId
from shared.contracts.instants import to_text
from shared.contracts.names import device_root
from shared.database.pool import Duplicate, Row
from shared.errors import Conflict, Invalid, NotFound

_SECRET_BYTES = 32
_SALT_BYTES = 12


class DeviceService:
    """Lists, registers and cuts off devices."""

    def __init__(
        self, access: Access, store: DeviceStore, models: Mapping[str, DeviceModel]
    ) -> None:
        self._access = access
        self._store = store
        self._models = models

    async def devices(self, request: Request, *, limit: int, cursor: str | None) -> DeviceList:
        """Who manages devices sees all, without who wears them; others those of their patients."""
        seen = await self._access.patients(request, Permission.READ_DEVICES, Action.READ_DEVICES)
        wearers = {device.id: patient for patient in seen for device in patient.devices}
        all_of_them = request.principal.may(Permission.MANAGE_DEVICES)
        after = decode_list_cursor(cursor, 1)[0] if cursor else ""
        rows = await self._store.devices(
            after=after, only=None if all_of_them else list(wearers), limit=limit + 1
        )
        page = rows[:limit]
        worn = [wearers[row["id"]] for row in page if row["id"] in wearers]
        await self._access.note_read(request, Action.READ_DEVICES, dict.fromkeys(worn))
        return DeviceList(
            items=[
                self._shown(row, wearers[row["id"]].key if row["id"] in wearers else None)
                for row in page
            ],
            next=encode_list_cursor(page[-1]["device"]) if len(rows) > limit else None,
        )

    async def create(self, request: Request, new: NewDevice, *, key: str | None) -> DeviceSecret:
        """Register a device; its secret is in the answer and nowhere else.

        Raises
        ------
        Invalid : there is no such model
        Conflict : there is a device of that name
        """
        await self._access.require(request, Permission.MANAGE_DEVICES, Action.CREATE_DEVICE)
        if new.model not in self._models:
            raise Invalid("There is no such device model.")
        device = DeviceId(new.device)
        secret, password_hash = _draw()
        once = None
        if key is not None:
            once = Idempotency(
                user_id=request.principal.user_id,
                key=key,
                request_hash=hashlib.sha256(new.model_dump_json().encode()).digest(),
            )
        try:
            device_id, before = await self._store.create(
                device=device,
                model=new.model,
                simulated=new.simulated,
                note=new.note,
                password_hash=password_hash,
                once=once,
            )
        except Duplicate as error:
            raise Conflict("There is a device of that name.") from error
        if before is None:
            await self._write_down(request, Action.CREATE_DEVICE, device_id, device)
        return _secret(device, None if before is not None else secret)

    async def create_many(self, request: Request, new: NewDevices) -> DeviceSecrets:
        """Register devices, all or none; their secrets are in the answer and nowhere else.

        Raises
        ------
        Invalid : there is no such model, or a name stands twice
        Conflict : there is a device of one of the names
        """
        await self._access.require(request, Permission.MANAGE_DEVICES, Action.CREATE_DEVICE)
        if len({item.device for item in new.items}) != len(new.items):
            raise Invalid("A name stands twice.")
        unknown = {item.model for item in new.items} - set(self._models)
        if unknown:
            raise Invalid(f"There is no such device model: {min(unknown)}.")
        drawn = [_draw() for _ in new.items]
        try:
            device_ids = await self._store.create_many(
                [
                    NewDeviceRow(
                        device=DeviceId(item.device),
                        model=item.model,
                        simulated=item.simulated,
                        note=item.note,
                        password_hash=password_hash,
                    )
                    for item, (_, password_hash) in zip(new.items, drawn, strict=True)
                ]
            )
        except Duplicate as error:
            raise Conflict("There is a device of one of these names.") from error
        await self._access.audit.append(
            *(
                request.entry(
                    Action.CREATE_DEVICE,
                    Outcome.GRANTED,
                    device_id=device_id,
                    detail={"device": item.device},
                )
                for item, device_id in zip(new.items, device_ids, strict=True)
            )
        )
        return DeviceSecrets(
            items=[
                _secret(DeviceId(item.device), secret)
                for item, (secret, _) in zip(new.items, drawn, strict=True)
            ]
        )

    async def rotate(self, request: Request, device: str, rotation: Rotation) -> RotatedSecret:
        """Give a device another secret; the one before stops working, now or when it is confirmed.

        Raises
        ------
        NotFound : there is no such device
        Conflict : it is retired, or a unit
        """
        row = await self._found(request, device, Action.ROTATE_CREDENTIAL)
        if row["retired_at"] is not None:
            raise Conflict("The device is retired.")
        if row["parent_id"] is not None:
            raise Conflict("A unit speaks through its hub: it has no credential of its own.")
        secret, password_hash = _draw()
        if rotation.keep_old_s:
            at = await self._store.wait_with_credential(
                row["id"], password_hash, rotation.keep_old_s
            )
        else:
            await self._store.replace_credential(row["id"], password_hash)
            at = await self._store.now()
        await self._write_down(request, Action.ROTATE_CREDENTIAL, row["id"], row["device"])
        return RotatedSecret(
            takes_effect=_text(at), **_secret(DeviceId(row["device"]), secret).model_dump()
        )

    async def confirm(self, request: Request, device: str) -> Confirmed:
        """Put a device's new secret in force.

        Raises
        ------
        NotFound : there is no such device
        """
        row = await self._found(request, device, Action.ROTATE_CREDENTIAL)
        waited = await self._store.confirm_credential(row["id"])
        await self._write_down(request, Action.ROTATE_CREDENTIAL, row["id"], row["device"])
        return Confirmed(device=row["device"], confirmed=waited)

    async def retire(self, request: Request, device: str) -> Retired:
        """Take a device out of use for good, with the units behind it.

        Raises
        ------
        NotFound : there is no such device
        """
        row = await self._found(request, device, Action.RETIRE_DEVICE)
        was_in_use = await self._store.retire(row["id"])
        await self._write_down(request, Action.RETIRE_DEVICE, row["id"], row["device"])
        return Retired(device=row["device"], retired=was_in_use)

    async def counters(self, request: Request, device: str) -> Counters:
        """What is counted of a device, for those who manage it or care for its wearer.

        Raises
        ------
        NotFound : there is no such device, or none of a patient of theirs
        """
        seen = await self._access.device(request, device, Action.READ_COUNTERS)
        counts, status = await self._store.counters(seen.id)
        return Counters(
            device=seen.device,
            messages=sum(row["n"] for row in counts if row["kind"] == "messages"),
            refused=[
                RefusedCount(reason=row["reason"], count=row["n"], newest=_text(row["newest_at"]))
                for row in counts
                if row["kind"] == "refused"
            ],
            online=status is not None and status["online"],
            last_seen=None if status is None else _text(status["seen_at"]),
            buffered=None if status is None else status["buffered"],
            clock_offset_s=None if status is None else _seconds(status["offset_us"]),
            clock_correction_s=None if status is None else _seconds(status["correction_us"]),
        )

    async def revoke(self, request: Request, device: str) -> Revoked:
        """Cut a device off; it keeps its data and its assignment.

        Raises
        ------
        NotFound : there is no such device
        """
        row = await self._found(request, device, Action.REVOKE_DEVICE)
        had_one = await self._store.replace_credential(row["id"], None)
        await self._write_down(request, Action.REVOKE_DEVICE, row["id"], row["device"])
        return Revoked(device=row["device"], revoked=had_one)

    def _shown(self, row: Row, patient: str | None) -> Device:
        seen_at = row["seen_at"]
        processing = chosen(self._models.get(row["model"]), row["processing"])
        return Device(
            device=row["device"],
            model=row["model"],
            simulated=row["simulated"],
            online=bool(row["online"]),
            last_seen=_text(seen_at) if seen_at is not None else None,
            battery_percent=row["battery_percent"],
            rssi_dbm=row["rssi_dbm"],
            buffered=row["buffered"],
            firmware=row["firmware"],
            patient=patient,
            has_credential=row["credential_created_at"] is not None,
            retired=row["retired_at"] is not None,
            note=row["note"],
            hub=row["hub"],
            processing=Processing(**processing._asdict()),
        )

    async def _found(self, request: Request, device: str, action: Action) -> Row:
        await self._access.require(request, Permission.MANAGE_DEVICES, action)
        row = await self._store.find(device)
        if row is None:
            await self._access.refuse(request, action, reason="no such device")
            raise NotFound(f"device {device}")
        return row

    async def _write_down(
        self, request: Request, action: Action, device_id: int, device: str
    ) -> None:
        await self._access.audit.append(
            request.entry(action, Outcome.GRANTED, device_id=device_id, detail={"device": device})
        )


def _draw() -> tuple[str, str]:
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return secret, credential_hash(secret, secrets.token_bytes(_SALT_BYTES))


def _secret(device: DeviceId, secret: str | None) -> DeviceSecret:
    return DeviceSecret(
        device=device, username=device, topic_root=device_root(device), secret=secret
    )


def _text(moment: datetime) -> str:
    return to_text(round(moment.timestamp() * 1e6))


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6
