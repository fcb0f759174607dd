from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.dsp.application.late import (
    SHOWN_EACH_US,
    Correction,
    corrections_of,
    due_again_us,
)
from services.dsp.application.late_notes import merged, touched
from services.dsp.core.exchange import Span, Waiting
from services.dsp.core.lane import LateSamples
from services.dsp.core.recomputation import touched_before_us, touched_us, warm_up_us
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames

START_US = 1_767_225_600_000_000


def frame(stream: int, *, n: int = 250, channels: int = 2, interval_ns: int = 4_000_000) -> Frame:
    samples = np.zeros((n, channels), "<i2").tobytes()
    return Frame(
        7, 1, 2, 0, stream, START_US, interval_ns, START_US, 0, channels, 1, 0, 1.0, 0.0, samples
    )


def test_late_frames_touch_their_own_time_where_something_is_computed_from_them() -> None:
    batch = decode_frames(encode_frames([frame(1), frame(10), frame(5, n=1, interval_ns=0)]))
    assert isinstance(batch, FrameBatch)
    assert touched(batch) == [
        LateSamples(7, 1, START_US, START_US + 1_000_000),
        LateSamples(7, 5, START_US, START_US + 1),
    ]


def test_what_touches_the_same_values_is_computed_at_once() -> None:
    reach = touched_us(1)
    spans = [
        LateSamples(1, 1, 100, 200),
        LateSamples(1, 1, 200 + reach, 300 + reach),
        LateSamples(1, 1, 50, 120),
        LateSamples(1, 1, 301 + 2 * reach, 302 + 2 * reach),
        LateSamples(1, 2, 100, 200),
        LateSamples(2, 1, 100, 200),
    ]
    assert merged(spans) == [
        Span(1, 1, 50, 300 + reach),
        Span(1, 1, 301 + 2 * reach, 302 + 2 * reach),
        Span(1, 2, 100, 200),
        Span(2, 1, 100, 200),
    ]


SECOND_US = 1_000_000
NOTED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def waiting(device: int, start_s: int, end_s: int, *, shown_s: int | None = None) -> Waiting:
    start_us, end_us = (START_US + second * SECOND_US for second in (start_s, end_s))
    shown_us = None if shown_s is None else START_US + shown_s * SECOND_US
    return Waiting(Span(device, 1, start_us, end_us), shown_us, NOTED_AT)


def test_a_correction_begins_where_the_samples_matter_and_ends_where_all_is_stored() -> None:
    one = waiting(1, 100, 103)
    before_us = START_US + 150 * SECOND_US
    from_us = one.span.start_us - touched_before_us(1)
    assert corrections_of([one], before_us) == [
        Correction(one.span._replace(start_us=from_us, end_us=before_us), [one])
    ]
    much_later_us = START_US + 5_000 * SECOND_US
    until_us = one.span.end_us + touched_us(1)
    assert corrections_of([one], much_later_us)[0].known.end_us == until_us


def test_what_was_shown_is_not_computed_again() -> None:
    shown, new = waiting(1, 100, 103, shown_s=150), waiting(1, 190, 191)
    before_us = START_US + 210 * SECOND_US
    (both,) = corrections_of([shown, new], before_us)
    assert both.waiting == [shown, new]
    assert (both.known.start_us, both.known.end_us) == (shown.shown_us, before_us)
    (later,) = corrections_of([new], before_us)
    assert later.known.start_us == new.span.start_us - touched_before_us(1)


def test_devices_and_times_far_from_each_other_are_corrected_apart() -> None:
    far_s = 1_000 + (touched_us(1) + touched_before_us(1) + warm_up_us(1)) // SECOND_US
    due = [waiting(1, 100, 103), waiting(1, far_s, far_s + 1), waiting(2, 100, 103)]
    found = corrections_of(due, START_US + 10 * far_s * SECOND_US)
    assert [one.waiting for one in found] == [[each] for each in due]


@given(st.integers(0, 400), st.integers(1, 400))
def test_what_waits_is_due_on_the_next_minutes_of_all_devices(shown_s: int, more_s: int) -> None:
    shown_us = START_US + shown_s * SECOND_US
    end_us = shown_us + more_s * SECOND_US
    due_us = due_again_us(shown_us, end_us, is_many=False)
    assert due_us % SHOWN_EACH_US == 0
    assert shown_us < due_us <= shown_us + 90 * SECOND_US
    # A minute later it is due a minute later, however late the turn came: nothing is left out.
    later_us = due_again_us(due_us + 10 * SECOND_US, end_us + 600 * SECOND_US, is_many=False)
    assert later_us == due_us + SHOWN_EACH_US


@given(st.integers(0, 400), st.integers(1, 400))
def test_of_many_each_is_due_once_more_when_no_value_rests_on_it(shown_s: int, more_s: int) -> None:
    shown_us = START_US + shown_s * SECOND_US
    end_us = shown_us + more_s * SECOND_US
    due_us = due_again_us(shown_us, end_us, is_many=True)
    assert due_us % SHOWN_EACH_US == 0
    assert end_us <= due_us < end_us + SHOWN_EACH_US
