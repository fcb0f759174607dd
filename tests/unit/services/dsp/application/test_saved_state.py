"""The windows of a lane as bytes and back."""

import itertools

import numpy as np
import pytest
from typing_extensions import override

from services.dsp.application.positions import ReplayMarks
from services.dsp.application.saved_state import BadState, SavedState, decode, encode
from services.dsp.core.circumstances import Circumstances, nothing_told
from services.dsp.core.estimator import Estimator
from services.dsp.core.estimators import ESTIMATORS
from services.dsp.core.exchange import Reached
from services.dsp.core.lane import Computed, LaneSignals
from services.dsp.core.summaries import Windows
from shared.contracts.frames import Frame
from shared.contracts.streams import Place
from tests.unit.services.dsp.core.test_lane import START_US, WARD, read, stream_of

IDENTITY = b"this code, this lane"


def somewhere() -> Circumstances:
    """Maps that another process has loaded."""
    return nothing_told()


def saved(signals: LaneSignals) -> SavedState:
    marks = ReplayMarks()
    marks.note(7, signals.now)
    return SavedState(signals, Windows(), marks, Reached(9, signals.now))


def again(state: SavedState) -> SavedState:
    return decode(
        encode(state, IDENTITY, circumstances=nothing_told), IDENTITY, circumstances=somewhere
    )


def all_bytes(computed: Computed) -> list[bytes]:
    return [table.tobytes() for table in (*computed.vitals, *computed.beats)]


def test_who_goes_on_from_a_saved_state_gives_the_same() -> None:
    signals = LaneSignals()
    n_values = 0
    for part in np.array_split(np.arange(len(WARD)), 7):
        frames = [WARD[n] for n in part]
        restarted = again(saved(signals)).signals
        signals.take(read(frames))
        restarted.take(read(frames))
        computed, computed_again = signals.compute(), restarted.compute()
        assert all_bytes(computed) == all_bytes(computed_again)
        assert computed.events == computed_again.events
        assert computed.late == computed_again.late
        n_values += sum(map(len, computed.vitals))
    assert n_values > 100


def test_position_and_marks_come_with_it() -> None:
    signals = LaneSignals()
    signals.take(read(WARD[:20]))
    state = again(saved(signals))
    assert state.taken == Reached(9, signals.now)
    assert state.marks.position(9, signals.now).replay_offset == 7


def sent_for(device: int, estimator: Estimator, seconds: int) -> list[Frame]:
    """Noise of all streams that an estimator takes, in the order in which it comes."""
    rng = np.random.default_rng(device)
    place = min(estimator.places or {Place.NONE})
    rate_hz = estimator.rates_hz[0]
    streams = [(estimator.stream, estimator.n_channels, rate_hz, place)]
    for one in estimator.companions:
        there = place if one.place is None else one.place
        streams.append((one.stream, one.n_channels, one.rate_hz or rate_hz, there))
    frames: list[Frame] = []
    for number, (stream, channels, hz, where) in enumerate(streams):
        values = rng.normal(size=(channels, seconds * hz)).cumsum(axis=1)
        frames += [
            one._replace(place=int(where), n=one.n * len(streams) + number, flags=estimator.chosen)
            for one in stream_of(device, stream, hz, values, scale=0.01)
        ]
    return frames


def test_the_state_of_all_estimators_can_be_kept() -> None:
    """Also of those that take the streams of a device together."""
    frames = [
        frame
        for device, estimator in enumerate(ESTIMATORS, start=1)
        for frame in sent_for(device, estimator, 8)
    ]
    frames.sort(key=lambda one: (one.received, one.device))
    signals = LaneSignals(circumstances=nothing_told)
    signals.take(read([one for one in frames if one.t0 < START_US + 5_000_000]))
    signals.compute()
    assert {one.key for group in signals._groups.values() for one in group.chain} == {
        one.key for one in ESTIMATORS
    }
    restarted = again(saved(signals)).signals
    rest = read([one for one in frames if one.t0 >= START_US + 5_000_000])
    signals.take(rest)
    restarted.take(rest)
    computed = signals.compute()
    assert computed.vitals
    assert all_bytes(computed) == all_bytes(restarted.compute())
    assert all(group.circumstances is somewhere for group in restarted._groups.values())


def test_what_is_damaged_or_of_other_code_is_refused() -> None:
    content = encode(saved(LaneSignals()), IDENTITY, circumstances=nothing_told)
    for at in range(0, len(content), 7):
        damaged = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        with pytest.raises(BadState):
            decode(damaged, IDENTITY, circumstances=nothing_told)
    for other in (content[:-1], content + b".", b"", content[:20]):
        with pytest.raises(BadState):
            decode(other, IDENTITY, circumstances=nothing_told)
    with pytest.raises(BadState):
        decode(content, b"other code", circumstances=nothing_told)


class Calling:
    """Pickles as a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self._call = function, arguments

    @override
    def __reduce__(self) -> tuple[object, object]:
        return self._call


@pytest.mark.parametrize("function", [print, itertools.count, nothing_told, np.save])
def test_nothing_but_the_classes_of_a_state_is_called(function: object) -> None:
    state = saved(LaneSignals(circumstances=somewhere))
    decode(encode(state, IDENTITY, circumstances=somewhere), IDENTITY, circumstances=somewhere)
    calling = state._replace(marks=Calling(function))  # type: ignore[arg-type]
    with pytest.raises(BadState, match="is no part of a state"):
        decode(
            encode(calling, IDENTITY, circumstances=somewhere), IDENTITY, circumstances=somewhere
        )
