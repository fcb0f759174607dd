"""The forced breaths of a patient beside what is expected of somebody like them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Literal, NamedTuple

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core import breath_sessions
from services.api.core.breath_sessions import Breath, Judged, Session
from services.api.core.lung_function import (
    EQUATIONS,
    LungGroup,
    LungTable,
    Person,
    age_years,
    expected,
)
from services.api.core.permissions import Permission
from services.api.core.sight import SeenPatient
from services.api.parameters import LONGEST_VITALS, Asked, time_range
from services.api.resources.spirometry.schemas import (
    Blow,
    Blows,
    BlowSession,
    BlowValue,
    LungReference,
    NewLungReference,
    SessionResult,
    Standing,
    Verdict,
)
from services.api.resources.spirometry.store import NUMBERS_MOST, BlowStore
from shared.contracts.forced_breaths import HowBlown
from shared.contracts.instants import DAY, SECOND, Interval, Microseconds, to_text
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import METHODS, Method
from shared.contracts.quality import Source, Validity, ValueFlag
from shared.database.pool import Row
from shared.errors import Invalid, NotFound
from shared.runtime.clock import Clock

DEFAULT_DAYS = 366
GROWN_YEARS = 20.0  # nobody grows any more
HEIGHT_HOLDS_DAYS = 92  # of those who grow: half a centimetre a month
OLDEST_YEARS = 130  # nobody has been older
_SEXES = ("female", "male")
_RATIO = "fev1_fvc"
_BEST = "personal_best_l_min"
_JUDGED_BY = (
    Measure.FVC,
    Measure.EXTRAPOLATED_VOLUME,
    Measure.EXPIRATORY_TIME,
    Measure.END_RISE,
    Measure.FLOW_REGAINED,
)
"""In the order of `HowBlown`."""
_DEVICE = int(ValueFlag.DEVICE)


class _Known(NamedTuple):
    """What is known of a patient, as far as lungs are concerned."""

    sex: str | None
    birth: date | None
    height_cm: float | None
    height_on: date | None
    group: LungGroup | None
    personal_best: float | None

    def person_on(self, day: date) -> Person | None:
        """The patient on a day; None where anything is missing or the height is an old one."""
        if self.sex not in _SEXES or self.birth is None or self.birth > day:
            return None
        if self.height_cm is None or self.height_on is None or self.group is None:
            return None
        age = age_years(self.birth, day)
        if age < GROWN_YEARS and abs((day - self.height_on).days) > HEIGHT_HOLDS_DAYS:
            return None
        return Person(self.sex, age, self.height_cm, self.group)


class BlowService:
    """Reads breaths for a user and sets by what they are judged, each written down."""

    def __init__(self, access: Access, store: BlowStore, clock: Clock, table: LungTable) -> None:
        self._access = access
        self._store = store
        self._clock = clock
        self._table = table

    async def blows(self, request: Request, patient: str, span: Asked) -> Blows:
        """The breaths of a time, the last year where none is named."""
        now_us = self._clock.now_us()
        interval = time_range(span.start, span.end, now_us=now_us, longest_us=LONGEST_VITALS)
        if span.start is None:
            start = max(0, interval.end - DEFAULT_DAYS * DAY)
            interval = Interval(start=Microseconds(start), end=interval.end)
        seen = await self._access.patient(request, patient, Action.READ_SPIROMETRY)
        known = _known(await self._person(seen))
        # The first session may have begun before, and a personal best lies a month back.
        earlier = max(0, interval.start - breath_sessions.BEST_LOOKS_BACK - DAY)
        rows = await self._store.blows(
            seen, Interval(start=Microseconds(earlier), end=interval.end)
        )
        names = await self._store.device_names({row["device_id"] for row in rows})
        breaths = _breaths(rows)
        sessions = breath_sessions.sessions(_told(numbers, known) for numbers in breaths)
        judged = {
            (each.breath.t, each.breath.source): each
            for session in sessions
            for each in session.breaths
        }
        shown = [session for session in sessions if session.end >= interval.start]
        return Blows(
            patient=seen.key,
            reference=_reference(known),
            items=[
                self._blow(numbers, known, names, judged[_identity(numbers[0])])
                for numbers in breaths
                if numbers[0]["t"] >= interval.start
            ],
            sessions=[self._session(session, known, names) for session in shown],
            standing=_standing(shown[0], sessions, known) if shown else None,
        )

    async def set_reference(
        self, request: Request, patient: str, new: NewLungReference
    ) -> LungReference:
        """Write height and group of a patient; personal best, sex and birth date where given.

        Raises
        ------
        Invalid : a day is yet to come, or the height was measured before the birth
        """
        seen = await self._access.patient(
            request, patient, Action.SET_LUNG_REFERENCE, Permission.DESCRIBE_PATIENTS
        )
        known = await self._person(seen)
        born = new.birth_date or known["birth_date"]
        self._check_days(new, born)
        held = {"height_cm", "height_on", "group"} | ({_BEST} & new.model_fields_set)
        row = await self._store.set_reference(
            seen,
            new.model_dump(mode="json", include=held),
            sex=new.sex,
            birth_date=new.birth_date,
        )
        if row is None:
            raise NotFound(f"patient {patient}")
        await self._access.audit.append(
            request.entry(
                Action.SET_LUNG_REFERENCE,
                Outcome.GRANTED,
                patient_id=seen.id,
                # Who a person is goes with an erasure, and the audit trail stays: names, no values.
                detail={
                    **new.model_dump(mode="json", include=held),
                    "corrected": sorted(new.model_dump(exclude={*held, _BEST}, exclude_none=True)),
                },
            )
        )
        return _reference(_known(row))

    def _check_days(self, new: NewLungReference, born: date | None) -> None:
        # Somewhere it is tomorrow already.
        latest = datetime.fromtimestamp((self._clock.now_us() + DAY) // SECOND, tz=UTC).date()
        for name, day in (("height_on", new.height_on), ("birth_date", new.birth_date)):
            if day is not None and day > latest:
                raise Invalid(f"`{name}` is yet to come.", reason="date_in_future")
        if new.birth_date is not None and (latest - new.birth_date).days > OLDEST_YEARS * 366:
            raise Invalid(f"`birth_date` is more than {OLDEST_YEARS} years ago.")
        if born is not None and new.height_on < born:
            raise Invalid("`height_on` is before the birth.")

    async def _person(self, seen: SeenPatient) -> Row:
        row = await self._store.person(seen)
        if row is None:
            raise NotFound(f"patient {seen.key}")
        return row

    def _blow(
        self, numbers: Sequence[Row], known: _Known, names: Mapping[int, str], judged: Judged
    ) -> Blow:
        first = numbers[0]
        day = _day(first["t"])
        person = known.person_on(day)
        values = dict(judged.breath.values)
        if "fev1" in values and values.get("fvc", 0) > 0:
            values[_RATIO] = values["fev1"] / values["fvc"]
        return Blow(
            t=to_text(first["t"]),
            device=names.get(first["device_id"]),
            method=METHODS[Method(first["method"])].key,
            source=_source(first["flags"]),
            quality=round(min(row["quality"] for row in numbers), 3),
            validity=_VALIDITIES[max(row["validity"] for row in numbers)],
            age_years=None if judged.breath.years is None else round(judged.breath.years, 2),
            verdict=_verdict(judged),
            values=[self._value(key, value, person) for key, value in values.items()],
        )

    def _session(self, session: Session, known: _Known, names: Mapping[int, str]) -> BlowSession:
        device, method = session.source
        person = known.person_on(_day(session.end))
        fev1, fvc = breath_sessions.fev1_result(session), breath_sessions.fvc_result(session)
        ratio = None
        if fev1.best is not None and fvc.best:
            ratio = self._value(_RATIO, fev1.best / fvc.best, person)
        return BlowSession(
            start=to_text(session.start),
            end=to_text(session.end),
            device=names.get(device),
            method=METHODS[Method(method)].key,
            breaths=len(session.breaths),
            fev1=self._result("fev1", fev1, person),
            fvc=self._result("fvc", fvc, person),
            fev1_fvc=ratio,
        )

    def _result(
        self, measure: str, found: breath_sessions.Result, person: Person | None
    ) -> SessionResult:
        return SessionResult(
            grade=found.grade,
            best=None if found.best is None else self._value(measure, found.best, person),
            apart_l=None if found.apart is None else round(found.apart, 3),
            acceptable=found.counting,
            usable=found.usable,
        )

    def _value(self, measure: str, value: float, person: Person | None) -> BlowValue:
        found = None if person is None else expected(self._table, measure, person)
        is_told = found is not None and value > 0
        unit, digits = _FORMS[measure]
        return BlowValue(
            measure=measure,
            unit=unit,
            value=round(value, digits),
            predicted=round(found.predicted, digits) if found else None,
            lower_limit=round(found.lower_limit, digits) if found else None,
            percent_predicted=round(100 * value / found.predicted, 1) if found else None,
            z_score=round(found.z_score(value), 2) if found and is_told else None,
        )


_VALIDITIES: Mapping[int, Literal["valid", "questionable", "stale", "absent"]] = {
    Validity.VALID: "valid",
    Validity.QUESTIONABLE: "questionable",
    Validity.STALE: "stale",
    Validity.ABSENT: "absent",
}
_FORMS = {row.key: (row.unit, row.decimals + 1) for row in MEASURES.values()} | {_RATIO: ("1", 3)}


def _breaths(rows: Sequence[Row]) -> list[list[Row]]:
    """The numbers of each breath; one that the limit of rows cut in two is left out."""
    breaths = [list(numbers) for _, numbers in groupby(rows, key=_identity)]
    return breaths[:-1] if len(rows) >= NUMBERS_MOST else breaths


def _identity(row: Row) -> tuple[int, tuple[int, int]]:
    return row["t"], (row["device_id"], row["method"])


def _day(t: int) -> date:
    return datetime.fromtimestamp(t // SECOND, tz=UTC).date()


def _told(numbers: Sequence[Row], known: _Known) -> Breath:
    """A breath as the rows of its numbers tell it."""
    t, source = _identity(numbers[0])
    values = {MEASURES[Measure(row["measure"])].key: float(row["value"]) for row in numbers}
    judged_by = [values.get(MEASURES[measure].key) for measure in _JUDGED_BY]
    how = [value for value in judged_by if value is not None]
    day = _day(t)
    is_born = known.birth is not None and known.birth <= day
    return Breath(
        t=t,
        source=source,
        values=values,
        years=age_years(known.birth, day) if is_born and known.birth else None,
        how=HowBlown(*how) if len(how) == len(_JUDGED_BY) else None,
    )


def _verdict(judged: Judged) -> Verdict | None:
    if judged.faults is None:
        return None
    return Verdict(
        fev1=bool(judged.fev1_counts), fvc=bool(judged.fvc_counts), faults=list(judged.faults)
    )


def _standing(newest: Session, among: Sequence[Session], known: _Known) -> Standing | None:
    found = breath_sessions.standing(newest, among, set_l_min=known.personal_best)
    if found is None:
        return None
    unit, digits = _FORMS[found.measure]
    return Standing(
        measure="pef" if found.measure == "pef" else "fev1",
        unit=unit,
        value=round(found.value, digits),
        personal_best=round(found.best, digits),
        personal_best_t=None if found.best_t is None else to_text(found.best_t),
        percent=round(100 * found.value / found.best, 1),
        zone=found.zone,
        days=found.days,
        days_needed=breath_sessions.BEST_NEEDS_DAYS,
    )


def _source(flags: int) -> Literal["computed", "device"]:
    return Source.DEVICE.value if flags & _DEVICE else Source.COMPUTED.value


def _known(row: Row) -> _Known:
    told = row["reference"] or {}
    on, group = told.get("height_on"), told.get("group")
    return _Known(
        sex=row["sex"],
        birth=row["birth_date"],
        height_cm=told.get("height_cm"),
        height_on=None if on is None else date.fromisoformat(on),
        group=None if group is None else LungGroup(group),
        personal_best=told.get(_BEST),
    )


def _reference(known: _Known) -> LungReference:
    missing: list[Literal["sex", "birth_date", "height"]] = []
    if known.sex not in _SEXES:
        missing.append("sex")
    if known.birth is None:
        missing.append("birth_date")
    if known.height_cm is None:
        missing.append("height")
    return LungReference(
        equations=EQUATIONS,
        sex=known.sex,
        birth_date=known.birth,
        height_cm=known.height_cm,
        height_on=known.height_on,
        group=known.group,
        personal_best_l_min=known.personal_best,
        missing=missing,
    )
