from hypothesis import given
from hypothesis import strategies as st

from services.dsp.application.positions import ReplayMarks
from services.dsp.core.lane import LONGEST_HORIZON_US

START_US = 1_767_225_600_000_000


@given(steps=st.lists(st.integers(0, 3_000_000), min_size=1, max_size=400))
def test_a_replay_covers_the_horizon_and_not_much_more(steps: list[int]) -> None:
    marks, now, arrived = ReplayMarks(), START_US, []
    for offset, step in enumerate(steps):
        marks.note(offset, now)  # the lane has reached `now` before this message
        arrived.append(now)
        now += step
    position = marks.position(len(steps) - 1, now)
    assert position.given_offset == len(steps) - 1
    assert position.watermark_us == now
    begun = arrived[position.replay_offset]
    assert position.replay_offset == 0 or begun <= arrived[-1] - LONGEST_HORIZON_US
    assert (
        begun >= arrived[-1] - LONGEST_HORIZON_US - 2 * 3_000_000 - 1_000_000 or begun == START_US
    )


def test_without_marks_it_goes_on_after_what_was_given() -> None:
    assert ReplayMarks().position(41, START_US) == (42, 41, START_US)
