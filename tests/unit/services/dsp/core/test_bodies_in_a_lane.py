"""Falls and forced breaths through a lane: events of the right place, values told once."""

import numpy as np
import pytest

from services.dsp.core.lane import Computed, LaneSignals
from shared.contracts.events import EventKind, Severity
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.contracts.measures import Measure
from shared.contracts.quality import Validity
from shared.contracts.streams import Place, Stream
from tests.unit.services.dsp import bodies
from tests.unit.services.dsp.bodies import Floats
from tests.unit.services.dsp.core.test_lane import START_US, stream_of

SECOND_US = 1_000_000


def worn(samples: Floats, place: Place) -> list[Frame]:
    sent = stream_of(1, Stream.ACCELEROMETER, 50, samples, scale=0.001, shift_us=-2_000)
    return [frame._replace(place=int(place)) for frame in sent]


def computed(frames: list[Frame], *, begin: int = 0) -> Computed:
    """Second after second, as they come."""
    lane, everything = LaneSignals(), Computed()
    for frame in frames[begin:]:
        batch = decode_frames(encode_frames([frame]))
        assert isinstance(batch, FrameBatch)
        lane.take(batch)
        done = lane.compute()
        everything.vitals += done.vitals
        everything.events += done.events
    return everything


@pytest.mark.parametrize(("place", "hit"), [(Place.WAIST, 1.0), (Place.THIGH, 0.4)])
def test_a_fall_is_one_event_that_repeats_itself(place: Place, hit: float) -> None:
    frames = worn(bodies.day(50, hit=hit, seed=2), place)
    (fall,) = computed(frames).events
    assert fall.kind is EventKind.FALL
    assert fall.severity is Severity.HIGH
    assert fall.data["stream"] == "accelerometer"
    assert fall.data["confidence"] >= 0.7
    assert (fall.t - START_US) / SECOND_US == pytest.approx(bodies.FALL_S + 0.1, abs=0.4)
    assert computed(frames, begin=3).events == [fall]


@pytest.mark.parametrize("place", [Place.WRIST, Place.NONE, Place.CHEST])
def test_falls_are_not_judged_where_nothing_was_learned(place: Place) -> None:
    assert computed(worn(bodies.day(50), place)).events == []


def test_a_forced_breath_is_told_once() -> None:
    flow = stream_of(1, Stream.FLOW, bodies.FLOW_HZ, bodies.session()[None], scale=0.0005)
    told = np.concatenate(computed(flow).vitals)
    assert sorted(told["measure"].tolist()) == sorted(
        [
            Measure.FVC, Measure.FEV1, Measure.PEF, Measure.FEF25, Measure.FEF50, Measure.FEF75,
            Measure.FEF25_75, Measure.EXTRAPOLATED_VOLUME, Measure.EXPIRATORY_TIME,
            Measure.END_RISE, Measure.FLOW_REGAINED,
        ]
    )  # fmt: skip
    assert set(told["t"].tolist()) == {told["t"][0]}
    assert (told["validity"] == Validity.VALID).all()
    value = dict(zip(told["measure"].tolist(), told["value"].tolist(), strict=True))
    assert value[Measure.FVC] == pytest.approx(bodies.FVC, rel=0.01)
    assert value[Measure.PEF] == pytest.approx(60 * bodies.PEF, rel=0.02)
