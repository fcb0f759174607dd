"""One rule chooses among several sources of a measure."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dsp.core.estimators import ESTIMATORS
from shared.contracts.measures import Measure
from shared.contracts.methods import PREFERENCE, Method, Nature
from shared.contracts.preference import (
    LATE_S,
    Word,
    nature_of,
    preferred,
    rank_of,
    waited_us,
)
from shared.contracts.quality import Validity
from shared.contracts.streams import Stream

RATE = Measure.RESPIRATION_RATE
SECOND = 1_000_000
ORDER = [Nature.FUSED, Nature.DIRECT, Nature.DERIVED, Nature.COMPARISON]


def word(
    method: Method, *, at_s: float = 0, validity: Validity = Validity.VALID, device: int = 1
) -> Word:
    return Word(round(at_s * SECOND), rank_of(RATE, method), int(validity), device)


def chosen(*words: Word) -> Word | None:
    waited = waited_us(RATE)
    (best,) = {preferred(order, waited_us=waited) for order in permutations(words)}
    return best


@pytest.mark.parametrize("measure", PREFERENCE)
def test_fused_goes_before_direct_before_derived_before_what_only_compares(
    measure: Measure,
) -> None:
    ranked = PREFERENCE[measure]
    natures = [ORDER.index(one.nature) for one in ranked]
    assert natures == sorted(natures)
    assert len({one.method for one in ranked}) == len(ranked)
    ranks = [rank_of(measure, one.method) for one in ranked]
    assert ranks == sorted(set(ranks))


def test_what_is_in_no_order_goes_behind_what_is_and_before_what_only_compares() -> None:
    ranks = [rank_of(RATE, method) for method in (Method.PPG_RESPIRATION, Method.FLOW_BLOW, 99)]
    assert ranks == sorted(ranks)
    assert rank_of(RATE, 99) < rank_of(RATE, Method.RADAR_PUBLISHED)
    assert nature_of(RATE, 99) is Nature.DIRECT


def test_the_best_ranked_of_those_with_a_valid_value_is_chosen() -> None:
    fused, direct = word(Method.RESPIRATION_FUSED), word(Method.IMPEDANCE_SPECTRUM)
    derived = word(Method.ECG_RESPIRATION)
    assert chosen(derived, direct, fused) == fused
    assert chosen(derived, direct) == direct
    doubtful = word(Method.RESPIRATION_FUSED, validity=Validity.QUESTIONABLE)
    assert chosen(derived, doubtful) == derived
    absent = word(Method.ECG_RESPIRATION, validity=Validity.ABSENT)
    assert chosen(absent, doubtful) == doubtful
    assert chosen(absent) == absent
    assert chosen() is None


def test_a_silent_source_is_waited_for_six_seconds_and_no_longer() -> None:
    fused = word(Method.RESPIRATION_FUSED)
    assert chosen(fused, word(Method.ECG_RESPIRATION, at_s=6)) == fused
    newer = word(Method.ECG_RESPIRATION, at_s=6.000_001)
    assert chosen(fused, newer) == newer


def test_what_is_told_rarely_is_not_held_up_for_long() -> None:
    assert waited_us(Measure.FVC) == 65 * SECOND


def test_no_comparison_stands_where_ours_says_that_there_is_nothing() -> None:
    absent = word(Method.RADAR_BREATH, validity=Validity.ABSENT)
    published = word(Method.RADAR_PUBLISHED)
    assert chosen(published, absent) == absent
    assert chosen(published) == published


def test_of_two_devices_by_one_method_it_is_always_the_same_one() -> None:
    lower, higher = (word(Method.IMPEDANCE_SPECTRUM, device=device) for device in (3, 8))
    assert chosen(higher, lower) == lower


words = st.builds(
    Word,
    t=st.integers(0, 12).map(lambda second: second * SECOND),
    rank=st.sampled_from([rank_of(RATE, method) for method in Method]),
    validity=st.sampled_from([int(validity) for validity in Validity]),
    device=st.integers(1, 3),
)


@given(st.lists(words, min_size=1, max_size=6))
def test_the_choice_is_of_those_that_speak_and_none_of_these_is_better(said: list[Word]) -> None:
    best = preferred(said, waited_us=waited_us(RATE))
    assert best is not None
    newest = max(one.t for one in said)
    assert newest - best.t <= waited_us(RATE)
    for other in said:
        if newest - other.t <= waited_us(RATE) and other.validity < best.validity:
            assert other.rank[0] > best.rank[0]


def test_breath_is_told_as_late_as_the_page_expects() -> None:
    delays = [each.delay_s for each in ESTIMATORS if RATE in each.measures]
    of_devices = [each.delay_s for each in ESTIMATORS if each.stream is Stream.RESPIRATION_RATE]
    assert max(delays) == LATE_S[RATE]
    assert max(of_devices) <= LATE_S[RATE]
