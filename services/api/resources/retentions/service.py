"""Retention of single patients: an administrator sets it, storage carries it out."""

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core.permissions import Permission
from services.api.resources.retentions.schemas import NewRetention, Retention
from services.api.resources.retentions.store import RetentionStore
from shared.contracts.instants import to_text
from shared.database.pool import Row
from shared.errors import NotFound


class RetentionService:
    """Reads and changes how long the data of a patient is kept, each written down."""

    def __init__(self, access: Access, store: RetentionStore) -> None:
        self._access = access
        self._store = store

    async def retention(self, request: Request, patient: str) -> Retention:
        """How long the data of a patient is kept.

        Raises
        ------
        Denied : not an administrator
        NotFound : there is no such patient
        """
        patient_id = await self._find(request, patient, Action.READ_RETENTION)
        await self._granted(request, patient_id, Action.READ_RETENTION)
        return _answer(patient, await self._store.retention(patient_id))

    async def set(self, request: Request, patient: str, new: NewRetention) -> Retention:
        """Keep the data of a patient for so long; what is older goes for ever within the hour.

        Raises
        ------
        Denied, NotFound : as `retention`
        """
        patient_id = await self._find(request, patient, Action.SET_RETENTION)
        # The audit row stands before the change: what is removed was surely written down.
        await self._granted(
            request, patient_id, Action.SET_RETENTION, reason=new.reason, keep_days=new.keep_days
        )
        row = await self._store.set(
            patient_id, keep_days=new.keep_days, by=request.principal.username
        )
        return _answer(patient, row)

    async def remove(self, request: Request, patient: str) -> None:
        """Keep the data of a patient as long as that of all others.

        Raises
        ------
        Denied, NotFound : as `retention`
        """
        patient_id = await self._find(request, patient, Action.SET_RETENTION)
        await self._granted(request, patient_id, Action.SET_RETENTION, keep_days=None)
        await self._store.remove(patient_id)

    async def _find(self, request: Request, patient: str, action: Action) -> int:
        await self._access.require(request, Permission.ERASE_PATIENTS, action)
        patient_id = await self._store.find(patient)
        if patient_id is None:
            await self._access.refuse(request, action, reason="no such patient")
            raise NotFound(f"patient {patient}")
        return patient_id

    async def _granted(
        self,
        request: Request,
        patient_id: int,
        action: Action,
        *,
        reason: str | None = None,
        **detail: object,
    ) -> None:
        await self._access.audit.append(
            request.entry(
                action, Outcome.GRANTED, patient_id=patient_id, reason=reason, detail=detail
            )
        )


def _answer(patient: str, row: Row | None) -> Retention:
    return Retention(
        patient=patient,
        keep_days=None if row is None else row["keep_days"],
        changed_by=None if row is None else row["changed_by"],
        changed_at=None if row is None else to_text(round(row["changed_at"].timestamp() * 1e6)),
    )
