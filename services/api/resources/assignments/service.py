"""Putting devices on patients and taking them off, by staff or with a code."""

import secrets
from datetime import UTC, datetime, timedelta

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core.claim_code import (
    CODE_BYTES,
    SALT_BYTES,
    code_of,
    hash_of,
    is_right,
)
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.core.permissions import Permission
from services.api.core.sight import SeenPatient
from services.api.core.token_bucket import Rate, RateLimitedError, TokenBuckets
from services.api.resources.assignments.schemas import (
    Assignment,
    AssignmentList,
    Claim,
    ClaimCode,
    NewAssignment,
    NewClaimCode,
)
from services.api.resources.assignments.store import AssignmentStore, Claimed
from shared.contracts.identity import DeviceKey
from shared.contracts.instants import to_text
from shared.database.pool import Row
from shared.errors import Conflict, NotFound
from shared.runtime.clock import Clock

CLAIMS = Rate(burst=10, per_s=1 / 30)
"""Attempts of one user: a person who mistypes needs a few."""
_USERS_MOST = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_SALT, _NO_HASH = bytes(SALT_BYTES), bytes(32)


class AssignmentService:
    """Assignments for a user, each written down."""

    def __init__(self, access: Access, store: AssignmentStore, clock: Clock) -> None:
        self._access = access
        self._store = store
        self._clock = clock
        self._attempts = TokenBuckets(CLAIMS, _USERS_MOST)

    async def assignments(
        self, request: Request, patient: str, *, limit: int, cursor: str | None
    ) -> AssignmentList:
        """A page of the devices that a patient wears and wore."""
        before = _before(cursor)
        seen = await self._access.patient(request, patient, Action.READ_ASSIGNMENTS)
        rows = await self._store.assignments(seen, before=before, limit=limit + 1)
        page = rows[:limit]
        return AssignmentList(
            items=[_shown(row, seen, row["device"], row["model"]) for row in page],
            next=encode_list_cursor(str(page[-1]["id"])) if len(rows) > limit else None,
        )

    async def assign(self, request: Request, patient: str, new: NewAssignment) -> Assignment:
        """Put a device that nobody wears on a patient, with the units behind it.

        Raises
        ------
        NotFound : no such patient or device, or one that the user may not know of
        Conflict : a patient of theirs wears it
        """
        seen = await self._access.patient(
            request, patient, Action.ASSIGN_DEVICE, Permission.ASSIGN_DEVICES
        )
        device = await self._store.find_device(new.device)
        if device is None or device["retired_at"] is not None:
            await self._refuse(request, Action.ASSIGN_DEVICE, seen, device, "no such device")
            raise NotFound(f"device {new.device}")
        if device["patient_id"] is not None:
            own = {one.id for one in await self._access.sight_of(request.principal.user_id)}
            if device["patient_id"] not in own:
                await self._refuse(request, Action.ASSIGN_DEVICE, seen, device, "no relation")
                raise NotFound(f"device {new.device}")
            raise Conflict("A patient wears this device; take it off first.")
        by = request.principal.username
        try:
            row, units = await self._store.assign(DeviceKey(device["id"]), seen, by)
        except Conflict as error:
            raise Conflict("A patient wears this device; take it off first.") from error
        await self._note(request, Action.ASSIGN_DEVICE, seen, device, *units)
        return _shown(row, seen, device["device"], device["model"])

    async def release(self, request: Request, patient: str, name: str) -> Assignment:
        """Take a device off a patient, with the units behind it.

        Raises
        ------
        NotFound : no such patient or device, or the patient does not wear it
        """
        seen = await self._access.patient(
            request, patient, Action.RELEASE_DEVICE, Permission.ASSIGN_DEVICES
        )
        device = await self._store.find_device(name)
        row: Row | None = None
        units: list[Row] = []
        if device is not None:
            row, units = await self._store.release(DeviceKey(device["id"]), seen)
        if device is None or row is None:
            await self._refuse(request, Action.RELEASE_DEVICE, seen, device, "not worn")
            raise NotFound(f"device {name}")
        await self._note(request, Action.RELEASE_DEVICE, seen, device, *units)
        return _shown(row, seen, device["device"], device["model"])

    async def make_code(self, request: Request, name: str, new: NewClaimCode) -> ClaimCode:
        """Give the code of a device that nobody wears; it is in the answer and nowhere else.

        Raises
        ------
        NotFound : there is no such device
        Conflict : it is retired, or worn
        """
        device = await self._access.device(
            request, name, Action.MAKE_CLAIM_CODE, Permission.MANAGE_DEVICES
        )
        found = await self._store.find_device(name)
        if device.is_retired or found is None or found["patient_id"] is not None:
            raise Conflict("The device is worn or retired.")
        code, salt = code_of(secrets.token_bytes(CODE_BYTES)), secrets.token_bytes(SALT_BYTES)
        row = await self._store.put_claim_code(
            device,
            salt=salt,
            code_hash=hash_of(code, salt),
            expires_s=new.expires_s,
            by=request.principal.username,
        )
        return ClaimCode(device=device.device, code=code, expires=_text(row["expires_at"]))

    async def claim(self, request: Request, claim: Claim) -> Assignment:
        """Put a device on a patient by its code, which is used up by that.

        Raises
        ------
        NotFound : no such patient, device or code; which of them is not told
        RateLimitedError : too many attempts of this user
        """
        seen = await self._access.patient(
            request, claim.patient, Action.CLAIM_DEVICE, Permission.CLAIM_DEVICES
        )
        wait_s = self._attempts.take(str(request.principal.user_id), self._clock.monotonic_s())
        if wait_s:
            await self._access.refuse(
                request, Action.CLAIM_DEVICE, reason="too many attempts", patient_id=seen.id
            )
            raise RateLimitedError(wait_s)

        def check(salt: bytes | None, kept: bytes | None) -> bool:
            return is_right(claim.code, salt or _NO_SALT, kept or _NO_HASH)

        try:
            device, came = await self._store.claim(
                claim.device, seen, request.principal.username, is_right=check
            )
        except Conflict as error:  # somebody shall wear it from a later time on
            raise NotFound("no such device, or no such code") from error
        if isinstance(came, Claimed):
            await self._refuse(request, Action.CLAIM_DEVICE, seen, device, came.name.lower())
            raise NotFound("no such device, or no such code")
        assert device is not None, "it was claimed"
        row, units = came
        await self._note(request, Action.CLAIM_DEVICE, seen, device, *units)
        return _shown(row, seen, device["device"], device["model"])

    async def _note(
        self, request: Request, action: Action, patient: SeenPatient, *devices: Row
    ) -> None:
        """Write down what was done with a device, and with the units that followed it."""
        await self._access.audit.append(
            *(
                request.entry(
                    action,
                    Outcome.GRANTED,
                    patient_id=patient.id,
                    device_id=device["id"],
                    detail={"device": device["device"]},
                )
                for device in devices
            )
        )

    async def _refuse(
        self,
        request: Request,
        action: Action,
        patient: SeenPatient,
        device: Row | None,
        reason: str,
    ) -> None:
        await self._access.audit.append(
            request.entry(
                action,
                Outcome.REFUSED,
                patient_id=patient.id,
                device_id=None if device is None else device["id"],
                reason=reason,
            )
        )


def _shown(row: Row, patient: SeenPatient, device: str, model: str) -> Assignment:
    return Assignment(
        patient=patient.key,
        device=device,
        model=model,
        starts=_text(row["starts"]),
        ends=None if row["ends"] is None else _text(row["ends"]),
        assigned_by=row["assigned_by"],
    )


def _before(cursor: str | None) -> int | None:
    if not cursor:
        return None
    (number,) = decode_list_cursor(cursor, 1)
    if not number.isdigit() or len(number) > 18:
        raise BadCursorError("the cursor belongs to another list")
    return int(number)


def _text(moment: datetime) -> str:
    return to_text((moment - _EPOCH) // timedelta(microseconds=1))
