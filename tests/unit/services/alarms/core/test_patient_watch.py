"""Clinical situations, one patient."""

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alarms.adapters.default_limits import load_default_limits
from services.alarms.core.limits import DefaultLimits, Override
from services.alarms.core.occurrence import Ending, Standing
from services.alarms.core.rules import (
    LIMIT_RULES,
    LIMIT_RULES_OF,
    LimitRule,
    Priority,
    Relation,
)
from shared.contracts.events import EventKind
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import Method
from shared.contracts.quality import Validity, ValueFlag
from tests.unit.services.alarms.core.bedside import CHEST, FINGER, T0, Bedside, at

HR, SPO2, RR, PULSE = (
    Measure.HEART_RATE,
    Measure.SPO2,
    Measure.RESPIRATION_RATE,
    Measure.PULSE_RATE,
)
ADULT = {
    "heart_rate_high": (HR, 121, 120, 6),
    "heart_rate_low": (HR, 49, 50, 6),
    "heart_rate_extreme_high": (HR, 131, 130, 3),
    "heart_rate_extreme_low": (HR, 40, 41, 3),
    "spo2_low": (SPO2, 89, 90, 10),
    "spo2_desaturation": (SPO2, 79, 80, 0),
    "respiration_rate_high": (RR, 31, 30, 14),
    "respiration_rate_low": (RR, 7, 8, 14),
    "apnoea": (Measure.TIME_SINCE_BREATH, 21, 20, 0),
}


@pytest.mark.parametrize("rule", LIMIT_RULES, ids=lambda rule: rule.condition.value)
def test_each_rule_of_the_table_for_an_adult(rule: LimitRule, bedside: Bedside) -> None:
    measure, first_beyond, limit, delay_s = ADULT[rule.condition]
    bedside.hear_steadily(0, 60, measure, limit)
    assert rule.condition not in bedside.standing(), "on the limit is not beyond it"
    bedside.hear_steadily(100, 99 + delay_s, measure, first_beyond)
    assert rule.condition not in bedside.standing(), "not before the delay"
    bedside.hear(100 + delay_s, measure, first_beyond)
    alarm = bedside.standing()[rule.condition]
    assert alarm.since == at(100)
    assert alarm.updated == at(100 + delay_s)
    assert alarm.priority is rule.priority
    assert (alarm.value, alarm.limit) == (first_beyond, limit)
    assert alarm.relation is (Relation.BELOW if first_beyond < limit else Relation.ABOVE)
    assert alarm.measure == MEASURES[measure].key


def test_every_rule_has_its_case() -> None:
    assert set(ADULT) == {rule.condition.value for rule in LIMIT_RULES}


def test_a_value_is_judged_as_it_is_shown(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 20, SPO2, 89.5)
    assert bedside.standing() == {}, "89.5 is shown as 90"
    bedside.hear_steadily(21, 41, SPO2, 89.4)
    assert bedside.standing()["spo2_low"].value == 89


def test_high_latches_medium_does_not(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, SPO2, 78)
    assert bedside.active() == {"spo2_low", "spo2_desaturation"}
    bedside.hear_steadily(11, 20, SPO2, 97)
    assert {name: it.state for name, it in bedside.standing().items()} == {
        "spo2_desaturation": Standing.CLEARED
    }
    seen = bedside.acknowledge(30, bedside.standing()["spo2_desaturation"])
    assert [(it.state, it.ended_because) for it in seen] == [(Standing.ENDED, Ending.SEEN)]
    assert bedside.standing() == {}


def test_a_patient_has_a_limit_of_apnoea_of_their_own(bedside: Bedside) -> None:
    bedside.configure(
        0, Override(measure="time_since_breath", low=None, high=12, enabled=True, patient=5)
    )
    for second in range(12):
        bedside.hear(second, Measure.TIME_SINCE_BREATH, second + 1)
    assert bedside.standing() == {}
    bedside.hear(12, Measure.TIME_SINCE_BREATH, 13)
    alarm = bedside.standing()["apnoea"]
    assert (alarm.priority, alarm.value, alarm.limit) == (Priority.HIGH, 13, 12)
    for second in range(13, 40):
        bedside.hear(second, Measure.TIME_SINCE_BREATH, second % 3)
    assert bedside.standing()["apnoea"].state is Standing.CLEARED, "seen by nobody yet"


def test_dancing_on_the_limit_for_ten_minutes_is_one_alarm(bedside: Bedside) -> None:
    for second in range(600):
        bedside.hear(second, SPO2, 89 + second % 2)
    assert len({change.id for change in bedside.changes}) == 1


def test_only_valid_values_count(bedside: Bedside) -> None:
    for validity in (Validity.QUESTIONABLE, Validity.STALE, Validity.ABSENT):
        bedside.hear_steadily(0, 30, SPO2, 60, validity=validity)
    bedside.hear_steadily(31, 60, SPO2, float("nan"))
    assert bedside.standing() == {}


def test_a_doubtful_value_marks_what_stands_and_a_sure_one_unmarks_it(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, SPO2, 85)
    bedside.hear(11, SPO2, 97, validity=Validity.QUESTIONABLE)
    assert bedside.standing()["spo2_low"].unsure
    bedside.hear_steadily(12, 60, SPO2, 97, validity=Validity.ABSENT)
    assert bedside.active() == {"spo2_low"}, "what cannot be measured does not end an alarm"
    bedside.hear(61, SPO2, 84)
    assert not bedside.standing()["spo2_low"].unsure
    assert bedside.standing()["spo2_low"].value == 84


def test_the_worst_value_is_kept_and_told_now_and_then(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, SPO2, 88)
    for second, value in enumerate([87, 86, 85, 84, 83, 84, 85], start=11):
        bedside.hear(second, SPO2, value)
    told = [change.value for change in bedside.changes if change.condition == "spo2_low"]
    assert told == [88, 83]


def test_repeats_and_older_values_change_nothing(bedside: Bedside) -> None:
    bedside.hear_steadily(100, 110, SPO2, 85)
    before = list(bedside.changes)
    bedside.hear_steadily(90, 110, SPO2, 97)
    assert bedside.changes == before


def test_pulse_is_judged_where_there_is_no_heart_rate(defaults: DefaultLimits) -> None:
    bedside = Bedside(defaults, devices=(CHEST, FINGER))
    for second in range(20):
        bedside.hear(second, HR, 80)
        bedside.hear(second, PULSE, 150, device=FINGER, method=Method.PPG_PULSE_INTERVALS)
    assert bedside.standing() == {}, "the heart rate of the ECG is preferred"
    for second in range(20, 45):
        bedside.hear(second, HR, 80, validity=Validity.ABSENT)
        bedside.hear(second, PULSE, 150, device=FINGER, method=Method.PPG_PULSE_INTERVALS)
    alarm = bedside.standing()["heart_rate_extreme_high"]
    assert alarm.measure == "pulse_rate"
    assert not alarm.unsure
    assert alarm.since == at(20), "who says that there is no value is not waited for"


def test_our_own_value_is_preferred_to_the_devices(bedside: Bedside) -> None:
    for second in range(20):
        bedside.hear(second, SPO2, 70, method=Method.DEVICE, flags=ValueFlag.DEVICE)
        bedside.hear(second, SPO2, 96, method=Method.PPG_RATIO_OF_RATIOS)
    assert "spo2_low" not in bedside.standing()


def test_who_gives_no_vital_sign_all_the_time_is_not_missed(defaults: DefaultLimits) -> None:
    """A spirometer that nobody blows into is silent; so is a bed without any other device."""
    bedside = Bedside(defaults, devices=(CHEST, FINGER))
    assigned = {CHEST: at(0), FINGER: at(0)}
    bedside.watch.configure({}, assigned, at(0), unawaited=frozenset({FINGER}))
    bedside.hear_steadily(0, 10, HR, 80)
    bedside.pass_time(60)
    assert bedside.standing() == {}
    bedside.pass_time(75)
    assert {alarm.device for alarm in bedside.standing().values()} == {CHEST}
    bedside.watch.configure({}, assigned, at(76), unawaited=frozenset({CHEST, FINGER}))
    assert bedside.standing() == {}, "it is another model now"


def test_silence_is_an_alarm_by_itself(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, SPO2, 85)
    due = bedside.watch.due
    assert due == at(70)
    assert bedside.pass_time(69.9) == []
    bedside.pass_time(75)
    stopped = bedside.standing()["data_stopped"]
    assert (stopped.since, stopped.device, stopped.kind) == (at(70), CHEST, "technical")
    assert bedside.standing()["spo2_low"].unsure, "its value is not known any more"
    assert bedside.watch.due is None
    # Samples that are missing are no data, an absent value with a lead off is.
    bedside.hear(80, SPO2, float("nan"), validity=Validity.ABSENT, flags=ValueFlag.NO_SAMPLES)
    assert "data_stopped" in bedside.standing()
    bedside.hear(81, SPO2, float("nan"), validity=Validity.ABSENT, flags=ValueFlag.LEAD_OFF)
    assert "data_stopped" not in bedside.standing()


def test_a_device_that_never_sent_anything_is_silent_too(bedside: Bedside) -> None:
    bedside.pass_time(61)
    assert bedside.standing()["data_stopped"].since == at(60)


def test_one_of_two_devices_is_silent(defaults: DefaultLimits) -> None:
    bedside = Bedside(defaults, devices=(CHEST, FINGER))
    bedside.hear_steadily(0, 100, HR, 150)
    bedside.pass_time(100)
    assert bedside.standing()["data_stopped"].device == FINGER
    assert not bedside.standing()["heart_rate_high"].unsure


def test_an_acknowledged_alarm_comes_back_if_its_cause_stays(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, SPO2, 85)
    first = bedside.acknowledge(20, bedside.standing()["spo2_low"])
    assert first[0].acknowledged_by_name == "Nurse A"
    assert bedside.acknowledge(21, bedside.standing()["spo2_low"]) == []
    bedside.hear_steadily(22, 199, SPO2, 85)
    bedside.pass_time(199.9)
    assert bedside.active() == set()
    (back,) = bedside.pass_time(200)
    assert back.returned
    assert back.acknowledged_by is None
    assert bedside.active() == {"spo2_low"}


def test_a_pause_does_not_mask_what_is_new(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, SPO2, 85)
    bedside.pause(12, minutes=2)
    assert bedside.standing()["spo2_low"].paused_until == at(132)
    bedside.configure(
        12, Override(measure="respiration_rate", low=8, high=30, enabled=True, priority="low")
    )
    bedside.hear_steadily(13, 30, RR, 40)
    assert bedside.standing()["respiration_rate_high"].priority is Priority.LOW
    assert bedside.standing()["respiration_rate_high"].paused_until is None
    assert bedside.standing()["spo2_low"].paused_until == at(132), "less urgent: the rest goes on"
    bedside.hear_steadily(31, 34, HR, 150)
    assert bedside.standing()["spo2_low"].paused_until is None


def test_a_pause_lasts_ten_minutes_at_most(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, SPO2, 85)
    bedside.pause(10, minutes=600)
    assert bedside.standing()["spo2_low"].paused_until == at(610)


def test_lead_off_lasts_until_lead_on(bedside: Bedside) -> None:
    bedside.tell(0, EventKind.LEAD_OFF)
    assert bedside.active() == {"lead_off"}
    bedside.tell(1, EventKind.LEAD_OFF)
    bedside.tell(2, EventKind.DEVICE_ONLINE)
    bedside.tell(3, EventKind.LEAD_ON, device=FINGER)
    assert bedside.active() == {"lead_off"}
    bedside.tell(4, EventKind.LEAD_ON)
    assert bedside.standing() == {}


def test_a_limit_that_is_switched_off_ends_its_alarm(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, HR, 150)
    bedside.hear_steadily(0, 10, SPO2, 85)
    off = Override(measure="heart_rate", low=None, high=None, enabled=False, patient=5)
    changes = bedside.configure(20, off)
    assert {change.ended_because for change in changes} == {Ending.SWITCHED_OFF}
    assert bedside.active() == {"spo2_low"}
    bedside.hear_steadily(21, 60, HR, 150)
    assert bedside.active() == {"spo2_low"}


def test_without_a_device_nothing_stands(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, SPO2, 78)
    bedside.tell(5, EventKind.LEAD_OFF)
    bedside.devices = {}
    bedside.configure(20)
    assert bedside.standing() == {}
    assert bedside.watch.due is None


def test_an_alarm_of_the_past_cannot_be_acknowledged(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, SPO2, 85)
    alarm = bedside.standing()["spo2_low"]
    bedside.hear_steadily(11, 20, SPO2, 97)
    assert bedside.acknowledge(30, alarm) == []


def test_updated_grows_with_each_change(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 10, SPO2, 85)
    bedside.acknowledge(3, bedside.standing()["spo2_low"])  # a person's clock may be behind
    bedside.hear_steadily(11, 20, SPO2, 97)
    times = [change.updated for change in bedside.changes]
    assert times == sorted(set(times))
    revisions = [change.revision for change in bedside.changes]
    assert revisions == sorted(set(revisions))


class Heard(NamedTuple):
    measure: Measure
    value: float
    validity: Validity
    device: int


VALUE = st.builds(
    Heard,
    st.sampled_from([HR, SPO2, RR, PULSE]),
    st.sampled_from([5, 35, 45, 60, 70, 84, 89, 90, 91, 97, 119, 121, 125, 140]),
    st.sampled_from([Validity.VALID] * 4 + [Validity.QUESTIONABLE, Validity.ABSENT]),
    st.sampled_from([CHEST, FINGER]),
)
STEP = st.one_of(
    VALUE, VALUE, VALUE, st.sampled_from(["lead_off", "lead_on", "seen", "pause", "time"])
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), STEP), max_size=80), st.sets(st.integers(0, 80)))
def test_restarts_at_any_moment_change_nothing(
    steps: list[tuple[int, Heard | str]], restarts: set[int]
) -> None:
    defaults = load_default_limits()
    undisturbed = Bedside(defaults, devices=(CHEST, FINGER))
    restarted = Bedside(defaults, devices=(CHEST, FINGER))
    for bedside in (undisturbed, restarted):
        now = 0
        for number, (wait_s, step) in enumerate(steps):
            now += wait_s
            if bedside is restarted and number in restarts:
                bedside.restart()
            bedside.pass_time(now)
            match step:
                case Heard():
                    bedside.hear(
                        now, step.measure, step.value, validity=step.validity, device=step.device
                    )
                case "lead_off":
                    bedside.tell(now, EventKind.LEAD_OFF)
                case "lead_on":
                    bedside.tell(now, EventKind.LEAD_ON)
                case "seen":
                    for alarm in list(bedside.standing().values())[:1]:
                        bedside.acknowledge(now, alarm)
                case "pause":
                    bedside.pause(now, 2)
                case _:
                    pass
            ids = [alarm.id for alarm in bedside.memory.standing.values()]
            assert len(ids) == len(set(ids))
            assert bedside.watch.due is None or bedside.watch.due > at(now)
    assert restarted.changes == undisturbed.changes
    last_revision: dict[str, int] = {}
    for change in undisturbed.changes:
        assert change.revision > last_revision.get(change.id, 0)
        last_revision[change.id] = change.revision
        assert change.since >= T0


def test_the_rules_of_a_measure_prefer_the_same_measures() -> None:
    for rules in LIMIT_RULES_OF.values():
        assert len({rule.measures for rule in rules}) == 1
