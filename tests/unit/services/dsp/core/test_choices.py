"""What a device's model chose reaches its row, live and when it is computed again."""

import numpy as np
import pytest

from services.dsp.core.lane import Computed, LaneSignals
from services.dsp.core.recomputation import recompute
from shared.contracts.frames import Frame
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from shared.contracts.processing import CURVES, Processing, RadarChain, SaturationCurve
from shared.contracts.records import Table
from shared.contracts.streams import Stream
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.core.test_lane import read, stream_of
from tests.unit.services.dsp.radar_scene import Scene, i_and_q

PPG_S, RADAR_S = 20, 45


def with_flags(frames: list[Frame], flags: int) -> list[Frame]:
    return [one._replace(flags=flags) for one in frames]


def told(computed: Computed, measure: Measure) -> Table:
    values = np.concatenate(computed.vitals)
    found: Table = values[(values["measure"] == measure) & np.isfinite(values["value"])]
    return found


def by_all_curves() -> list[Frame]:
    """The same light from a device of each curve."""
    light = signals.ppg(signals.beat_times(70, PPG_S), PPG_S, 100, spo2=80)
    return [
        one
        for number, curve in enumerate(CURVES, start=1)
        for one in with_flags(
            stream_of(number, Stream.PPG, 100, light, scale=1.0),
            Processing(saturation_curve=curve).frame_flags,
        )
    ]


def test_each_device_is_read_by_the_curve_of_its_model() -> None:
    frames = by_all_curves()
    values = told(recompute(read(frames)), Measure.SPO2)
    newest = {int(row["device"]): row for row in values}
    assert [newest[number]["method"] for number in range(1, 5)] == [
        Method.PPG_RATIO_OF_RATIOS,
        Method.PPG_RATIO_LINEAR,
        Method.PPG_RATIO_BEER_LAMBERT,
        Method.PPG_RATIO_TABLE,
    ]
    percent = [float(newest[number]["value"]) for number in range(1, 5)]
    assert percent[0] == pytest.approx(80, abs=0.5)
    assert percent[3] == pytest.approx(percent[0], abs=1.0), "the table is the curve, rounded"
    assert min(abs(percent[1] - percent[0]), abs(percent[2] - percent[0])) > 1


def test_computed_again_a_device_keeps_its_curve() -> None:
    frames = by_all_curves()
    live = LaneSignals()
    live.take(read(sorted(frames, key=lambda one: (one.received, one.device))))
    first = told(live.compute(), Measure.SPO2)
    number = CURVES.index(SaturationCurve.LINEAR_110_25) + 1
    again = told(recompute(read([one for one in frames if one.device == number])), Measure.SPO2)
    mine = first[first["device"] == number]
    assert len(mine) > 5
    np.testing.assert_array_equal(mine, again[np.isin(again["t"], mine["t"])])


def test_the_published_radar_runs_beside_ours_where_it_is_chosen() -> None:
    seen = i_and_q(Scene(seed=3), RADAR_S, 100)
    chosen = Processing(radar_chain=RadarChain.WITH_PUBLISHED).frame_flags
    frames = stream_of(1, Stream.RADAR_IQ, 100, seen, scale=1e-6)
    frames += with_flags(stream_of(2, Stream.RADAR_IQ, 100, seen, scale=1e-6), chosen)
    values = told(recompute(read(frames)), Measure.RESPIRATION_RATE)
    methods = {
        device: set(values["method"][values["device"] == device].tolist()) for device in (1, 2)
    }
    assert methods == {1: {Method.RADAR_BREATH}, 2: {Method.RADAR_BREATH, Method.RADAR_PUBLISHED}}
    ours = values[values["method"] == Method.RADAR_BREATH]
    of_each = [ours["value"][ours["device"] == device] for device in (1, 2)]
    np.testing.assert_array_equal(*of_each)


def test_a_choice_that_changes_begins_anew_by_the_new_one() -> None:
    seen = i_and_q(Scene(seed=3), 2 * RADAR_S, 100)
    frames = stream_of(1, Stream.RADAR_IQ, 100, seen, scale=1e-6)
    chosen = Processing(radar_chain=RadarChain.WITH_PUBLISHED).frame_flags
    frames = frames[:RADAR_S] + with_flags(frames[RADAR_S:], chosen)
    table = np.concatenate(recompute(read(frames)).vitals)
    published = table["t"][table["method"] == Method.RADAR_PUBLISHED]
    assert len(published) > 5
    assert published.min() >= frames[RADAR_S].t0
