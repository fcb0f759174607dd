"""The rules of a measure with the limits that they judge one patient by."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.alarms.core.limits import Bounds
from services.alarms.core.memory import key_of
from services.alarms.core.rules import LimitRule, Relation
from shared.contracts.measures import MEASURES, Measure


class InForce(NamedTuple):
    """A rule and its limit. (Hot path: a plain tuple.)"""

    rule: LimitRule
    key: str
    limit: float
    is_below: bool
    hysteresis: float


def rules_in_force(
    measure: Measure, rules: Sequence[LimitRule], limits: Mapping[str, Bounds]
) -> tuple[InForce, ...]:
    """The rules of a measure for which a limit is set.

    Parameters
    ----------
    limits : bounds by key of the measure
    """
    bounds = limits.get(MEASURES[measure].key)
    if bounds is None or not bounds.enabled:
        return ()
    found: list[tuple[LimitRule, float | None]] = [
        (rule, getattr(bounds, rule.bound)) for rule in rules
    ]
    return tuple(
        InForce(
            rule=rule,
            key=key_of(rule.condition),
            limit=limit,
            is_below=rule.bound.relation is Relation.BELOW,
            hysteresis=bounds.hysteresis,
        )
        for rule, limit in found
        if limit is not None
    )
