"""All patients of a lane: however the stream is cut and wherever it is stored, the same alarms."""

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alarms.adapters.default_limits import load_default_limits
from services.alarms.core.announcements import event_of, notice_of
from services.alarms.core.limits import DefaultLimits, Override
from services.alarms.core.memory import Memory, Reading
from services.alarms.core.occurrence import Occurrence
from services.alarms.core.ward import Registered, Ward
from shared.contracts.actions import Acknowledge, PauseSound
from shared.contracts.events import EventKind, Severity, decode_event, encode_event
from shared.contracts.measures import Measure
from shared.contracts.quality import Validity, ValueFlag
from tests.unit.services.alarms.core.bedside import SECOND, T0, at

HR, SPO2 = Measure.HEART_RATE, Measure.SPO2


def registered(*devices: int, overrides: tuple[Override, ...] = ()) -> Registered:
    return Registered(devices=dict.fromkeys(devices, T0), birth="1980-01-01", overrides=overrides)


PEOPLE = {1: registered(11), 2: registered(12), 3: registered(13, 14)}


def reading(t: int, device: int, measure: Measure, value: float) -> Reading:
    return Reading(
        t=t,
        device=device,
        measure=measure,
        method=1,
        value=value,
        validity=Validity.VALID,
        flags=ValueFlag(0),
    )


@pytest.fixture
def ward(defaults: DefaultLimits) -> Ward:
    ward = Ward(defaults, {})
    ward.configure(PEOPLE, T0)
    return ward


def hear_steadily(
    ward: Ward, patient: int, device: int, seconds: range, measure: Measure, value: float
) -> list[Occurrence]:
    return [
        change
        for second in seconds
        for change in ward.hear(
            patient, at(second + 0.3), reading(at(second), device, measure, value)
        )
    ]


def test_time_goes_on_with_the_values_of_anybody(ward: Ward) -> None:
    changes = hear_steadily(ward, 1, 11, range(70), SPO2, 97)
    stopped = {(it.patient, it.device, it.since) for it in changes}
    assert stopped == {(2, 12, at(60)), (3, 13, at(60)), (3, 14, at(60))}
    assert ward.n_standing == 3


def test_time_stands_still_without_values_until_somebody_lets_it_pass(ward: Ward) -> None:
    assert ward.n_standing == 0
    assert len(ward.pass_time(at(61))) == 4
    assert ward.pass_time(at(61)) == []
    assert ward.pass_time(at(30)) == []
    assert ward.now == at(61)


def test_limits_are_told_when_they_change_and_only_then(defaults: DefaultLimits) -> None:
    ward = Ward(defaults, {})
    _, limits = ward.configure(PEOPLE, T0)
    assert set(limits) == {1, 2, 3}
    assert limits[1]["spo2"].low == 90
    assert ward.configure(PEOPLE, T0) == ([], {})
    own = Override(measure="spo2", low=85, high=None, enabled=True, patient=2)
    changed, limits = ward.configure(PEOPLE | {2: registered(12, overrides=(own,))}, T0)
    assert changed == []
    assert {patient: bounds["spo2"].low for patient, bounds in limits.items()} == {2: 85}


def test_a_birthday_changes_the_limits_of_the_day(defaults: DefaultLimits) -> None:
    ward = Ward(defaults, {})
    born = date(2010, 6, 15)
    person = {1: Registered(devices={11: T0}, birth=born.isoformat(), overrides=())}

    def limits_on(day: datetime) -> float | None:
        return ward.configure(person, round(day.timestamp()) * SECOND)[1][1]["heart_rate"].high

    assert limits_on(datetime(2026, 6, 14, 12, tzinfo=UTC)) == 110
    assert limits_on(datetime(2026, 6, 15, 12, tzinfo=UTC)) == 120


def test_who_has_no_device_any_more_has_no_alarms(ward: Ward) -> None:
    hear_steadily(ward, 1, 11, range(20), SPO2, 75)
    changed, _ = ward.configure({2: PEOPLE[2]}, at(30))
    assert {it.state for it in changed} == {"ended"}
    assert ward.n_standing == 0
    assert ward.patient_of(11) is None
    assert ward.patient_of(12) == 2
    assert ward.configure({2: PEOPLE[2]}, at(31)) == ([], {})


def test_events_and_actions_reach_their_patient(ward: Ward) -> None:
    (off,) = ward.tell(2, EventKind.LEAD_OFF, 12, at(1))
    assert off.patient == 2
    action = Acknowledge(id="a", alarm=off.id, by=7, by_name="Nurse A", at=at(2))
    assert ward.act(1, action) == []
    (seen,) = ward.act(2, action)
    assert seen.acknowledged_by_name == "Nurse A"
    pause = PauseSound(id="p", patient=2, until=at(90), by=7, by_name="Nurse A", at=at(3))
    assert ward.act(2, pause)[0].paused_until == at(90)


def test_only_what_was_touched_is_stored(ward: Ward) -> None:
    assert set(ward.take_touched()) == {1, 2, 3}
    hear_steadily(ward, 2, 12, range(3), HR, 80)
    touched = ward.take_touched()
    assert set(touched) == {2}
    assert touched[2][1] == at(62)
    assert ward.take_touched() == {}


def test_what_is_told_of_an_alarm(ward: Ward) -> None:
    changes = hear_steadily(ward, 1, 11, range(1), SPO2, 75)
    changes += hear_steadily(ward, 1, 11, range(1, 8), SPO2, 97)
    raised, latched = changes
    event = event_of(raised)
    assert decode_event(encode_event(event)) == event
    assert (event.severity, event.kind, event.patient) == (Severity.HIGH, EventKind.ALARM, 1)
    assert event.device is None
    assert event.data["condition"] == event.text_key == "spo2_desaturation"
    assert event_of(latched).severity is Severity.INFO
    assert event_of(latched).id != event.id
    notice = notice_of(raised)
    assert notice is not None
    assert (notice.alarm, notice.priority, notice.t) == (raised.id, "high", raised.updated)
    assert notice_of(latched) is None
    (off,) = ward.tell(2, EventKind.LEAD_OFF, 12, at(1))
    assert notice_of(off) is None, "low priority"
    assert event_of(off).device == 12


def test_an_alarm_that_comes_back_is_noticed_again(ward: Ward) -> None:
    (raised,) = hear_steadily(ward, 1, 11, range(11), SPO2, 85)
    ward.act(1, Acknowledge(id="a", alarm=raised.id, by=7, by_name="Nurse A", at=at(12)))
    back = [
        it
        for it in hear_steadily(ward, 1, 11, range(12, 200), SPO2, 85)
        if it.patient == 1 and it.returned
    ]
    assert len(back) == 1
    assert notice_of(back[0]) is not None
    later = ward.act(1, Acknowledge(id="b", alarm=raised.id, by=7, by_name="Nurse A", at=at(201)))
    assert notice_of(later[0]) is None


ROWS = st.lists(
    st.tuples(
        st.floats(0, 8),  # seconds since the row before
        st.sampled_from([(1, 11), (2, 12), (3, 13), (3, 14)]),
        st.sampled_from([HR, SPO2]),
        st.sampled_from([45.0, 79.0, 85.0, 97.0, 125.0, 140.0]),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(ROWS, st.sets(st.integers(0, 60)))
def test_stored_between_any_two_values_the_same_alarms_come(
    rows: list[tuple[float, tuple[int, int], Measure, float]], stores: set[int]
) -> None:
    defaults = load_default_limits()
    undisturbed, restarted = Ward(defaults, {}), Ward(defaults, {})
    undisturbed.configure(PEOPLE, T0)
    restarted.configure(PEOPLE, T0)
    stored: dict[int, bytes] = {}
    now = T0
    for number, (wait_s, (patient, device), measure, value) in enumerate(rows):
        if number in stores:
            for who, (memory, _) in restarted.take_touched().items():
                stored[who] = msgspec.json.encode(memory)
            memories = {who: msgspec.json.decode(text, type=Memory) for who, text in stored.items()}
            restarted = Ward(defaults, memories, now=restarted.now)
            restarted.configure(PEOPLE, now)
        now += round(wait_s * SECOND)
        row = reading(now, device, measure, value)
        arrived = now + SECOND // 4
        assert restarted.hear(patient, arrived, row) == undisturbed.hear(patient, arrived, row)


def test_a_restart_looks_for_deadlines_where_it_would_have(defaults: DefaultLimits) -> None:
    def begin(memories: dict[int, Memory], now: int) -> Ward:
        ward = Ward(defaults, memories, now=now)
        ward.configure({1: registered(11), 2: registered(12)}, T0)
        return ward

    ward = begin({}, 0)
    ward.hear(1, at(0.3), reading(at(0.2), 11, SPO2, 97))
    ward.hear(2, at(60.05), reading(at(60), 12, SPO2, 97))
    memories = {patient: memory for patient, (memory, _) in ward.take_touched().items()}
    # Its silence is over at 60.2, in the same tick as the value that ends it.
    in_time = reading(at(60.25), 11, SPO2, 97)
    assert begin(memories, ward.now).hear(1, at(60.3), in_time) == []
