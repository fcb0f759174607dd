"""The ring of beats: several at once are the same as one after the other."""

from dataclasses import replace

import numpy as np

from services.dsp.core.ecg import ring, shapes
from services.dsp.core.ecg.ring import LIKENESS_LEVELS, RING
from services.dsp.core.outputs import Beats, Output
from shared.contracts.beats import BeatKind
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import SECOND_US, START_S

RATE_HZ, DURATION_S = 250, 20
ROWS = 5


def followed(*, at_once: bool) -> ring.Ring:
    """Rings of hearts of 60 to 180 a minute, the beats of a second together or each by itself."""
    beats_of = [signals.beat_times(60 + 30 * row, DURATION_S, seed=row)[1:] for row in range(ROWS)]
    leads = np.array([signals.ecg(beats, DURATION_S, RATE_HZ, seed=3) for beats in beats_of])
    state = ring.init(ROWS, RATE_HZ)
    for second in range(DURATION_S):
        block = leads[:, second * RATE_HZ : (second + 1) * RATE_HZ]
        times = np.full(ROWS, (START_S + second) * SECOND_US)
        given: list[tuple[int, int, int]] = []  # place in its second, row, t
        for row, beats in enumerate(beats_of):
            mine = beats[(beats >= second - 1) & (beats < second)]
            given += [
                (place, row, round((START_S + beat) * SECOND_US))
                for place, beat in enumerate(mine.tolist())
            ]
        state = replace(state, shapes=shapes.step(state.shapes, block))
        turns = [given] if at_once else [[each] for each in sorted(given)]
        for turn in turns:
            rows = np.array([row for _, row, _ in turn], dtype=np.intp)
            ats = np.array([t for _, _, t in turn], dtype=np.int64)
            n = len(turn)
            looks = shapes.cut(state.shapes, rows, ats, times)
            told = Beats(
                BeatKind.R_PEAK, rows, ats, np.full(n, 800, np.float32), np.ones(n, np.float32)
            )
            changed = ring.pushed(state.ring, np.flatnonzero(looks.known), told, looks)
            state = replace(state, ring=changed)
    return state.ring


def test_several_beats_at_once_are_as_one_after_the_other() -> None:
    together, in_turn = followed(at_once=True), followed(at_once=False)
    for name in ring.Ring.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(together, name), getattr(in_turn, name), name)
    counts = (together.t > 0).sum(axis=1)
    assert counts[0] >= 15
    assert counts[-1] >= 45
    held = together.likeness[-1, RING - counts[-1] :, RING - counts[-1] :]
    np.testing.assert_array_equal(held, held.T)
    assert (np.diag(held) == LIKENESS_LEVELS).all()


def test_no_beat_changes_nothing() -> None:
    state = ring.init(2, RATE_HZ)
    times = np.full(2, START_S * SECOND_US)
    after = ring.follow(state, np.zeros((2, RATE_HZ)), times, Output(()))
    assert not after.ring.t.any()
