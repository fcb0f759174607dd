"""The history of one vital sign of a patient."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.caching import kept
from services.api.core.resolution import Level, coarser_s, pieces, resolution_s, whole_buckets
from services.api.core.vital_points import VitalPoint, joined, shown
from services.api.parameters import LONGEST_VITALS, POINTS_MOST, Asked, time_range
from services.api.resources.vitals.store import VitalStore, Wanted
from shared.contracts.instants import SECOND, Interval, to_text
from shared.contracts.measures import MEASURES_BY_KEY, MeasureRow
from shared.contracts.methods import METHODS
from shared.contracts.quality import Source, Validity, ValueFlag
from shared.errors import Invalid
from shared.runtime.clock import Clock

_METHODS = {int(number): row.key for number, row in METHODS.items()}
_NUMBERS = {row.key: int(number) for number, row in METHODS.items()}
_VALIDITIES = {int(validity): validity.key for validity in Validity}
_DEVICE = int(ValueFlag.DEVICE)  # plain numbers and texts: an enum costs 6 us a point
_BY_DEVICE, _COMPUTED = Source.DEVICE.value, Source.COMPUTED.value
_SIDE_BY_SIDE = 4  # methods and devices of one measure, as a bound for what is read
_DENSE_STEP_S = 5  # where values stand closer than stored: buckets as long as the usual distance


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Points of all devices and methods, with the range that they fill."""

    points: Sequence[VitalPoint]
    interval: Interval
    step_s: int


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
        span: Asked,
        points: int,
        only: tuple[str | None, str | None],
        if_none_match: str | None,
    ) -> Response:
        """A measure over time, in the least resolution that fits ``points``."""
        row = MEASURES_BY_KEY.get(measure)
        if row is None:
            raise Invalid("There is no such measure; see /v1/measures.")
        device, method = only
        if method is not None and method not in _NUMBERS:
            raise Invalid("There is no such method.")
        now_us = self._clock.now_us()
        interval = time_range(span.start, span.end, now_us=now_us, longest_us=LONGEST_VITALS)
        seen = await self._access.patient(request, patient, Action.READ_VITALS)
        wanted = Wanted(
            patient=seen,
            measure=row.id,
            device=device,
            method=None if method is None else _NUMBERS[method],
        )
        found = await self._found(wanted, interval, points)
        names = await self._store.device_names({point.device_id for point in found.points})
        body = await asyncio.to_thread(_body, seen.key, row, found, names)
        return kept(
            body,
            interval=found.interval,
            now_us=now_us,
            if_none_match=if_none_match,
            media_type="application/json",
        )

    async def _found(self, wanted: Wanted, interval: Interval, points: int) -> _Found:
        step_s = resolution_s(interval.end - interval.start, points)
        if step_s == 0:
            most = POINTS_MOST * _SIDE_BY_SIDE
            values = await self._store.values(wanted, interval, most=most)
            if 0 < len(values) < most:
                return _Found(points=values, interval=interval, step_s=0)
            step_s = _DENSE_STEP_S
        done_us = await self._store.rolled_up_us()
        finest = await self._bucketed(wanted, interval, step_s, done_us)
        if finest.points or interval.end > done_us:
            return finest
        # Values are kept for a shorter time than their minutes, and these than their hours.
        for length_s in coarser_s(step_s):
            coarser = await self._bucketed(wanted, interval, length_s, done_us)
            if coarser.points:
                return coarser
        return finest

    async def _bucketed(
        self, wanted: Wanted, interval: Interval, step_s: int, done_us: int
    ) -> _Found:
        step_us = step_s * SECOND
        whole = whole_buckets(interval, step_us)
        until = {Level.MINUTES: done_us, Level.HOURS: done_us}
        buckets = await self._store.buckets(
            wanted, pieces(whole, step_us=step_us, until=until), length_us=step_us
        )
        return _Found(points=joined(buckets), interval=whole, step_s=step_s)


def _body(patient: str, row: MeasureRow, found: _Found, names: Mapping[int, str]) -> bytes:
    known = [point for point in found.points if point.method in _METHODS]
    counts: Counter[tuple[int, int, str]] = Counter()
    for point in known:
        counts[point.method, point.device_id, _source(point)] += point.n
    return orjson.dumps(
        {
            "patient": patient,
            "measure": row.key,
            "unit": row.unit,
            "from": to_text(found.interval.start),
            "to": to_text(found.interval.end),
            "resolution_s": found.step_s,
            "points": [_shown(point, row, names) for point in shown(known, measure=row.id)],
            "series": [
                {
                    "device": names.get(device_id),
                    "method": _METHODS[method],
                    "source": source,
                    "n": n,
                }
                for (method, device_id, source), n in sorted(counts.items())
            ],
        }
    )


def _shown(point: VitalPoint, row: MeasureRow, names: Mapping[int, str]) -> dict[str, Any]:
    digits = row.decimals + 2
    answer: dict[str, Any] = {
        "t": to_text(point.t_us),
        "value": _rounded(point.value, digits),
        "min": _rounded(point.least, digits),
        "max": _rounded(point.greatest, digits),
        "n": point.n,
        "n_questionable": point.n_questionable,
        "quality": round(point.quality, 3),
        "validity": _VALIDITIES[point.validity],
        "source": _source(point),
        "method": _METHODS[point.method],
        "device": names.get(point.device_id),
    }
    if row.adds_up:
        answer["total"] = _rounded(None if point.value is None else point.value * point.n, digits)
    if point.codes:
        n = sum(point.codes.values())
        answer["shares"] = {
            str(code): round(count / n, 4) for code, count in sorted(point.codes.items())
        }
    return answer


def _source(point: VitalPoint) -> str:
    return _BY_DEVICE if point.flags & _DEVICE else _COMPUTED


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
