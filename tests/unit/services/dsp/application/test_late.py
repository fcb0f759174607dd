import numpy as np

from services.dsp.application.late import merged, touched
from services.dsp.core.exchange import Span
from services.dsp.core.lane import LateSamples
from services.dsp.core.recomputation import touched_us
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
