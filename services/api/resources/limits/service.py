"""The alarm limits of a patient: what holds, and what somebody sets for this patient."""

import hashlib

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core.permissions import Permission
from services.api.resources.limits.schemas import Limit, LimitList, NewLimits
from services.api.resources.limits.store import LimitRows, LimitStore, OwnLimit
from shared.contracts.instants import to_text
from shared.contracts.measures import MEASURES_BY_KEY
from shared.database.pool import Row
from shared.errors import Conflict

_OWN = "patient"
CHANGED_MEANWHILE = "if_match"


class LimitService:
    """Reads and sets limits for a user, each written down."""

    def __init__(self, access: Access, store: LimitStore) -> None:
        self._access = access
        self._store = store

    async def limits(self, request: Request, patient: str) -> tuple[LimitList, str]:
        """The limits of a patient, with their ETag."""
        seen = await self._access.patient(request, patient, Action.READ_LIMITS)
        return _answer(await self._store.limits(seen))

    async def set_limits(
        self, request: Request, patient: str, limits: NewLimits, *, if_match: str | None
    ) -> tuple[LimitList, str]:
        """Set a patient's own limits as a whole.

        Raises
        ------
        Conflict : somebody changed them since ``if_match`` was read
        """
        seen = await self._access.patient(
            request, patient, Action.SET_LIMITS, Permission.SET_LIMITS
        )

        def check(before: LimitRows) -> None:
            if if_match is not None and if_match not in ("*", _etag(before)):
                raise Conflict(
                    "The limits were changed meanwhile; read them again.",
                    constraint=CHANGED_MEANWHILE,
                )

        after = await self._store.replace(
            seen,
            [OwnLimit(**limit.model_dump()) for limit in limits.items],
            by=request.principal.username,
            check=check,
        )
        await self._access.audit.append(
            request.entry(
                Action.SET_LIMITS,
                Outcome.GRANTED,
                patient_id=seen.id,
                reason="; ".join(limit.reason for limit in limits.items if limit.reason) or None,
                detail={"limits": [limit.model_dump(exclude={"reason"}) for limit in limits.items]},
            )
        )
        return _answer(after)


def _answer(rows: LimitRows) -> tuple[LimitList, str]:
    own = {row["measure"]: row for row in rows.own}
    in_force = {row["measure"]: row for row in rows.in_force}
    measures = [key for key in MEASURES_BY_KEY if key in own or key in in_force]
    items = [_limit(key, in_force.get(key), own.get(key)) for key in measures]
    return LimitList(items=items), _etag(rows)


def _limit(measure: str, in_force: Row | None, own: Row | None) -> Limit:
    # What was set a moment ago is shown as set, before the alarm rules have taken it over.
    row = own if own is not None else in_force
    assert row is not None, "a limit is in force, own or both"
    return Limit(
        measure=measure,
        low=_rounded(row["low"]),
        high=_rounded(row["high"]),
        unit=MEASURES_BY_KEY[measure].unit,
        source=_OWN if own is not None else row["source"],
        enabled=row["enabled"],
        delay_s=_rounded(row["delay_s"]),
        reason=own["reason"] if own is not None else None,
        version=own["version"] if own is not None else 0,
        changed_by=own["changed_by"] if own is not None else None,
        changed_at=(
            to_text(round(own["changed_at"].timestamp() * 1e6)) if own is not None else None
        ),
    )


def _etag(rows: LimitRows) -> str:
    text = ";".join(f"{row['measure']}:{row['version']}" for row in rows.own)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
