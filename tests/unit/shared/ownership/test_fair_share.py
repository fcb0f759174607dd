"""Members that follow the same arithmetic come to fair shares, and then nothing moves."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ownership.fair_share import next_step, shares

LANES = st.sampled_from([1, 2, 4, 8, 16, 64])
MEMBERS = st.sets(st.integers(1, 10_000), min_size=1, max_size=9)


@settings(deadline=None)
@given(MEMBERS, LANES, st.data())
def test_shares_are_fair_and_complete(members: set[int], lanes: int, data: st.DataObject) -> None:
    held = data.draw(st.dictionaries(st.integers(0, lanes - 1), st.sampled_from(sorted(members))))
    found = shares(members, held, lanes)
    assert set(found) == members
    assert sum(found.values()) == lanes
    assert max(found.values()) - min(found.values()) <= 1


@settings(deadline=None)
@given(MEMBERS, LANES, st.data())
def test_from_any_state_all_lanes_are_held_in_fair_shares_and_rest(
    members: set[int], lanes: int, data: st.DataObject
) -> None:
    held = data.draw(st.dictionaries(st.integers(0, lanes - 1), st.sampled_from(sorted(members))))
    for _ in range(4):
        for me in data.draw(st.permutations(sorted(members))):
            step = next_step(me, members, held, lanes)
            for lane in step.release:
                assert held.pop(lane) == me
            for lane in step.acquire:
                assert lane not in held
                held[lane] = me
    counts = [sum(holder == me for holder in held.values()) for me in members]
    assert len(held) == lanes
    assert max(counts) - min(counts) <= 1
    for me in members:
        step = next_step(me, members, held, lanes)
        assert step.release == ()
        assert step.acquire == ()


def test_a_newcomer_costs_only_the_lanes_it_gets() -> None:
    held = {0: 1, 1: 1, 2: 1, 3: 2, 4: 2, 5: 2, 6: 2, 7: 1}
    moved = sum(len(next_step(me, {1, 2, 3}, held, 8).release) for me in (1, 2, 3))
    assert moved == 2


def test_what_a_dead_member_held_is_left_alone_until_it_is_free() -> None:
    assert next_step(1, {1}, {0: 1, 1: 99}, 2).acquire == ()
    assert next_step(1, {1}, {0: 1}, 2).acquire == (1,)
