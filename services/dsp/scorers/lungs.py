"""Forced breaths for a scorer."""

from services.dsp.core.spirometry import finder
from services.dsp.core.windows import Floats
from services.dsp.scorers.seconds import Result, Seconds


def spirometry(fs: float, channels: list[str]) -> Seconds:
    """Task spirometry: each forced breath when it is over."""
    assert len(channels) == 1
    state = finder.init(1, int(fs))

    def take(second: Floats, end_s: int) -> list[Result]:
        nonlocal state
        state, blows = finder.advance(state, second)
        told_s = end_s - finder.WINDOW_S
        return [
            {"t": told_s + blow.end_s, "fvc": blow.fvc, "fev1": blow.fev1, "pef": blow.pef}
            for _, blow in blows
        ]

    return Seconds(fs, take, more_s=3)
