import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.sample_layout import Filler, Filling, LayoutFinder, Stretch

INTERVAL_US = 4_000.0


def filled(stretches: tuple[Stretch, ...], pieces: list[tuple[int, list[float]]]) -> list[Filling]:
    filler = Filler(stretches, INTERVAL_US, 1)
    found: list[Filling] = []
    for place, values in pieces:
        found += filler.add(place * INTERVAL_US, np.array([values], dtype=np.float64))
    return [*found, *filler.finish()]


def test_a_layout_tells_its_stretches_and_its_whole_length() -> None:
    finder = LayoutFinder()
    finder.add(0.0, 10, begins=True)
    finder.add(40_000.0, 5, begins=False)
    finder.add(400_000.0, 7, begins=True)
    assert [(one.start_us, one.n_samples) for one in finder.stretches()] == [
        (0.0, 15),
        (400_000.0, 7),
    ]
    assert finder.one_stretch(INTERVAL_US) == (Stretch(start_us=0.0, n_samples=107),)
    assert LayoutFinder().one_stretch(INTERVAL_US) == ()


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(1, 9)), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 30)), max_size=10),
)
def test_whatever_comes_the_second_time_the_file_is_as_long_as_planned(
    plan: list[tuple[int, int]], second: list[tuple[int, int]]
) -> None:
    stretches, place = [], 0
    for length, gap in plan:
        stretches.append(Stretch(start_us=place * INTERVAL_US, n_samples=length))
        place += length + gap
    truth = {at: float(at) for start, n in second for at in range(start, start + n)}

    found = filled(
        tuple(stretches),
        [(start, [float(start + k) for k in range(n)]) for start, n in sorted(second)],
    )

    assert sum(one.begins for one in found) == len(stretches)
    lengths, index = [0] * len(stretches), -1
    for one in found:
        index += one.begins
        lengths[index] += one.values.shape[1]
        for offset, value in enumerate(one.values[0]):
            at = round(one.start_us / INTERVAL_US) + offset
            assert np.isnan(value) == (at not in truth)
            assert np.isnan(value) or value == truth[at]
    assert lengths == [one.n_samples for one in stretches]


def test_a_long_hole_comes_in_pieces() -> None:
    found = filled((Stretch(start_us=0.0, n_samples=200_000),), [(199_999, [1.0])])
    assert max(one.values.shape[1] for one in found) <= 65_536
    assert found[-1].values.tolist() == [[1.0]]
