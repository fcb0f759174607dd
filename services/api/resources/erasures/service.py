"""Erasures: an administrator orders one, and reads the certificate."""

from datetime import datetime

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core.permissions import Permission
from services.api.resources.erasures.schemas import Erasure, ErasureList, NewErasure
from services.api.resources.erasures.store import ErasureStore
from shared.contracts.instants import to_text
from shared.database.pool import Row
from shared.errors import NotFound


class ErasureService:
    """Orders and reads erasures, each written down."""

    def __init__(self, access: Access, store: ErasureStore) -> None:
        self._access = access
        self._store = store

    async def order(self, request: Request, patient: str, erasure: NewErasure) -> Erasure:
        """Order the erasure of a patient; the same answer when it was ordered before.

        Raises
        ------
        Denied : not an administrator
        NotFound : there is no such patient
        """
        await self._access.require(request, Permission.ERASE_PATIENTS, Action.ERASE_PATIENT)
        patient_id = await self._store.find(patient)
        if patient_id is None:
            await self._access.audit.append(
                request.entry(Action.ERASE_PATIENT, Outcome.REFUSED, reason="no such patient")
            )
            raise NotFound(f"patient {patient}")
        # The audit row stands before the order: what is erased was surely written down.
        await self._access.audit.append(
            request.entry(
                Action.ERASE_PATIENT,
                Outcome.GRANTED,
                patient_id=patient_id,
                reason=erasure.reason,
            )
        )
        await self._store.order(patient_id, reason=erasure.reason, by=request.principal.username)
        return _answer((await self._store.erasures(patient))[0])

    async def erasure(self, request: Request, patient: str) -> Erasure:
        """How far the erasure of a patient is.

        Raises
        ------
        NotFound : none was ordered
        """
        await self._access.require(request, Permission.ERASE_PATIENTS, Action.READ_ERASURES)
        rows = await self._store.erasures(patient)
        if not rows:
            raise NotFound(f"erasure of {patient}")
        return _answer(rows[0])

    async def erasures(self, request: Request) -> ErasureList:
        """All erasures."""
        await self._access.require(request, Permission.ERASE_PATIENTS, Action.READ_ERASURES)
        return ErasureList(items=[_answer(row) for row in await self._store.erasures()])


def _answer(row: Row) -> Erasure:
    return Erasure(
        patient=row["key"],
        reason=row["reason"],
        requested_by=row["requested_by"],
        requested_at=_text(row["requested_at"]),
        state=row["state"],
        done_at=None if row["done_at"] is None else _text(row["done_at"]),
        certificate=row["certificate"],
        certificate_sha256=row["certificate_sha256"],
    )


def _text(moment: datetime) -> str:
    return to_text(round(moment.timestamp() * 1e6))
