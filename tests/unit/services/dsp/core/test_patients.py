"""Values of several devices of one patient: fused, doubted, whatever the batches."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dsp.core.patients import (
    FUSED_VALUES,
    JUDGED_S,
    Given,
    PatientValues,
    fused_again,
    revised_sources,
)
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from shared.contracts.quality import Validity
from shared.contracts.records import Table
from shared.contracts.vitals import vital_table

SECOND = 1_000_000
START_US = 1_767_225_600_000_000
IMPEDANCE, ECG = (7, Method.IMPEDANCE_SPECTRUM), (8, Method.ECG_RESPIRATION)
RESPIRATION = Measure.RESPIRATION_RATE


def value(
    second: int, source: tuple[int, int], number: float, *, delay_s: float = 2, patient: int = 3,
    measure: Measure = RESPIRATION, revision: int = 0, quality: float = 0.8,
) -> Table:  # fmt: skip
    t = START_US + second * SECOND
    device, method = source
    return vital_table(
        [(t, t + int(delay_s * SECOND), device, patient, number, quality, measure, revision, 0,
          method, 0)]
    )  # fmt: skip


def run(tables: list[Table], *, asked: set[int] | None = None) -> Given:
    patients, found = PatientValues(), []
    for number, table in enumerate(tables):
        patients.take(table)
        if asked is None or number in asked:
            found.append(patients.give())
    found.append(patients.give())
    return Given(
        np.concatenate([one.vitals for one in found]), [e for one in found for e in one.events]
    )


def in_order(tables: list[Table]) -> list[Table]:
    return sorted(tables, key=lambda table: (int(table["received"][0]), int(table["device"][0])))


def both(seconds: range, *, apart: float = 1.0, other_delay_s: float = 5) -> list[Table]:
    ours = [value(second, IMPEDANCE, 15) for second in seconds]
    theirs = [value(second, ECG, 15 + apart, delay_s=other_delay_s) for second in seconds]
    return in_order(ours + theirs)


def test_two_devices_of_a_patient_make_one_surer_value() -> None:
    found = run(both(range(30)))
    assert len(found.vitals) > 20
    assert set(found.vitals["device"]) == {0}
    assert set(found.vitals["patient"]) == {3}
    assert set(found.vitals["method"]) == {Method.RESPIRATION_FUSED}
    np.testing.assert_allclose(found.vitals["value"], 15.5)
    np.testing.assert_allclose(found.vitals["quality"], 0.96, atol=1e-6)
    assert (found.vitals["validity"] == Validity.VALID).all()
    assert found.events == []


def test_who_is_silent_is_waited_for_a_while_only() -> None:
    tables = both(range(20)) + [value(second, IMPEDANCE, 15) for second in range(20, 60)]
    found = run(in_order(tables))
    assert found.vitals["t"].max() == START_US + 19 * SECOND
    assert not len(run([value(second, IMPEDANCE, 15) for second in range(60)]).vitals)


def test_contradiction_is_told_once_and_its_end_too() -> None:
    tables = both(range(20)) + both(range(20, 50), apart=12) + both(range(50, 80))
    found = run(in_order(tables))
    began, ended = found.events
    assert (began.t, began.data["has_ended"]) == (START_US + 20 * SECOND, False)
    assert (ended.t, ended.data["has_ended"]) == (START_US + 50 * SECOND, True)
    assert began.patient == 3
    doubted = found.vitals[found.vitals["t"] == START_US + 30 * SECOND]
    assert doubted["quality"][0] == pytest.approx(0.4)
    assert doubted["validity"][0] == Validity.QUESTIONABLE
    brief = both(range(20)) + both(range(20, 20 + JUDGED_S - 2), apart=12) + both(range(28, 60))
    assert run(in_order(brief)).events == []


def test_pulse_and_heart_rate_are_compared_and_not_fused() -> None:
    tables = [value(s, (7, 1), 70, measure=Measure.HEART_RATE) for s in range(40)]
    tables += [value(s, (8, 2), 140, measure=Measure.PULSE_RATE) for s in range(40)]
    found = run(in_order(tables))
    assert not len(found.vitals)
    assert [event.data["name"] for event in found.events] == ["pulse"]


@given(
    cuts=st.sets(st.integers(1, 170)),
    asked=st.sets(st.integers(0, 170)),
    delays=st.lists(st.floats(1, 14), min_size=180, max_size=180),
)
@settings(deadline=None, max_examples=40, derandomize=True)
def test_moments_of_asking_do_not_matter(
    cuts: set[int], asked: set[int], delays: list[float]
) -> None:
    tables = both(range(30)) + both(range(30, 60), apart=12) + both(range(60, 90))
    late = [table.copy() for table in tables]
    for table, delay_s in zip(late, delays, strict=True):
        table["received"] = table["t"] + int(delay_s * SECOND)
    late = in_order(late)
    edges = [0, *sorted(cuts), len(late)]
    messages = [np.concatenate(late[a:b]) for a, b in pairwise(edges) if a < b]
    plain, again = run(messages, asked=set()), run(messages, asked=asked)
    assert np.sort(plain.vitals).tobytes() == np.sort(again.vitals).tobytes()
    assert {event.id for event in plain.events} == {event.id for event in again.events}


def test_a_run_from_the_middle_goes_on_with_the_same_values() -> None:
    tables = both(range(90)) + both(range(90, 130), apart=12)
    tables = in_order(tables)
    whole, part = run(tables), run(tables[80:])
    since = START_US + 60 * SECOND
    assert (
        whole.vitals[whole.vitals["t"] >= since].tobytes()
        == part.vitals[part.vitals["t"] >= since].tobytes()
    )
    assert [event.id for event in whole.events] == [event.id for event in part.events]


def test_corrected_values_are_fused_again_above_what_was_given() -> None:
    corrected = value(40, IMPEDANCE, 20, revision=2)
    assert revised_sources(corrected) == [
        (7, FUSED_VALUES, START_US + 40 * SECOND, START_US + 40 * SECOND + 1)
    ]
    assert revised_sources(value(40, IMPEDANCE, 20)) == []
    fused = value(40, (0, Method.RESPIRATION_FUSED), 15, revision=1)
    stored = np.concatenate([fused, corrected, value(40, ECG, 21), value(41, ECG, 21)])
    again = fused_again(stored)
    assert again["value"].tolist() == [20.5]
    assert again["revision"].tolist() == [2]
    assert again["patient"].tolist() == [3]
