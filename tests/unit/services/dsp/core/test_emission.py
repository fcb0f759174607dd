import numpy as np
import pytest

from services.dsp.core.emission import vital_rows
from services.dsp.core.outputs import Reading
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import Method
from shared.contracts.quality import FrameFlag, Validity, ValueFlag
from shared.contracts.records import Table


def row(
    value: float, quality: float, *, coverage: float = 1.0, flags: int = 0, age_s: int = 100
) -> Table:
    reading = Reading(
        Measure.HEART_RATE, Method.ECG_BEAT_INTERVALS, np.array([value]), np.array([quality]),
        np.array([coverage]),
    )  # fmt: skip
    return vital_rows(
        reading,
        device=np.array([3], dtype=np.int32),
        t=np.array([5_000_000]),
        received=np.array([6_000_000]),
        frame_flags=np.array([flags], dtype=np.uint32),
        age_s=np.array([age_s]),
    )


@pytest.mark.parametrize(
    ("value", "quality", "validity"),
    [
        (72, 0.95, Validity.VALID), (72, 0.5, Validity.QUESTIONABLE), (72, 0.29, Validity.ABSENT),
        (301, 0.95, Validity.ABSENT), (14, 0.95, Validity.ABSENT), (np.nan, 0, Validity.ABSENT),
    ],
)  # fmt: skip
def test_a_number_is_shown_only_when_it_may_be(
    value: float, quality: float, validity: Validity
) -> None:
    (told,) = row(value, quality)
    assert told["validity"] == validity
    assert np.isnan(told["value"]) == (validity is Validity.ABSENT)
    assert told["revision"] == 0
    assert (told["device"], told["t"], told["received"]) == (3, 5_000_000, 6_000_000)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"flags": int(FrameFlag.LEAD_OFF)}, ValueFlag.LEAD_OFF),
        ({"age_s": 4}, ValueFlag.SETTLING),
        ({"coverage": 0.3}, ValueFlag.NO_SAMPLES),
        ({}, ValueFlag.ARTEFACT),
    ],
)
def test_an_absent_value_tells_its_reason(given: dict[str, int], reason: ValueFlag) -> None:
    (told,) = row(72, 0.1, **given)
    assert told["flags"] == reason
    (simulated,) = row(72, 0.9, flags=int(FrameFlag.SIMULATED))
    assert simulated["flags"] == ValueFlag.SIMULATED


def test_where_nothing_was_seen_nothing_is_said() -> None:
    assert not len(row(72, 0.9, coverage=0.0))


def test_the_least_quality_is_that_of_the_measure() -> None:
    least = MEASURES[Measure.HEART_RATE].least_quality
    assert row(72, least)["validity"][0] == Validity.QUESTIONABLE
