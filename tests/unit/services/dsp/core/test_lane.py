"""What comes out of a lane depends on the frames alone."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dsp.core.estimators import memory_of
from services.dsp.core.lane import Computed, LaneSignals
from services.dsp.core.recomputation import recompute, revised, withdrawn
from shared.contracts.beats import BEAT
from shared.contracts.events import EventKind
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from shared.contracts.quality import FrameFlag, Validity, ValueFlag
from shared.contracts.records import Table
from shared.contracts.streams import Stream
from shared.contracts.vitals import VITAL
from tests.unit.services.dsp import signals

START_US = signals.START_S * 1_000_000
DURATION_S = 40


def frame(
    device: int,
    stream: int,
    rate_hz: float,
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    *,
    t0: int,
    number: int,
    scale: float,
    flags: int = 0,
) -> Frame:
    """Values (channels, n) as one frame that comes 80 ms after its last sample."""
    counts = np.rint(values / scale).astype("<i4")
    interval_ns = round(1e9 / rate_hz)
    return Frame(
        device=device, boot=9, n=number, part=0, stream=stream, t0=t0, interval_ns=interval_ns,
        received=t0 + values.shape[1] * interval_ns // 1000 + 80_000, flags=flags,
        channels=len(values), format=3, place=0, scale=scale, offset=0.0,
        samples=np.ascontiguousarray(counts.T).tobytes(),
    )  # fmt: skip


def stream_of(
    device: int,
    stream: int,
    rate_hz: int,
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    *,
    scale: float,
    shift_us: int = 0,
    chunk: int | None = None,
) -> list[Frame]:
    n = rate_hz if chunk is None else chunk
    return [
        frame(
            device, stream, rate_hz, values[:, first : first + n],
            t0=START_US + shift_us + first * 1_000_000 // rate_hz, number=number, scale=scale,
        )
        for number, first in enumerate(range(0, values.shape[1], n))
    ]  # fmt: skip


def ward() -> list[Frame]:
    """Four devices: two ECG of unlike rates and phases, light, chest impedance."""
    beats = signals.beat_times(70, DURATION_S)
    fast = signals.beat_times(104, DURATION_S, seed=3)
    frames = stream_of(
        1, 1, 250, signals.ecg(beats, DURATION_S, 250)[None], scale=0.001, shift_us=1234
    )
    frames += stream_of(
        2, 1, 360, signals.ecg(fast, DURATION_S, 360, seed=3)[None], scale=0.005, shift_us=512_345
    )
    frames += stream_of(3, 2, 100, signals.ppg(beats, DURATION_S, 100), scale=1.0, chunk=37)
    chest = signals.breathing(15, DURATION_S, 25)[None]
    frames += stream_of(4, 3, 25, chest, scale=0.001, shift_us=250_000)
    return sorted(frames, key=lambda one: (one.received, one.device))


WARD = ward()


def read(frames: list[Frame]) -> FrameBatch:
    batch = decode_frames(encode_frames(frames))
    assert isinstance(batch, FrameBatch)
    return batch


def rows(computed: list[Computed]) -> list[bytes]:
    """All rows that were given out, each as its bytes, sorted."""
    return sorted(
        row.tobytes() for one in computed for table in (*one.vitals, *one.beats) for row in table
    )


def events(computed: list[Computed]) -> list[tuple[int, str]]:
    return sorted((event.t, event.id) for one in computed for event in one.events)


def run(frames: list[Frame], cuts: list[int], *, asked: set[int] | None = None) -> list[Computed]:
    """Take messages cut at these places, compute after those asked for and at the end."""
    lane, computed = LaneSignals(), []
    edges = [0, *sorted(cuts), len(frames)]
    for number, (first, end) in enumerate(itertools.pairwise(edges)):
        if first < end:
            lane.take(read(frames[first:end]))
        if asked is None or number in asked:
            computed.append(lane.compute())
    computed.append(lane.compute())
    return computed


def vitals(computed: list[Computed], measure: Measure, device: int) -> Table:
    table = np.concatenate([np.empty(0, VITAL), *[t for one in computed for t in one.vitals]])
    mine: Table = table[(table["measure"] == measure) & (table["device"] == device)]
    ordered: Table = mine[np.argsort(mine["t"])]
    return ordered


EXPECTED = run(WARD, [])


@given(
    cuts=st.lists(st.integers(1, len(WARD) - 1), max_size=12),
    asked=st.sets(st.integers(0, 12)),
)
@settings(deadline=None, max_examples=6, derandomize=True)
def test_messages_and_moments_do_not_matter(cuts: list[int], asked: set[int]) -> None:
    computed = run(WARD, cuts, asked=asked)
    assert rows(computed) == rows(EXPECTED)
    assert events(computed) == events(EXPECTED)


def test_every_measure_is_found() -> None:
    for measure, device, truth, off in (
        (Measure.HEART_RATE, 1, 70, 2), (Measure.HEART_RATE, 2, 104, 2),
        (Measure.PULSE_RATE, 3, 70, 2), (Measure.SPO2, 3, 97, 1),
        (Measure.RESPIRATION_RATE, 4, 15, 1),
    ):  # fmt: skip
        last = vitals(EXPECTED, measure, device)[-1]
        assert last["value"] == pytest.approx(truth, abs=off), measure
        assert last["validity"] == Validity.VALID
        assert last["t"] % 1_000_000 == 0
        assert last["received"] > last["t"]


def test_beats_stand_at_the_r_peaks_whatever_the_phase_of_the_samples() -> None:
    for device, rate, seed, shift_us in ((1, 70, 0, 1234), (2, 104, 3, 512_345)):
        truth = START_US + shift_us + signals.beat_times(rate, DURATION_S, seed=seed) * 1e6
        table = np.concatenate([t for one in EXPECTED for t in one.beats])
        found = np.sort(table["t"][table["device"] == device])
        inside = truth[(truth > START_US + 5e6) & (truth < START_US + 35e6)]
        nearest = found[np.argmin(np.abs(found[None] - inside[:, None]), axis=1)]
        assert np.abs(nearest - inside).max() < 3_000


def test_a_replay_gives_the_same_from_then_on() -> None:
    """A lane that begins later than another gives the same as soon as its memory is full."""
    memory_s = memory_of(Stream.IMPEDANCE)
    duration_s = 50 + memory_s + 40
    samples = signals.breathing(15, duration_s, 25)[None]
    frames = stream_of(1, Stream.IMPEDANCE, 25, samples, scale=0.001, shift_us=999)
    whole = np.concatenate([*run(frames, [])[0].vitals])
    again = np.concatenate([*run(frames[50:], [])[0].vitals])
    after_us = START_US + (50 + memory_s + 1) * 1_000_000
    late, later = whole[whole["t"] > after_us], again[again["t"] > after_us]
    assert len(late) > 30
    assert late.tobytes() == later.tobytes()


def test_late_samples_computed_again_give_the_undisturbed_numbers() -> None:
    again = rows([recompute(read(WARD[::-1]))])
    assert set(rows(EXPECTED)) <= set(again)


def test_what_came_too_late_is_told_once() -> None:
    mine = [one for one in WARD if one.device == 1]
    missing = mine[20]
    lane = LaneSignals()
    lane.take(read(mine[:20] + mine[21:39]))
    assert not lane.compute().late
    lane.take(read([missing._replace(received=mine[39].received)]))
    (late,) = lane.compute().late
    assert (late.device, late.stream) == (1, 1)
    assert late.start_us <= missing.t0 + 4_000
    assert late.end_us >= missing.t0 + 990_000
    lane.take(read([missing, mine[10]]))
    assert not lane.compute().late


def test_lead_off_is_told_and_takes_the_numbers_away() -> None:
    mine = [one for one in WARD if one.device == 1]
    off = [one._replace(flags=int(FrameFlag.LEAD_OFF)) if 15 <= one.n < 30 else one for one in mine]
    computed = run(off, [])
    kinds = [event.kind for event in computed[0].events]
    assert kinds == [EventKind.LEAD_OFF, EventKind.LEAD_ON]
    table = vitals(computed, Measure.HEART_RATE, 1)
    during = table[(table["t"] > START_US + 26e6) & (table["t"] < START_US + 29e6)]
    assert not len(during) or (during["validity"] == Validity.ABSENT).all()
    absent = table[(table["validity"] == Validity.ABSENT) & (table["t"] > START_US + 20e6)]
    assert (absent["flags"][:3] & ValueFlag.LEAD_OFF).all()
    assert np.isnan(absent["value"]).all()


def test_each_hole_is_told_once_where_it_begins() -> None:
    mine = [one for one in WARD if one.device == 1]
    for lost in (range(12, 15), range(12, 33)):
        (computed,) = run([one for one in mine if one.n not in lost], [])[:1]
        (event,) = computed.events
        assert event.kind is EventKind.SAMPLES_MISSING
        assert event.t == START_US + 12_000_000
        assert event.device == 1


def test_samples_that_come_faster_than_their_rate_says_are_told_and_give_no_rate() -> None:
    samples = signals.ecg(signals.beat_times(70, DURATION_S), DURATION_S, 265)[None]
    fast = [
        frame(
            1, 1, 250, samples[:, 265 * second : 265 * (second + 1)],
            t0=START_US + 1_000_000 * second, number=second, scale=0.001,
        )
        for second in range(DURATION_S)
    ]  # fmt: skip
    computed = run(fast, [])
    (event,) = computed[0].events
    assert (event.kind, event.data["reason"]) == (EventKind.SAMPLES_MISSING, "frames_contradict")
    told = vitals(computed, Measure.HEART_RATE, 1)
    assert (told["validity"] == Validity.ABSENT).all()


def test_a_stream_that_changes_its_rate_begins_anew_and_leaves_nothing_behind() -> None:
    mine = [one for one in WARD if one.device == 1]
    truth = vitals(run(mine, []), Measure.HEART_RATE, 1)
    lane, rng = LaneSignals(), np.random.default_rng(0)
    for rate_hz in (100, 200, 300, 400, 500, 1000):
        t0 = START_US - 100_000_000
        wild = frame(1, 1, rate_hz, rng.standard_normal((1, 100)), t0=t0, number=0, scale=0.001)
        lane.take(read([wild]))
        assert lane.n_streams == 1
    lane.take(read(mine))
    again = vitals([lane.compute()], Measure.HEART_RATE, 1)
    assert again.tobytes() == truth.tobytes()


def test_two_places_of_one_device_do_not_mix() -> None:
    mine = [one for one in WARD if one.device == 1]
    other = [one._replace(place=2, samples=bytes(len(one.samples))) for one in mine]
    both = run(sorted(mine + other, key=lambda one: one.received), [])
    told = vitals(both, Measure.HEART_RATE, 1)
    seen = told[told["validity"] != Validity.ABSENT]
    alone = vitals(run(mine, []), Measure.HEART_RATE, 1)
    assert seen.tobytes() == alone[alone["validity"] != Validity.ABSENT].tobytes()


def test_two_leads_are_one_heart_even_while_one_is_flat() -> None:
    beats = signals.beat_times(70, DURATION_S)
    lead = signals.ecg(beats, DURATION_S, 250)
    both = np.stack((lead, -0.5 * lead))
    both[0, 12 * 250 :] = 0.2
    computed = run(stream_of(1, 1, 250, both, scale=0.001), [])
    table = vitals(computed, Measure.HEART_RATE, 1)
    late = table[table["t"] > START_US + 15e6]
    assert (late["validity"] == Validity.VALID).all()
    assert np.abs(late["value"] - 70).max() < 2
    told = np.unique(np.concatenate([part for one in computed for part in one.beats])["t"])
    inside = beats[(beats > 10) & (beats < DURATION_S - 3)]
    assert len(told[(told > START_US + 10e6) & (told < START_US + (DURATION_S - 3) * 1e6)]) == len(
        inside
    )


def test_a_flat_line_gives_no_number() -> None:
    mine = stream_of(1, 1, 250, np.full((1, 30 * 250), 0.2), scale=0.001)
    for one in run(mine, [])[0].vitals:
        assert (one["validity"] == Validity.ABSENT).all()


def test_an_amplifier_at_its_end_gives_no_number() -> None:
    beats = signals.beat_times(70, 30)
    counts = np.clip(np.rint(signals.ecg(beats, 30, 250) * 1000), -32768, 32767).astype("<i2")
    counts[10 * 250 :] = 32767
    frames = [
        Frame(1, 9, n, 0, 1, START_US + n * 1_000_000, 4_000_000, START_US + n * 1_000_000, 0, 1,
              1, 0, 0.001, 0.0, counts[n * 250 : (n + 1) * 250].tobytes())
        for n in range(30)
    ]  # fmt: skip
    table = vitals(run(frames, []), Measure.HEART_RATE, 1)
    assert (table["validity"][-8:] == Validity.ABSENT).all() or table["t"][-1] < START_US + 22e6


def test_streams_without_an_estimator_are_passed_over() -> None:
    lane = LaneSignals()
    lane.take(read([frame(1, 10, 50, np.zeros((3, 50)), t0=START_US, number=0, scale=0.01)]))
    assert not lane.compute().vitals
    assert lane.n_streams == 0


def test_single_readings_of_temperature_are_enough() -> None:
    frames = [
        frame(5, 5, 1, np.array([[36.8]]), t0=START_US + k * 10_000_000, number=k, scale=0.01)
        ._replace(interval_ns=0)
        for k in range(12)
    ]  # fmt: skip
    table = vitals(run(frames, []), Measure.TEMPERATURE, 5)
    assert table["value"][-1] == pytest.approx(36.8, abs=0.01)
    assert table["validity"][-1] == Validity.VALID


def test_readings_of_one_frame_count_each_in_its_second() -> None:
    readings = np.array([[36.0, 37.0, 38.0, 39.0]])
    one = frame(5, 5, 1, readings, t0=START_US, number=0, scale=0.01)
    frames = [
        one._replace(interval_ns=20_000_000_000),
        frame(5, 5, 1, np.array([[39.0]]), t0=START_US + 80_000_000, number=1, scale=0.01),
    ]
    table = vitals(run(frames, []), Measure.TEMPERATURE, 5)
    told = {(int(row["t"]) - START_US) // 1_000_000: float(row["value"]) for row in table}
    assert told[1] == pytest.approx(36.0)
    assert told[61] == pytest.approx(38.0)  # of the last minute
    assert told[81] == pytest.approx((38 + 39 + 39) / 3)


@pytest.mark.parametrize("wild", [1e30, 1e12, 1e-30, np.nan, 0.0])
def test_wild_values_give_no_number_and_harm_nobody_else(wild: float) -> None:
    mine = [one for one in WARD if one.device == 1]
    bad = [
        one._replace(device=8, format=4, samples=np.full(250, wild, "<f4").tobytes(), scale=1.0)
        for one in mine
    ]
    both = run(sorted(mine + bad, key=lambda one: one.received), [])
    alone = vitals(run(mine, []), Measure.HEART_RATE, 1)
    assert vitals(both, Measure.HEART_RATE, 1).tobytes() == alone.tobytes()
    told = vitals(both, Measure.HEART_RATE, 8)
    assert np.isnan(told["value"]).all()


def test_what_a_device_computed_is_passed_on_as_its_own() -> None:
    frames = [
        frame(6, 20, 1, np.array([[91.0 + k]]), t0=START_US + k * 5_000_000, number=k, scale=1.0)
        ._replace(interval_ns=0)
        for k in range(4)
    ]  # fmt: skip
    table = vitals(run(frames, []), Measure.SPO2, 6)
    assert table["value"].tolist() == [91, 92, 93, 94]
    assert ((table["t"] - START_US) // 1_000_000).tolist() == [1, 6, 11, 16]
    assert (table["method"] == Method.DEVICE).all()
    assert (table["flags"] == ValueFlag.DEVICE).all()
    assert (table["validity"] == Validity.VALID).all()


def test_an_uneven_rate_is_brought_to_a_whole_one() -> None:
    rate_hz = 1e9 / 8_197_000  # 121.99... per second
    beats = signals.beat_times(66, DURATION_S)
    signal = signals.ecg(beats, DURATION_S, 1220)[::10]
    frames = []
    for number, first in enumerate(range(0, len(signal) - 61, 61)):
        part = signal[None, first : first + 61]
        t0 = START_US + first * 8_197
        frames.append(frame(1, 1, rate_hz, part, t0=t0, number=number, scale=0.001))
    table = vitals(run(frames, []), Measure.HEART_RATE, 1)
    assert table["value"][-1] == pytest.approx(66, abs=2)


def test_a_revision_takes_back_beats_that_are_not_found_again() -> None:
    stored, found = np.zeros(3, BEAT), np.zeros(2, BEAT)
    stored["t"], stored["quality"], stored["kind"] = [10, 20, 30], 1, 1
    found["t"], found["quality"], found["kind"] = [10, 31], 1, 1
    gone = withdrawn(stored, found, revision=4)
    assert gone["t"].tolist() == [20, 30]
    assert not gone["quality"].any()
    assert (gone["revision"] == 4).all()
    inside = revised(found, start_us=11, end_us=40, revision=4)
    assert inside["t"].tolist() == [31]
    assert found["revision"].tolist() == [0, 0]


@pytest.mark.parametrize("delay_us", [1_200_000, 2_300_000])
def test_a_scan_that_comes_every_other_second_leaves_nothing_to_be_corrected(delay_us: int) -> None:
    """A reading stands for its own second: none is made up between two of them."""
    rng = np.random.default_rng(1)
    arrivals = []
    for second in range(0, 40, 2):
        received = START_US + second * 1_000_000 + delay_us + int(rng.integers(300_000))
        arrivals.append((received, [
            reading(1, Stream.WIFI_RSSI, 8, t0=START_US + second * 1_000_000, n=second),
            reading(1, Stream.HEADING, 1, t0=START_US + second * 1_000_000, n=second, part=1),
        ]))  # fmt: skip
    for tick in range(800):  # of another device: the lane's time goes on
        now_us = START_US + tick * 50_000
        arrivals.append((now_us, [reading(2, Stream.TEMPERATURE, 1, t0=now_us - 100_000, n=tick)]))
    lane = LaneSignals()
    late = []
    for received, frames in sorted(arrivals, key=lambda one: one[0]):
        lane.take(read([one._replace(received=received) for one in frames]))
        late += [one for one in lane.compute().late if one.device == 1]
    assert late == []


def reading(device: int, stream: int, channels: int, *, t0: int, n: int, part: int = 0) -> Frame:
    """One reading of all channels, as a frame of one sample."""
    return Frame(
        device=device, boot=9, n=n, part=part, stream=stream, t0=t0, interval_ns=0, received=t0,
        flags=0, channels=channels, format=3, place=0, scale=1.0, offset=0.0,
        samples=np.zeros((1, channels), "<i4").tobytes(),
    )  # fmt: skip
