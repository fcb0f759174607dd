"""THE table of alarm rules: which condition there is, what it watches, how urgent it is."""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from shared.contracts.events import EventKind
from shared.contracts.measures import Measure


class Condition(StrEnum):
    """Name of a condition, in tables, in events and as the key of its text."""

    HEART_RATE_HIGH = "heart_rate_high"
    HEART_RATE_LOW = "heart_rate_low"
    HEART_RATE_EXTREME_HIGH = "heart_rate_extreme_high"
    HEART_RATE_EXTREME_LOW = "heart_rate_extreme_low"
    SPO2_LOW = "spo2_low"
    SPO2_DESATURATION = "spo2_desaturation"
    RESPIRATION_RATE_HIGH = "respiration_rate_high"
    RESPIRATION_RATE_LOW = "respiration_rate_low"
    APNOEA = "apnoea"
    DATA_STOPPED = "data_stopped"
    LEAD_OFF = "lead_off"


class Kind(StrEnum):
    """Of the patient, or of the equipment."""

    PHYSIOLOGICAL = "physiological"
    TECHNICAL = "technical"


class Priority(StrEnum):
    """How soon somebody has to come (IEC 60601-1-8)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """Greater is more urgent."""
        return {Priority.HIGH: 3, Priority.MEDIUM: 2, Priority.LOW: 1}[self]


class Relation(StrEnum):
    """Which side of the limit is beyond it."""

    BELOW = "<"
    ABOVE = ">"


class Bound(StrEnum):
    """Which of the bounds of a measure a rule looks at."""

    LOW = "low"
    HIGH = "high"
    EXTREME_LOW = "extreme_low"
    EXTREME_HIGH = "extreme_high"

    @property
    def relation(self) -> Relation:
        """Side of the bound that is beyond it."""
        return Relation.BELOW if self in _LOW_BOUNDS else Relation.ABOVE

    @property
    def is_extreme(self) -> bool:
        """Whether the bound is one of the extremes."""
        return self in (Bound.EXTREME_LOW, Bound.EXTREME_HIGH)


_LOW_BOUNDS = frozenset({Bound.LOW, Bound.EXTREME_LOW})


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRule:
    """A condition that a measure fulfils by going beyond a bound.

    `measures` in the order of preference: pulse is judged where there is no heart rate.
    """

    condition: Condition
    measures: tuple[Measure, ...]
    bound: Bound
    priority: Priority
    kind: Kind = Kind.PHYSIOLOGICAL


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """A technical condition of a device that one kind of event begins and another ends."""

    condition: Condition
    begins: EventKind
    ends: EventKind
    priority: Priority
    kind: Kind = Kind.TECHNICAL


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceRule:
    """A technical condition of a device from which nothing is heard any more."""

    condition: Condition
    priority: Priority
    kind: Kind = Kind.TECHNICAL


Rule = LimitRule | EventRule | SilenceRule

_RATES = (Measure.HEART_RATE, Measure.PULSE_RATE)
_SPO2 = (Measure.SPO2,)
_BREATHS = (Measure.RESPIRATION_RATE,)
_SINCE_BREATH = (Measure.TIME_SINCE_BREATH,)

# Priorities: clinical tables, section 2, start values (decided, for the site's clinician to sign).
LIMIT_RULES = (
    LimitRule(
        condition=Condition.HEART_RATE_EXTREME_HIGH, measures=_RATES, bound=Bound.EXTREME_HIGH,
        priority=Priority.HIGH,
    ),
    LimitRule(
        condition=Condition.HEART_RATE_EXTREME_LOW, measures=_RATES, bound=Bound.EXTREME_LOW,
        priority=Priority.HIGH,
    ),
    LimitRule(
        condition=Condition.HEART_RATE_HIGH, measures=_RATES, bound=Bound.HIGH,
        priority=Priority.MEDIUM,
    ),
    LimitRule(
        condition=Condition.HEART_RATE_LOW, measures=_RATES, bound=Bound.LOW,
        priority=Priority.MEDIUM,
    ),
    LimitRule(
        condition=Condition.SPO2_DESATURATION, measures=_SPO2, bound=Bound.EXTREME_LOW,
        priority=Priority.HIGH,
    ),
    LimitRule(
        condition=Condition.SPO2_LOW, measures=_SPO2, bound=Bound.LOW, priority=Priority.MEDIUM
    ),
    LimitRule(
        condition=Condition.RESPIRATION_RATE_HIGH, measures=_BREATHS, bound=Bound.HIGH,
        priority=Priority.MEDIUM,
    ),
    LimitRule(
        condition=Condition.RESPIRATION_RATE_LOW, measures=_BREATHS, bound=Bound.LOW,
        priority=Priority.MEDIUM,
    ),
    LimitRule(
        condition=Condition.APNOEA, measures=_SINCE_BREATH, bound=Bound.HIGH,
        priority=Priority.HIGH,
    ),
)  # fmt: skip
EVENT_RULES = (
    EventRule(
        condition=Condition.LEAD_OFF, begins=EventKind.LEAD_OFF, ends=EventKind.LEAD_ON,
        priority=Priority.LOW,
    ),
)  # fmt: skip
SILENCE_RULE = SilenceRule(condition=Condition.DATA_STOPPED, priority=Priority.MEDIUM)

LIMIT_RULES_OF: MappingProxyType[Measure, tuple[LimitRule, ...]] = MappingProxyType(
    {
        measure: tuple(rule for rule in LIMIT_RULES if measure in rule.measures)
        for rule in LIMIT_RULES
        for measure in rule.measures
    }
)
"""The rules that a measure is judged by; all of them prefer the same measures in one order."""

RULES: MappingProxyType[Condition, Rule] = MappingProxyType(
    {rule.condition: rule for rule in (*LIMIT_RULES, *EVENT_RULES, SILENCE_RULE)}
)
