"""The limits of a patient: defaults by age, under those of the site, the ward and the patient."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum

import msgspec

NEONATE_DAYS = 28  # clinical tables: neonate 0 to 28 days
ADULT_YEARS = 16


class AgeGroup(StrEnum):
    """Bands of age with limits of their own."""

    NEONATE = "neonate"
    INFANT = "infant"
    CHILD_1 = "child_1"  # 1 and 2 years
    CHILD_3 = "child_3"  # 3 to 5
    CHILD_6 = "child_6"  # 6 to 11
    CHILD_12 = "child_12"  # 12 to 15
    ADULT = "adult"


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Where the alarms of one measure begin; None is no such limit.

    A value below `low` or above `high` is beyond it, and beyond the extremes alike. `delay_s` is
    how long a value must stay beyond, `extreme_delay_s` the same of the extremes; `hysteresis`
    how far it must come back inside. `source` names where the limits come from.
    """

    low: float | None = None
    high: float | None = None
    extreme_low: float | None = None
    extreme_high: float | None = None
    delay_s: float
    extreme_delay_s: float
    hysteresis: float
    enabled: bool = True
    priority: str | None = None
    source: str


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Default limits of one measure for one band of age."""

    low: float | None = None
    high: float | None = None
    extreme_low: float | None = None
    extreme_high: float | None = None


class Timing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the limits of one measure are judged, at any age; `source` tells where from."""

    delay_s: float
    extreme_delay_s: float
    hysteresis: float
    source: str


class DefaultLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The versioned file of defaults. `silence_s` without data raise `data_stopped`."""

    version: str
    silence_s: float
    clear_s: float
    return_s: float
    latching: dict[str, bool]
    timing: dict[str, Timing]
    limits: dict[AgeGroup, dict[str, Range]]


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``registry.alarm_limit``: of the site (neither id), of a ward or of a patient."""

    measure: str
    low: float | None
    high: float | None
    enabled: bool
    patient: int | None = None
    ward: int | None = None
    delay_s: float | None = None
    priority: str | None = None

    @property
    def speciality(self) -> int:
        """Greater for the more special row, which counts."""
        return 2 if self.patient is not None else 1 if self.ward is not None else 0


def age_group(birth: date | None, on: date) -> AgeGroup:
    """The band of age on a day; adult where the birth date is unknown or in the future."""
    if birth is None or birth > on:
        return AgeGroup.ADULT
    if (on - birth).days <= NEONATE_DAYS:
        return AgeGroup.NEONATE
    years = on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
    for before, group in (
        (1, AgeGroup.INFANT),
        (3, AgeGroup.CHILD_1),
        (6, AgeGroup.CHILD_3),
        (12, AgeGroup.CHILD_6),
        (ADULT_YEARS, AgeGroup.CHILD_12),
    ):
        if years < before:
            return group
    return AgeGroup.ADULT


def limits_in_force(
    defaults: DefaultLimits, *, birth: date | None, on: date, overrides: Iterable[Override]
) -> Mapping[str, Bounds]:
    """The bounds of each measure that has any, by its key.

    Parameters
    ----------
    birth : date, None where unknown: then the adult's limits hold, and `source` says so
    on : the day that the values belong to
    overrides : those that concern this patient; of one measure the most special counts whole.
        An extreme never lies inside the limit that a person set
    """
    group = age_group(birth, on)
    known = "" if birth is not None else ", birth date unknown"
    special: dict[str, Override] = {}
    for row in overrides:
        if row.measure not in special or row.speciality > special[row.measure].speciality:
            special[row.measure] = row
    found: dict[str, Bounds] = {}
    for measure, timing in defaults.timing.items():
        default = defaults.limits[group].get(measure, Range())
        override = special.get(measure)
        bounds = Bounds(
            low=default.low,
            high=default.high,
            extreme_low=default.extreme_low,
            extreme_high=default.extreme_high,
            delay_s=timing.delay_s,
            extreme_delay_s=timing.extreme_delay_s,
            hysteresis=timing.hysteresis,
            source=f"default {defaults.version}, {group}{known}",
        )
        found[measure] = bounds if override is None else _laid_over(bounds, override)
    return found


def _laid_over(bounds: Bounds, override: Override) -> Bounds:
    return msgspec.structs.replace(
        bounds,
        low=override.low,
        high=override.high,
        extreme_low=_not_inside(bounds.extreme_low, override.low, -1),
        extreme_high=_not_inside(bounds.extreme_high, override.high, 1),
        delay_s=bounds.delay_s if override.delay_s is None else override.delay_s,
        enabled=override.enabled,
        priority=override.priority,
        source=("site", "ward", "patient")[override.speciality],
    )


def _not_inside(extreme: float | None, limit: float | None, outwards: int) -> float | None:
    """The extreme, moved out to the limit where it would lie inside."""
    if extreme is None or limit is None:
        return extreme
    return limit if (limit - extreme) * outwards > 0 else extreme
