"""Which source is judged, and what derived breathing may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alarms.core import sources
from services.alarms.core.limits import DefaultLimits
from services.alarms.core.memory import Memory, Reading
from services.alarms.core.rules import LIMIT_RULES_OF
from services.api.core.vital_points import VitalPoint, shown
from shared.contracts.measures import Measure
from shared.contracts.methods import PREFERENCE, Method, Nature
from shared.contracts.preference import Word, preferred, rank_of, waited_us
from shared.contracts.quality import Validity, ValueFlag
from tests.unit.services.alarms.core.bedside import CHEST, FINGER, SECOND, T0, Bedside, at

BREATH = Measure.RESPIRATION_RATE
IMPEDANCE, ECG, PPG, FUSED = (
    Method.IMPEDANCE_SPECTRUM,
    Method.ECG_RESPIRATION,
    Method.PPG_RESPIRATION,
    Method.RESPIRATION_FUSED,
)
HIGH = "respiration_rate_high"


def test_a_derived_rate_alone_raises_no_alarm_within_a_minute_of_a_direct_one(
    bedside: Bedside,
) -> None:
    bedside.hear_steadily(0, 20, BREATH, 13, method=IMPEDANCE)
    for second in range(21, 81):
        bedside.hear(second, BREATH, float("nan"), validity=Validity.ABSENT, method=IMPEDANCE)
        bedside.hear(second, BREATH, 36, method=ECG)
        bedside.hear(second, BREATH, 36, method=FUSED, device=0)
    assert bedside.standing() == {}
    bedside.hear_steadily(81, 95, BREATH, 36, method=ECG)
    alarm = bedside.standing()[HIGH]
    assert (alarm.since, alarm.method, alarm.derived) == (at(81), "ecg_respiration", True)
    assert alarm.as_data()["derived"] is True


def test_a_derived_rate_ends_no_alarm_of_a_direct_one_within_the_minute(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 20, BREATH, 36, method=IMPEDANCE)
    assert not bedside.standing()[HIGH].derived
    bedside.hear_steadily(27, 80, BREATH, 14, method=ECG)
    assert bedside.standing()[HIGH].unsure, "nobody sees the chest any more"
    bedside.hear_steadily(81, 90, BREATH, 14, method=ECG)
    assert HIGH not in bedside.standing()


def test_where_there_never_was_a_direct_one_a_derived_rate_calls_and_is_called_derived(
    bedside: Bedside,
) -> None:
    for second in range(16):
        for method, device in ((ECG, CHEST), (PPG, FINGER), (FUSED, 0)):
            bedside.hear(second, BREATH, 36, method=method, device=device)
    alarm = bedside.standing()[HIGH]
    assert alarm.derived, "a fused value is as derived as all that it is made of"
    for second in range(16, 20):
        bedside.hear(second, BREATH, 35, method=IMPEDANCE)
        bedside.hear(second, BREATH, 35, method=FUSED, device=0)
    seen = bedside.standing()[HIGH]
    assert (seen.derived, seen.value, seen.method) == (False, 35, "respiration_fused")


def test_a_fused_rate_with_a_direct_one_in_it_is_judged(bedside: Bedside) -> None:
    for second in range(16):
        bedside.hear(second, BREATH, 35, method=IMPEDANCE)
        bedside.hear(second, BREATH, 20, method=ECG)
        bedside.hear(second, BREATH, 34, method=FUSED, device=0)
    alarm = bedside.standing()[HIGH]
    assert (alarm.method, alarm.derived) == ("respiration_fused", False)


def test_what_is_told_for_comparison_raises_nothing(bedside: Bedside) -> None:
    bedside.hear_steadily(0, 30, BREATH, 40, method=Method.RADAR_PUBLISHED)
    assert bedside.standing() == {}


def test_who_says_that_there_is_no_value_is_not_waited_for(defaults: DefaultLimits) -> None:
    bedside = Bedside(defaults, devices=(CHEST, FINGER))
    pulse = {"device": FINGER, "method": Method.PPG_PULSE_INTERVALS}
    bedside.hear_steadily(0, 9, Measure.HEART_RATE, 80)
    bedside.hear(10, Measure.HEART_RATE, 80, validity=Validity.ABSENT)
    bedside.hear_steadily(11, 14, Measure.PULSE_RATE, 150, **pulse)
    assert bedside.standing()["heart_rate_extreme_high"].since == at(11)


def test_who_is_silent_is_waited_for_six_seconds(defaults: DefaultLimits) -> None:
    bedside = Bedside(defaults, devices=(CHEST, FINGER))
    pulse = {"device": FINGER, "method": Method.PPG_PULSE_INTERVALS}
    bedside.hear_steadily(0, 10, Measure.HEART_RATE, 80)
    bedside.hear_steadily(11, 20, Measure.PULSE_RATE, 150, **pulse)
    assert bedside.standing()["heart_rate_extreme_high"].since == at(17)


def test_the_memory_of_a_former_version_is_read(bedside: Bedside) -> None:
    import msgspec

    former = {"usable": {"5.0.6.11": T0}, "heard": {"11": T0}}
    read = msgspec.convert(former, Memory, strict=False)
    assert (read.heard, read.speaking) == ({11: T0}, {})


MOMENTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            (method, device): st.sampled_from([Validity.VALID, Validity.ABSENT])
            for method, device in ((IMPEDANCE, 1), (IMPEDANCE, 2), (Method.DEVICE, 1), (FUSED, 0))
        },
    ),
    min_size=1,
    max_size=20,
)


@given(MOMENTS)
def test_alarms_judge_what_history_and_page_show(
    moments: list[dict[tuple[Method, int], Validity]],
) -> None:
    """One moment a second; the page's rule over the newest word of each source is the measure."""
    memory, newest = Memory(), dict[tuple[Method, int], Word]()
    points, judged, on_page = [], dict[int, tuple[int, int]](), dict[int, tuple[int, int]]()
    rules = LIMIT_RULES_OF[BREATH]
    for second, moment in enumerate(moments):
        t = T0 + second * SECOND
        for (method, device), validity in moment.items():
            reading = Reading(t, device, BREATH, method, 15.0, validity, ValueFlag(0))
            sources.note(memory, reading, is_usable=validity is Validity.VALID)
            newest[method, device] = Word(t, rank_of(BREATH, method), int(validity), device)
            points.append(point(t, method, device, validity))
        for (method, device), validity in moment.items():
            reading = Reading(t, device, BREATH, method, 15.0, validity, ValueFlag(0))
            if validity is Validity.VALID and sources.governs(
                memory, rules[0].measures, reading, is_usable=True
            ):
                judged[t] = (method, device)
        best = preferred(newest.values(), waited_us=waited_us(BREATH))
        if best is not None and best.t == t and best.validity == Validity.VALID:
            (on_page[t],) = [source for source, word in newest.items() if word is best]
    in_history = {
        one.t_us: (one.method, one.device_id)
        for one in shown(points, measure=BREATH)
        if one.value is not None
    }
    assert judged == on_page == in_history


def point(t: int, method: Method, device: int, validity: Validity) -> VitalPoint:
    value = 15.0 if validity is Validity.VALID else None
    return VitalPoint(
        t_us=t,
        device_id=device,
        method=method,
        value=value,
        least=value,
        greatest=value,
        n=int(value is not None),
        n_questionable=0,
        quality=0.9,
        validity=int(validity),
        flags=0,
    )


@pytest.mark.parametrize("measure", LIMIT_RULES_OF)
def test_only_breathing_is_judged_by_what_is_derived(measure: Measure) -> None:
    """A measure that gets a derived method gets the minute with it: think of its delays then."""
    natures = {one.nature for one in PREFERENCE.get(measure, ())}
    assert (Nature.DERIVED in natures) == (measure is BREATH)
