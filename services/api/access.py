"""Who may see whom. The one place that builds a patient filter.

A route gets patients as ``SeenPatient`` from here and from nowhere else; the statements of the
resources take their ids. A patient whom the user may not see is not found, as one that does not
exist, and the attempt is audited.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from services.api.audit import Action, AuditEntry, AuditTrail, Origin, Outcome
from services.api.core.permissions import Permission, Principal, UserId
from services.api.core.sight import BedName, SeenDevice, SeenPatient, WardName, WornDevice
from shared.contracts.identity import DeviceKey, PatientKey
from shared.database.pool import Database, Row, Session
from shared.database.statements import Statements
from shared.errors import Denied, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks for what, from where: what every decision and its audit row need."""

    principal: Principal
    origin: Origin
    resource: str

    def entry(
        self,
        action: Action,
        outcome: Outcome,
        *,
        patient_id: int | None = None,
        device_id: int | None = None,
        reason: str | None = None,
        detail: dict[str, object] | None = None,
    ) -> AuditEntry:
        """The audit row of this request."""
        return AuditEntry(
            actor=self.principal.username,
            action=action,
            resource=self.resource,
            outcome=outcome,
            origin=self.origin,
            patient_id=patient_id,
            device_id=device_id,
            reason=reason,
            detail=detail or {},
        )


class Access:
    """Decides by role and relation, and writes down what was read and what was refused."""

    def __init__(self, database: Database, statements: Statements, audit: AuditTrail) -> None:
        self._database = database
        self._statements = statements
        self.audit = audit

    async def require(self, request: Request, permission: Permission, action: Action) -> None:
        """Refuse who has not the role for it.

        Raises
        ------
        Denied : the role does not include ``permission``; audited
        """
        if not request.principal.may(permission):
            await self.audit.append(
                request.entry(action, Outcome.REFUSED, reason=f"role lacks {permission.value}")
            )
            raise Denied("Your role does not allow this.")

    async def patient(
        self,
        request: Request,
        key: str,
        action: Action,
        permission: Permission = Permission.READ_CLINICAL,
        *,
        detail: dict[str, object] | None = None,
    ) -> SeenPatient:
        """The patient of this key, when the user may do this with it; the grant is audited.

        Parameters
        ----------
        detail : what of the patient is given out, for the audit row

        Raises
        ------
        Denied : the role does not include ``permission``; audited
        NotFound : there is no such patient, or no relation to it; audited
        """
        await self.require(request, permission, action)
        async with self._database.session() as session:
            seen = await self._seen(session, request.principal.user_id, key)
            found = seen[0] if seen else None
            patient_id = (
                found.id
                if found is not None
                else await session.fetch_value(self._statements["find_patient"], key)
            )
        if found is None:
            await self.audit.append(
                request.entry(
                    action,
                    Outcome.REFUSED,
                    patient_id=patient_id,
                    reason="no relation" if patient_id is not None else "no such patient",
                )
            )
            raise NotFound(f"patient {key}")
        await self.audit.append(
            request.entry(action, Outcome.GRANTED, patient_id=found.id, detail=detail)
        )
        return found

    async def device(
        self,
        request: Request,
        name: str,
        action: Action,
        permission: Permission = Permission.READ_DEVICES,
        *,
        detail: dict[str, object] | None = None,
    ) -> SeenDevice:
        """The device of this name, when the user may do this with it; the grant is audited.

        Who manages devices may know of all; others of those that their patients wear now.

        Raises
        ------
        Denied : the role does not include ``permission``; audited
        NotFound : there is no such device, or none of a patient of theirs; audited
        """
        await self.require(request, permission, action)
        async with self._database.session() as session:
            row = await session.fetch_one(self._statements["find_device"], name)
            wearer = None
            if row is not None and row["patient"] is not None:
                seen = await self._seen(session, request.principal.user_id, row["patient"])
                wearer = seen[0] if seen else None
        if row is None or (wearer is None and not request.principal.may(Permission.MANAGE_DEVICES)):
            await self.audit.append(
                request.entry(
                    action,
                    Outcome.REFUSED,
                    device_id=row["id"] if row is not None else None,
                    reason="no relation" if row is not None else "no such device",
                )
            )
            raise NotFound(f"device {name}")
        await self.audit.append(
            request.entry(
                action,
                Outcome.GRANTED,
                device_id=row["id"],
                patient_id=wearer.id if wearer is not None else None,
                detail={"device": name, **(detail or {})},
            )
        )
        return SeenDevice(
            id=DeviceKey(row["id"]),
            device=row["device"],
            model=row["model"],
            is_retired=row["retired_at"] is not None,
            patient=wearer,
        )

    async def patients(
        self, request: Request, permission: Permission, action: Action
    ) -> tuple[SeenPatient, ...]:
        """All whom the user may see. Which of them are given out is audited with ``note_read``.

        Raises
        ------
        Denied : the role does not include ``permission``; audited
        """
        await self.require(request, permission, action)
        return await self.sight_of(request.principal.user_id)

    async def sight_of(self, user_id: UserId) -> tuple[SeenPatient, ...]:
        """All whom a user may see now, with their places and devices. Audits nothing."""
        async with self._database.session() as session:
            return await self._seen(session, user_id, None)

    async def own_wards(self, user_id: UserId) -> tuple[WardName, ...]:
        """The wards of the user's teams."""
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["own_wards"], user_id)
        return tuple(WardName(key=row["key"], name=row["name"]) for row in rows)

    async def note_read(
        self, request: Request, action: Action, patients: Iterable[SeenPatient]
    ) -> None:
        """Write down that data of these patients is about to be given out."""
        await self.audit.append(
            *(request.entry(action, Outcome.GRANTED, patient_id=patient.id) for patient in patients)
        )

    async def refuse(
        self, request: Request, action: Action, *, reason: str, patient_id: int | None = None
    ) -> None:
        """Write down that something was refused."""
        await self.audit.append(
            request.entry(action, Outcome.REFUSED, reason=reason, patient_id=patient_id)
        )

    async def _seen(
        self, session: Session, user_id: UserId, key: str | None
    ) -> tuple[SeenPatient, ...]:
        rows = await session.fetch(self._statements["visible_patients"], user_id, key)
        ids = [row["id"] for row in rows]
        if not ids:
            return ()
        return _seen_patients(await session.fetch(self._statements["sight_of_patients"], ids))


def _seen_patients(rows: Iterable[Row]) -> tuple[SeenPatient, ...]:
    heads: dict[int, Row] = {}
    devices: dict[int, list[WornDevice]] = {}
    for row in rows:
        heads.setdefault(row["id"], row)
        worn = devices.setdefault(row["id"], [])
        if row["device_id"] is not None:
            worn.append(
                WornDevice(
                    id=DeviceKey(row["device_id"]),
                    device=row["device"],
                    model=row["model"],
                    simulated=row["simulated"],
                    since_us=row["since_us"],
                )
            )
    return tuple(
        SeenPatient(
            id=PatientKey(number),
            key=row["key"],
            initials=row["initials"],
            ward=WardName(key=row["ward_key"], name=row["ward_name"]) if row["ward_key"] else None,
            bed=BedName(key=row["bed_key"], label=row["bed_label"]) if row["bed_key"] else None,
            devices=tuple(devices[number]),
        )
        for number, row in heads.items()
    )
