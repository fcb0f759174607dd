"""The plan of the kills is fair, and ends however many there are."""

import itertools
from collections import Counter

import pytest

from tests.chaos.kills import plan

NAMES = ("gateway", "dsp", "storage", "alarms", "api", "rabbitmq", "postgres", "mosquitto")


@pytest.mark.parametrize("n_names", [2, 3, 8])
@pytest.mark.parametrize("each", [1, 3, 25])
def test_each_is_killed_as_often_and_never_twice_in_a_row(n_names: int, each: int) -> None:
    names = NAMES[:n_names]
    for seed in range(30):
        order = [kill.name for kill in plan(names, each=each, within_s=100, seed=seed)]
        assert Counter(order) == dict.fromkeys(names, each)
        assert all(one != other for one, other in itertools.pairwise(order))


def test_the_seed_decides() -> None:
    first, second, other = (plan(NAMES, each=25, within_s=750, seed=seed) for seed in (1, 1, 2))
    assert first == second != other
    assert [kill.after_s for kill in first] == sorted(kill.after_s for kill in first)
