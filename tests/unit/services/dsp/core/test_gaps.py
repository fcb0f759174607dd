"""Whatever way the pieces come, the settled seconds are the same."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dsp.core.gaps import HOLE_KEPT_S, HOLE_WAIT_US, Late, Piece, Second, Track

RATE_HZ = 50
START = 1_767_225_600 * RATE_HZ
SECOND_US = 1_000_000
MOMENT = 1_767_225_600 * SECOND_US


def piece(first: int, n: int, *, received_s: float | None = None, flags: int = 0) -> Piece:
    """Samples first .. first + n counted from START, their numbers as values."""
    arrived_s = (first + n) / RATE_HZ if received_s is None else received_s
    return Piece(
        first=START + first,
        end=START + first + n,
        values=np.arange(first, first + n, dtype=float)[None],
        phase_us=0,
        received=MOMENT + round(arrived_s * SECOND_US),
        flags=flags,
    )


def track() -> Track:
    return Track(rate_hz=RATE_HZ, channels=1)


def feed(one: Track, pieces: list[Piece]) -> tuple[list[Second], list[Late]]:
    """Feed as a lane does: time is that of the newest arrival."""
    now, late = 0, []
    for each in pieces:
        told = one.add(each, now)
        late += [] if told is None else [told]
        now = max(now, each.received)
    one.settle(now)
    return list(one.ready), late


def told(seconds: list[Second]) -> list[tuple[int, bytes]]:
    return [(second.second, second.values.tobytes()) for second in seconds]


@st.composite
def cut_stream(draw: st.DrawFn) -> list[Piece]:
    """Twelve seconds cut anywhere, some pieces lost, each arriving up to 1.5 s later."""
    cuts = draw(st.lists(st.integers(1, 12 * RATE_HZ - 1), max_size=40, unique=True))
    edges = [0, *sorted(cuts), 12 * RATE_HZ]
    made = []
    for first, end in itertools.pairwise(edges):
        delay_s = draw(st.floats(0, 1.5))
        made.append(piece(first, end - first, received_s=end / RATE_HZ + delay_s))
    kept = [each for each in made if not draw(st.booleans()) or draw(st.booleans())]
    return kept or made


@given(pieces=cut_stream(), data=st.data())
@settings(deadline=None)
def test_order_and_repeats_do_not_matter(pieces: list[Piece], data: st.DataObject) -> None:
    in_order = sorted(pieces, key=lambda each: each.first)
    everything = Track(rate_hz=RATE_HZ, channels=1)
    now = max(each.received for each in pieces) + 10 * SECOND_US
    expected, _ = feed(everything, in_order)
    everything.settle(now)
    expected = list(everything.ready)

    jumbled = track()
    arrivals = sorted(pieces, key=lambda each: each.received)
    repeats = data.draw(st.lists(st.sampled_from(pieces), max_size=5))
    first = arrivals[0]
    if first.first // RATE_HZ != in_order[0].first // RATE_HZ:
        return  # what begins later than another piece cannot be known to: that one is late
    _, late = feed(jumbled, arrivals + repeats)
    jumbled.settle(now)
    if not late:
        assert told(list(jumbled.ready)) == told(expected)


@given(pieces=cut_stream(), asked=st.sets(st.integers(0, 40)))
@settings(deadline=None)
def test_when_it_is_asked_does_not_matter(pieces: list[Piece], asked: set[int]) -> None:
    arrivals = sorted(pieces, key=lambda each: each.received)
    expected, late = feed(track(), arrivals)
    other, now, other_late = track(), 0, []
    for number, each in enumerate(arrivals):
        told_late = other.add(each, now)
        other_late += [] if told_late is None else [told_late]
        now = max(now, each.received)
        if number in asked:
            other.settle(now)
    other.settle(now)
    assert told(list(other.ready)) == told(expected)
    assert other_late == late


def test_a_second_is_settled_as_soon_as_it_is_whole() -> None:
    one = track()
    one.add(piece(0, 30), 0)
    assert not one.settle(0)
    assert not one.ready
    one.add(piece(30, 20), 0)
    one.settle(0)
    assert [second.second for second in one.ready] == [START // RATE_HZ]
    np.testing.assert_array_equal(one.ready[0].values[0], np.arange(50))


def test_a_hole_is_waited_for_and_then_missing() -> None:
    one = track()
    one.add(piece(0, 20), 0)
    after = piece(35, 40)
    one.add(after, 0)
    assert one.settle(after.received + HOLE_WAIT_US - 1)
    assert not one.ready
    assert not one.settle(after.received + HOLE_WAIT_US)
    values = one.ready[0].values[0]
    assert np.isnan(values[20:35]).all()
    assert not np.isnan(values[:20]).any()


def test_what_comes_after_the_wait_is_late() -> None:
    one = track()
    one.add(piece(0, 20), 0)
    after = piece(35, 40)
    one.add(after, 0)
    told_late = one.add(piece(20, 15), after.received + HOLE_WAIT_US)
    assert told_late == Late(start_us=MOMENT + 400_000, end_us=MOMENT + 700_000)
    assert np.isnan(one.ready[0].values[0, 20:35]).all()


def test_jitter_of_a_sample_is_no_hole() -> None:
    one = track()
    one.add(piece(0, 49), 0)
    one.add(piece(50, 60), 0)
    one.settle(0)
    np.testing.assert_array_equal(one.ready[0].values[0], np.arange(50))


def test_where_frames_overlap_the_earlier_counts() -> None:
    one, other = track(), track()
    a, b = piece(0, 30), piece(29, 31)
    b.values[:] = -1
    for first, second in ((a, b), (b, a)):
        each = one if first is a else other
        each.add(first, 0)
        each.add(second, 0)
        each.settle(0)
        assert each.ready[0].values[0, 29] == 29
        assert each.ready[0].values[0, 30] == -1


def test_where_frames_hold_other_samples_for_one_time_these_are_missing() -> None:
    """Whichever came first, within a second and across its edge."""
    wave = np.sin(np.arange(200) * 0.37)
    missing = [*range(20, 30), *range(40, 45), *range(52, 60)]
    a, b, c, d = piece(0, 30), piece(20, 25), piece(40, 20), piece(52, 58)
    for each, begin in ((a, 0), (b, 60), (c, 110), (d, 130)):
        each.values[0] = wave[begin : begin + each.values.shape[1]]
    for order in itertools.permutations((a, b, c)):
        one = track()
        for each in (*order, d):
            one.add(each, 0)
        one.settle(0)
        assert [second.contradicts for second in one.ready] == [True, True]
        values = np.concatenate([second.values[0] for second in one.ready])
        assert np.flatnonzero(np.isnan(values)).tolist() == missing
        np.testing.assert_array_equal(values[60:], wave[138:178])


@pytest.mark.parametrize("apart", [-1, 0, 1])
def test_what_is_sent_again_in_other_parts_contradicts_nothing(apart: int) -> None:
    """The time of a frame may be known better by then; what was interpolated is rounded anew."""
    wave = np.sin(np.arange(200) * 0.37)
    a, b = piece(0, 60), piece(20 + apart, 60)
    a.values[0], b.values[0] = wave[:60], wave[20:80] + 1e-4 * np.cos(np.arange(60))
    a.values[0, 30], b.values[0, 10] = np.nan, np.nan
    one = track()
    one.add(a, 0)
    one.add(b, 0)
    one.settle(0)
    assert not one.ready[0].contradicts
    np.testing.assert_array_equal(one.ready[0].values[0], a.values[0, :50])


def test_a_long_hole_is_left_out_with_the_second_it_begins_in() -> None:
    """So a run that begins within the hole gives the same."""
    for cut_off, seconds in ((100, [0, 1]), (120, [0, 1])):
        one = track()
        one.add(piece(0, cut_off), 0)
        later = piece(1000 * RATE_HZ + 7, 100)
        one.add(later, 0)
        one.settle(later.received + HOLE_WAIT_US)
        told = [second.second - START // RATE_HZ for second in one.ready]
        assert told == [*seconds, 1000, 1001]


def test_a_short_hole_is_given_as_missing() -> None:
    one = track()
    one.add(piece(0, 120), 0)
    later = piece((2 + HOLE_KEPT_S) * RATE_HZ, 50)
    one.add(later, 0)
    one.settle(later.received + HOLE_WAIT_US)
    assert [second.second - START // RATE_HZ for second in one.ready] == list(range(13))


def test_a_clock_that_was_ahead_is_left_behind() -> None:
    one = track()
    feed(one, [piece(0, 500), piece(3600 * RATE_HZ, 500, received_s=11)])
    one.settle(MOMENT + 14 * SECOND_US)
    settled = [second.second - START // RATE_HZ for second in one.ready]
    assert settled == [*range(10), *range(3600, 3610)]
    one.ready.clear()
    back = [piece(first, 50, received_s=first / RATE_HZ + 1) for first in range(700, 1500, 50)]
    seconds, late = feed(one, back)
    assert [second.second - START // RATE_HZ for second in seconds] == list(range(14, 30))
    assert not late
    again = one.add(piece(450, 100, received_s=31), MOMENT + 31 * SECOND_US)
    assert again == Late(start_us=MOMENT + 9 * SECOND_US, end_us=MOMENT + 11 * SECOND_US)


def test_a_repeat_after_a_while_is_late_and_no_jump_of_the_clock() -> None:
    one = track()
    feed(one, [piece(first, 50) for first in range(0, 2000, 50) if first != 500])
    assert one.following == START // RATE_HZ + 40
    late = one.add(piece(500, 50, received_s=40), MOMENT + 40 * SECOND_US)
    assert late == Late(start_us=MOMENT + 10 * SECOND_US, end_us=MOMENT + 11 * SECOND_US)
    assert one.following == START // RATE_HZ + 40


@pytest.mark.parametrize("n", [1, 7, 50, 333])
def test_any_cut_gives_the_same(n: int) -> None:
    whole, _ = feed(track(), [piece(0, 1000)])
    cut, late = feed(track(), [piece(first, min(n, 1000 - first)) for first in range(0, 1000, n)])
    assert not late
    assert told(cut) == told(whole)
