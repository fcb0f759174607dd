"""The history of one vital sign of a patient."""

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.vital_points import VitalPoint, preferred, resolution_s
from services.api.parameters import POINTS_MOST, time_range
from services.api.resources.vitals import schemas
from services.api.resources.vitals.store import VitalStore
from shared.contracts.instants import to_text
from shared.contracts.measures import MEASURES_BY_KEY, MeasureRow
from shared.contracts.methods import METHODS, Method
from shared.contracts.quality import Source, Validity, ValueFlag
from shared.errors import Invalid
from shared.runtime.clock import Clock

_METHODS = {int(number): row.key for number, row in METHODS.items()}
_SIDE_BY_SIDE = 4  # methods and devices of one measure, as a bound for what is read


class VitalService:
    """Reads vital signs for a user, each read written down."""

    def __init__(self, access: Access, store: VitalStore, clock: Clock) -> None:
        self._access = access
        self._store = store
        self._clock = clock

    async def vitals(
        self,
        request: Request,
        patient: str,
        *,
        measure: str,
        start: str | None,
        end: str | None,
        points: int,
    ) -> schemas.Vitals:
        """A measure over time, in the least resolution that fits ``points``."""
        row = MEASURES_BY_KEY.get(measure)
        if row is None:
            raise Invalid("There is no such measure; see /v1/measures.")
        interval = time_range(start, end, now_us=self._clock.now_us())
        seen = await self._access.patient(request, patient, Action.READ_VITALS)
        step_s = resolution_s(interval.end - interval.start, points)
        if step_s == 0:
            found = await self._store.values(
                seen, row.id, interval, most=POINTS_MOST * _SIDE_BY_SIDE
            )
        else:
            found = await self._store.buckets(seen, row.id, interval, length_us=step_s * 1_000_000)
        devices: dict[int, str] = {device.id: device.device for device in seen.devices}
        return schemas.Vitals(
            patient=seen.key,
            measure=row.key,
            unit=row.unit,
            resolution_s=step_s,
            points=[
                _shown(point, row, devices.get(point.device_id))
                for point in preferred(found)
                if point.method in _METHODS
            ],
        )


def _shown(point: VitalPoint, row: MeasureRow, device: str | None) -> schemas.VitalPoint:
    digits = row.decimals + 2
    return schemas.VitalPoint(
        t=to_text(point.t_us),
        value=_rounded(point.value, digits),
        min=_rounded(point.least, digits),
        max=_rounded(point.greatest, digits),
        n=point.n,
        quality=round(point.quality, 3),
        validity=Validity(point.validity).key,
        source=(Source.DEVICE if point.flags & ValueFlag.DEVICE else Source.COMPUTED).value,
        method=_METHODS[Method(point.method)],
        device=device,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
