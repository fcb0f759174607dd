import pytest

from services.api.core.trace_cutter import TraceCutter

NS = 4_000_000
US = 4_000


def cutter(*, bridged: int = 0) -> TraceCutter:
    return TraceCutter(start_us=0, end_us=10**15, bridged=bridged)


def test_what_was_there_is_left_out_and_what_is_new_goes_on() -> None:
    one = cutter()
    first = one.cut(0, NS, (1, 250))
    again = one.cut(0, NS, (1, 250))
    over = one.cut(100 * US, NS, (1, 250))
    assert first is not None
    assert (first.first, first.last, first.begins) == (0, 250, True)
    assert again is None
    assert over is not None
    assert (over.first, over.last, over.begins, over.start_us) == (150, 250, False, 250 * US)


@pytest.mark.parametrize(
    ("behind", "bridged", "begins", "missing"),
    [(1, 0, False, 0), (2, 0, True, 0), (2, 5, False, 2), (5, 5, True, 0)],
)
def test_a_hole_begins_a_stretch_unless_it_is_bridged(
    behind: int, bridged: int, begins: bool, missing: int
) -> None:
    one = cutter(bridged=bridged)
    one.cut(0, NS, (1, 10))
    cut = one.cut((10 + behind) * US, NS, (1, 10))
    assert cut is not None
    assert (cut.begins, cut.n_missing) == (begins, missing)


def test_another_rate_or_other_channels_begin_a_stretch() -> None:
    for interval_ns, channels in ((NS, 2), (2 * NS, 1)):
        one = cutter()
        one.cut(0, NS, (1, 10))
        cut = one.cut(10 * US, interval_ns, (channels, 10))
        assert cut is not None
        assert cut.begins


def test_what_drifts_apart_begins_anew_in_time() -> None:
    one, begins = cutter(), 0
    for index in range(100):
        cut = one.cut(index * 10 * US + index * 400, NS, (1, 10), end_us=None)
        assert cut is not None
        assert cut.last - cut.first == 10
        begins += cut.begins
    assert 2 <= begins <= 10


def test_only_the_time_asked_for_is_new() -> None:
    one = TraceCutter(start_us=5 * US, end_us=8 * US)
    cut = one.cut(0, NS, (1, 10))
    assert cut is not None
    assert (cut.first, cut.last, cut.start_us) == (5, 8, 5 * US)
    assert one.cut(100 * US, NS, (1, 10)) is None
