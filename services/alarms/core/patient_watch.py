"""All conditions of one patient: values, events, actions and deadlines in, changed alarms out.

What it remembers (`Memory`) can be stored; the same inputs after it was stored and read back give
the same alarms. Only valid values raise or clear an alarm; a doubtful one marks what stands as
unsure. Late values are history and never come here.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from services.alarms.core import sources
from services.alarms.core.alarm_state import (
    SECOND_US,
    AlarmState,
    Input,
    Outcome,
    Phase,
    Terms,
    advance,
)
from services.alarms.core.in_force import InForce, rules_in_force
from services.alarms.core.limits import Bounds, DefaultLimits
from services.alarms.core.memory import Memory, Reading, key_of, parts_of
from services.alarms.core.occurrence import Ending, Occurrence, occurrence_id
from services.alarms.core.rules import (
    EVENT_RULES,
    LIMIT_RULES_OF,
    RULES,
    Condition,
    LimitRule,
    Priority,
    Rule,
)
from services.alarms.core.sources import Basis
from services.alarms.core.standing_alarms import StandingAlarms
from shared.contracts.actions import Acknowledge, AlarmAction, PauseSound
from shared.contracts.events import EventKind
from shared.contracts.measures import MEASURES, Measure, MeasureRow
from shared.contracts.methods import METHODS
from shared.contracts.quality import Validity, ValueFlag


class Judgement(NamedTuple):
    """A value against its limit, and what it rests on."""

    row: MeasureRow
    value: float
    limit: float
    basis: Basis


FOR_EVER_US = (1 << 63) - 1
_NO_SAMPLES = int(ValueFlag.NO_SAMPLES)
_METHODS = {int(number): row.key for number, row in METHODS.items()}
_ENDINGS = {
    Outcome.ENDED_CLEARED: Ending.CLEARED,
    Outcome.ENDED_SEEN: Ending.SEEN,
    Outcome.ENDED_AGAIN: Ending.AGAIN,
    Outcome.ENDED_OFF: Ending.SWITCHED_OFF,
}


class PatientWatch:
    """Watches one patient.

    Parameters
    ----------
    memory : as stored, or a new one
    defaults : gives the durations that are the same for all
    """

    def __init__(self, patient: int, memory: Memory, defaults: DefaultLimits) -> None:
        self.patient = patient
        self.memory = memory
        self._alarms = StandingAlarms(memory)
        self._defaults = defaults
        self._silence_us = round(defaults.silence_s * SECOND_US)
        self._limits: Mapping[str, Bounds] = {}
        self._in_force: dict[Measure, tuple[InForce, ...]] = {}
        self._devices: Mapping[int, int] = {}
        self._unawaited: frozenset[int] = frozenset()
        self._not_due_before = 0

    def configure(
        self,
        limits: Mapping[str, Bounds],
        devices: Mapping[int, int],
        now: int,
        *,
        unawaited: frozenset[int] = frozenset(),
    ) -> list[Occurrence]:
        """Use these limits and assigned devices from now on; ends what does not apply any more.

        Parameters
        ----------
        limits : bounds by key of the measure
        devices : the begin of each device's present assignment, us UTC
        unawaited : those of them whose silence is no alarm
        """
        self._limits = limits
        self._in_force = {}
        self._devices = devices
        self._unawaited = unawaited
        self._not_due_before = 0
        changed: list[Occurrence] = []
        for key in list(self.memory.states):
            if not self._applies(key):
                changed += self._step(*parts_of(key), Input.OFF, now)
        for device in [device for device in self.memory.heard if device not in devices]:
            del self.memory.heard[device]
        return changed

    def _applies(self, key: str) -> bool:
        """Whether what is under way can still be judged: its device is worn, its limit is set."""
        condition, device = parts_of(key)
        rule = RULES[condition]
        if condition is Condition.DATA_STOPPED:
            return device in self._devices and device not in self._unawaited
        if not isinstance(rule, LimitRule):
            return device in self._devices
        alarm = self.memory.standing.get(key)
        measures = (
            (alarm.measure,)
            if alarm is not None and alarm.measure is not None
            else tuple(MEASURES[measure].key for measure in rule.measures)
        )
        limits = (self._limit(rule, measure) for measure in measures)
        return bool(self._devices) and any(limit is not None for limit in limits)

    # --------------------------------------------------------------- deadlines

    @property
    def due(self) -> int | None:
        """The next deadline, us UTC; `pass_time` is to be called then."""
        return min((at for at, _, _ in self._deadlines()), default=None)

    def is_due(self, now: int) -> bool:
        """Whether a deadline has come. Asked of every patient at every look, so it remembers.

        What is heard only puts deadlines off; all else that moves them makes it look anew.
        """
        if now < self._not_due_before:
            return False
        due = self.due
        self._not_due_before = FOR_EVER_US if due is None else due
        return due is not None and due <= now

    def pass_time(self, now: int) -> list[Occurrence]:
        """Let every deadline until now take effect, in order."""
        changed: list[Occurrence] = []
        while (first := min(self._deadlines(), default=None)) and first[0] <= now:
            at, condition, device = first
            if (
                condition is Condition.DATA_STOPPED
                and self._phase(condition, device) is Phase.QUIET
            ):
                changed += self._step(condition, device, Input.BEYOND, at)
                if all(map(self._is_silent, self._devices.keys() - self._unawaited)):
                    changed += self._alarms.doubt_all_values(at)
            else:
                changed += self._step(condition, device, Input.DUE, at)
        return changed

    def _deadlines(self) -> Iterator[tuple[int, Condition, int]]:
        heard = self.memory.heard
        for device, assigned in self._devices.items():
            if device not in self._unawaited and not self._is_silent(device):
                last = max(heard.get(device, 0), assigned)
                yield last + self._silence_us, Condition.DATA_STOPPED, device
        for key, state in self.memory.states.items():
            if state.returns is not None:
                yield state.returns, *parts_of(key)

    def _is_silent(self, device: int) -> bool:
        return key_of(Condition.DATA_STOPPED, device) in self.memory.states

    # ------------------------------------------------------------------ inputs

    def hear(self, reading: Reading) -> list[Occurrence]:
        """Judge one value."""
        changed = self._note_heard(reading)
        rules = LIMIT_RULES_OF.get(reading.measure)
        if rules is None:
            return changed
        memory = self.memory
        basis = sources.basis_of(memory, reading)
        is_usable = (
            reading.validity is Validity.VALID
            and math.isfinite(reading.value)
            and sources.may_be_judged(memory, reading, basis)
        )
        if sources.governs(memory, rules[0].measures, reading, is_usable=is_usable):
            changed += self._judge_by(rules, reading, basis if is_usable else None)
        sources.note(memory, reading, is_usable=is_usable)
        return changed

    def tell(self, kind: EventKind, device: int, at: int) -> list[Occurrence]:
        """Take notice of an event of a device."""
        changed: list[Occurrence] = []
        if device in self._devices:
            for rule in EVENT_RULES:
                if kind is rule.begins:
                    changed += self._step(rule.condition, device, Input.BEYOND, at)
                elif kind is rule.ends:
                    changed += self._step(rule.condition, device, Input.WITHIN, at)
        return changed

    def act(self, action: AlarmAction) -> list[Occurrence]:
        """Carry out what a person asked for; nothing changes when the alarm is of the past."""
        match action:
            case Acknowledge():
                key = self._alarms.find(action.alarm)
                if key is None:
                    return []
                return self._step(*parts_of(key), Input.SEEN, action.at, by=action)
            case PauseSound():
                return self._alarms.pause(action)

    def _note_heard(self, reading: Reading) -> list[Occurrence]:
        """The device has sent something new, whether or not it can be used."""
        device = reading.device
        if device not in self._devices or reading.t <= self.memory.heard.get(device, 0):
            return []
        if reading.validity is Validity.ABSENT and int(reading.flags) & _NO_SAMPLES:
            return []
        self.memory.heard[device] = reading.t
        if key_of(Condition.DATA_STOPPED, device) not in self.memory.states:
            return []  # quiet stays quiet
        return self._step(Condition.DATA_STOPPED, device, Input.WITHIN, reading.t)

    def _judge_by(
        self, rules: Sequence[LimitRule], reading: Reading, basis: Basis | None
    ) -> list[Occurrence]:
        """Judge a value by all rules of its measure; nearly all values are within all limits.

        Parameters
        ----------
        basis : None when it is no value to judge by
        """
        measure, at = reading.measure, reading.t
        in_force = self._in_force.get(measure)
        if in_force is None:
            in_force = self._in_force[measure] = rules_in_force(measure, rules, self._limits)
        if not in_force:
            return []
        row = MEASURES[measure]
        value = math.nan if basis is None else _as_shown(reading.value, row)
        judged, states = self.memory.judged, self.memory.states
        changed: list[Occurrence] = []
        for rule, key, limit, is_below, hysteresis in in_force:
            if at <= judged.get(key, 0):
                continue  # a repeat, a revision, older than what was judged
            judged[key] = at
            if basis is None:
                changed += self._alarms.doubt(key, at)
                continue
            outside_by = limit - value if is_below else value - limit
            if outside_by <= 0 and key not in states:
                continue  # quiet stays quiet: nearly all values end here
            sign = _sign(outside_by, hysteresis)
            judgement = Judgement(row, value, limit, basis)
            changed += self._step(
                rule.condition, 0, sign, at, judgement=judgement
            ) or self._alarms.confirm(
                key, value, at, method=_METHODS.get(basis.method), derived=basis.derived
            )
        return changed

    # ------------------------------------------------------------------ states

    def _phase(self, condition: Condition, device: int) -> Phase:
        state = self.memory.states.get(key_of(condition, device))
        return Phase.QUIET if state is None else state.phase

    def _step(
        self,
        condition: Condition,
        device: int,
        what: Input,
        at: int,
        *,
        judgement: Judgement | None = None,
        by: Acknowledge | None = None,
    ) -> list[Occurrence]:
        """Advance one condition and write what it means on the alarms."""
        key = key_of(condition, device)
        self._not_due_before = 0
        terms = self._terms(RULES[condition], judgement)
        state, outcomes = advance(self.memory.states.get(key, AlarmState()), what, at, terms)
        if state.phase is Phase.QUIET:
            self.memory.states.pop(key, None)
        else:
            self.memory.states[key] = state
        changed: list[Occurrence] = []
        for outcome in outcomes:
            match outcome:
                case Outcome.RAISED:
                    alarm = self._new_alarm(condition, device, state.since, at, judgement)
                    changed += self._alarms.begin(key, alarm)
                case Outcome.ACKNOWLEDGED:
                    assert by is not None, "only a person acknowledges"
                    changed.append(self._alarms.acknowledge(key, by))
                case Outcome.RETURNED:
                    changed.append(self._alarms.come_back(key, at))
                case Outcome.LATCHED:
                    changed.append(self._alarms.latch(key, at))
                case _:
                    changed.append(self._alarms.end(key, at, _ENDINGS[outcome], by))
        return changed

    def _terms(self, rule: Rule, judgement: Judgement | None) -> Terms:
        """How a condition is judged now; without a value only the way back is asked for."""
        return_us = round(self._defaults.return_s * SECOND_US)
        if not isinstance(rule, LimitRule) or judgement is None:
            return Terms(delay_us=0, clear_us=0, return_us=return_us, latches=False)
        bounds = self._limits[judgement.row.key]
        delay_s = bounds.extreme_delay_s if rule.bound.is_extreme else bounds.delay_s
        return Terms(
            delay_us=round(delay_s * SECOND_US),
            clear_us=round(self._defaults.clear_s * SECOND_US),
            return_us=return_us,
            latches=self._defaults.latching[_priority(rule, bounds)],
        )

    def _new_alarm(
        self,
        condition: Condition,
        device: int,
        since: int,
        at: int,
        judgement: Judgement | None,
    ) -> Occurrence:
        rule = RULES[condition]
        identity = occurrence_id(self.patient, condition, device, since)
        if not isinstance(rule, LimitRule) or judgement is None:
            return Occurrence(
                id=identity,
                patient=self.patient,
                device=device,
                condition=condition,
                kind=rule.kind,
                priority=rule.priority,
                since=since,
                updated=at,
            )
        bounds = self._limits[judgement.row.key]
        return Occurrence(
            id=identity,
            patient=self.patient,
            condition=condition,
            kind=rule.kind,
            priority=_priority(rule, bounds),
            since=since,
            updated=at,
            measure=judgement.row.key,
            unit=judgement.row.unit,
            value=judgement.value,
            limit=judgement.limit,
            relation=rule.bound.relation,
            limit_source=bounds.source,
            method=_METHODS.get(judgement.basis.method),
            derived=judgement.basis.derived,
            told_value_at=at,
        )

    def _limit(self, rule: LimitRule, measure: str) -> float | None:
        bounds = self._limits.get(measure)
        if bounds is None or not bounds.enabled:
            return None
        limit: float | None = getattr(bounds, rule.bound.value)
        return limit


def _priority(rule: LimitRule, bounds: Bounds) -> Priority:
    """The rule's, or what a person set for the limit; an extreme stays what it is."""
    if bounds.priority is None or rule.bound.is_extreme:
        return rule.priority
    return Priority(bounds.priority)


def _as_shown(value: float, row: MeasureRow) -> float:
    """The value rounded half up as people see it, so that no alarm says `90 < 90`."""
    scale = 10.0**row.decimals
    return math.floor(value * scale + 0.5) / scale


def _sign(outside_by: float, hysteresis: float) -> Input:
    if outside_by > 0:
        return Input.BEYOND
    return Input.WITHIN if outside_by <= -hysteresis else Input.BETWEEN
