"""The suite that every row of the table of estimators must pass.

One run of many rows costs little more than one of few: what differs between two checks are rows of
one array, not runs. That rows do not depend on each other is itself a check.
"""

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import pytest

from services.dsp.core.circumstances import Circumstances
from services.dsp.core.estimator import Estimator
from services.dsp.core.estimators import DEVICE_VALUES, ESTIMATORS, chains_for
from services.dsp.core.motion.posture import Posture
from services.dsp.core.outputs import Output
from services.dsp.core.position import whereabouts
from services.dsp.core.windows import MEMORY_S, join, put, take
from shared.contracts.measures import Measure
from shared.contracts.streams import Place, Stream
from tests.unit.services.dsp import bodies, halls, signals
from tests.unit.services.dsp.radar_scene import Scene, i_and_q
from tests.unit.services.dsp.signals import SECOND_US, START_S, Floats

DURATION_S = 150
N = 5
CHECKED_S = 30


NOTHING_TOLD = Circumstances()


class Case(NamedTuple):
    rate_hz: int
    samples: Floats  # (devices, channels, all samples)
    truth: dict[Measure, Floats]
    tolerance: dict[Measure, float]
    beside: tuple[Floats, ...] = ()  # of each companion, at its rate; empty: they are not there
    is_absolute: bool = False  # its unit is known: gain matters
    told_each_s: int = 1
    found: tuple[int, ...] = ()  # findings of each row
    circumstances: Circumstances = NOTHING_TOLD


def walks() -> Case:
    paces = np.array([0.9, 1.3, 1.7, 2.0, 2.3])[:N]
    made = [bodies.walk(pace, 25, seconds=DURATION_S, end_s=200, seed=k)
            for k, pace in enumerate(paces)]  # fmt: skip
    truth = {Measure.CADENCE: 60 * paces, Measure.STEPS: 5 * paces}
    tolerance = {Measure.CADENCE: 3.0, Measure.STEPS: 1.5}
    return Case(25, np.array(made), truth, tolerance, is_absolute=True, told_each_s=5)


def walks_of_known_bounce() -> Case:
    case = walks()
    of_sine = 2 / np.pi * 0.25 * 1.05  # the overtone adds a little
    truth = {Measure.ACTIVITY: np.full(N, of_sine), Measure.EFFORT: np.full(N, 3.0)}
    tolerance = {Measure.ACTIVITY: 0.02, Measure.EFFORT: 0.0}
    return case._replace(truth=truth, tolerance=tolerance)


def days_with_falls(*, hit: float = 1.0) -> Case:
    days = DURATION_S // bodies.DAY_S
    made = [
        np.concatenate(
            [bodies.day(25, hit=hit, seed=days * k + day) for day in range(days)], axis=1
        )
        for k in range(N)
    ]
    return Case(25, np.array(made), {}, {}, is_absolute=True, found=(days,) * N)


def changing_postures() -> Case:
    order = list(Posture)
    rows = [[order[(k + part) % len(order)] for part in range(DURATION_S // 10)] for k in range(N)]
    made = np.array([
        np.concatenate([bodies.stay(name, 10, seed=part) for part, name in enumerate(row)], axis=1)
        for row in rows
    ])  # fmt: skip
    truth = {Measure.POSTURE: np.array([float(row[-1]) for row in rows])}
    chest = np.repeat(made[:, :3], 3, axis=2)
    return Case(30, chest, truth, {Measure.POSTURE: 0.0}, (made[:, 3:],), is_absolute=True)


def forced_breaths() -> Case:
    peaks = np.array([8.0, 6.0, 10.0, 4.0, 12.0])[:N]
    made = []
    for k, pef in enumerate(peaks):
        flow = [bodies.session(seed=k + 9 * part, pef=pef) for part in range(7)]
        made.append(np.concatenate(flow)[None, -DURATION_S * bodies.FLOW_HZ :])
    fvc = peaks / bodies.PEF * bodies.FVC
    truth = {Measure.FVC: fvc, Measure.PEF: 60 * peaks}
    tolerance = {Measure.FVC: 0.1, Measure.PEF: 20.0}
    return Case(
        bodies.FLOW_HZ, np.array(made), truth, tolerance, is_absolute=True, told_each_s=10
    )  # fmt: skip


def scans_in_a_hall() -> Case:
    where = np.array([(3.0, 3.0), (20.0, 4.0), (8.0, 9.0), (16.0, 10.0), (22.0, 11.0)])[:N]
    dbm = np.full((N, whereabouts.CHANNELS, DURATION_S), np.nan)
    noise = np.random.default_rng(4).normal(0.0, 1.0, (N, len(halls.ACCESS_POINTS), DURATION_S))
    dbm[:, : len(halls.ACCESS_POINTS)] = halls.strengths(where)[:, :, None] + noise
    dbm[:, :, 1::2] = np.nan  # each 2 s
    heading = np.where(np.isnan(dbm[:, :1]), np.nan, 90.0)
    truth = {
        Measure.POSITION_X: where[:, 0],
        Measure.POSITION_Y: where[:, 1],
        Measure.ROOM: halls.room_of(where).astype(float),
    }
    tolerance = {Measure.POSITION_X: 2.5, Measure.POSITION_Y: 2.5, Measure.ROOM: 0.0}
    return Case(
        1, dbm, truth, tolerance, (heading,), is_absolute=True, told_each_s=2,
        circumstances=halls.circumstances(devices=8 * N),
    )  # fmt: skip


OF_BODIES: dict[str, Callable[[], Case]] = {
    "posture": changing_postures,
    "steps": walks,
    "chest_steps": walks,
    "waist_steps": walks,
    "activity": walks_of_known_bounce,
    "trunk_activity": walks_of_known_bounce,
    "falls_at_the_waist": days_with_falls,
    "falls_at_the_thigh": partial(days_with_falls, hit=0.4),  # pockets are soft
    "blows": forced_breaths,
    "whereabouts": scans_in_a_hall,
}


def case_of(estimator: Estimator) -> Case:
    if estimator.key in OF_BODIES:
        return OF_BODIES[estimator.key]()
    return _case(estimator.stream, estimator.n_channels, bool(estimator.companions))


@cache
def _case(stream: Stream, n_channels: int, accompanied: bool) -> Case:
    rates = np.array([62.0, 75.0, 48.0, 110.0, 90.0])[:N]
    beats = [signals.beat_times(rate, DURATION_S, seed=k) for k, rate in enumerate(rates)]
    if stream is Stream.ECG:
        made = [signals.ecg(b, DURATION_S, 250, seed=k)[None] for k, b in enumerate(beats)]
        made = [np.concatenate((lead, -0.6 * lead)[:n_channels]) for lead in made]
        return Case(250, np.array(made), {Measure.HEART_RATE: rates}, {Measure.HEART_RATE: 2.0})
    if stream is Stream.PPG:
        spo2 = np.array([97.0, 92.0, 88.0, 95.0, 84.0])[:N]
        made = [
            signals.ppg(b, DURATION_S, 100, spo2=s, seed=k)
            for k, (b, s) in enumerate(zip(beats, spo2, strict=True))
        ]
        truth = {Measure.PULSE_RATE: rates, Measure.SPO2: spo2}
        samples = np.array(made)[:, -n_channels:]
        still = np.random.default_rng(9).normal(0.0, 0.01, (N, 3, DURATION_S * 25))
        beside = (still,) if accompanied else ()
        return Case(100, samples, truth, {Measure.PULSE_RATE: 2.0, Measure.SPO2: 1.0}, beside)
    if stream is Stream.IMPEDANCE:
        rates = np.array([12.0, 18.0, 8.0, 25.0, 33.0])[:N]
        made = [signals.breathing(r, DURATION_S, 25, seed=k)[None] for k, r in enumerate(rates)]
        measure = Measure.RESPIRATION_RATE
        return Case(25, np.array(made), {measure: rates}, {measure: 0.5})
    if stream is Stream.RADAR_IQ:
        breaths = np.array([12.0, 18.0, 8.0, 25.0, 15.0])[:N]
        scenes = [
            Scene(breath_per_min=b, heart_per_min=h, seed=k)
            for k, (b, h) in enumerate(zip(breaths, rates, strict=True))
        ]
        truth = {Measure.RESPIRATION_RATE: breaths, Measure.HEART_RATE: rates}
        truth[Measure.PRESENCE] = np.ones(N)
        tolerance = {Measure.RESPIRATION_RATE: 1.0, Measure.HEART_RATE: 3.0, Measure.PRESENCE: 0.0}
        samples = np.array([i_and_q(scene, DURATION_S, 100) for scene in scenes])
        return Case(100, samples, truth, tolerance)
    if stream is Stream.ACCELEROMETER:
        rates = np.array([12.0, 18.0, 6.0, 25.0, 40.0])[:N]
        made = [signals.chest_tilt(r, DURATION_S, 25, seed=k) for k, r in enumerate(rates)]
        measure = Measure.RESPIRATION_RATE
        return Case(25, np.array(made), {measure: rates}, {measure: 0.3}, is_absolute=True)
    if stream in DEVICE_VALUES:
        told = np.asarray(
            np.arange(N * DURATION_S).reshape(N, 1, DURATION_S) % 7 + 20.0, np.float64
        )
        measure = DEVICE_VALUES[stream]
        return Case(1, told, {measure: told[:, 0, -1]}, {measure: 0.0})
    rng = np.random.default_rng(1)
    degrees = np.array([36.4, 37.0, 38.6, 35.9, 39.8])[:N]
    readings = degrees[:, None, None] + 0.05 * rng.standard_normal((N, 1, DURATION_S))
    return Case(1, readings, {Measure.TEMPERATURE: degrees}, {Measure.TEMPERATURE: 0.1})


def _narrowness(told: tuple[str, tuple[Estimator, Case]]) -> tuple[bool, bool, bool]:
    estimator, case = told[1]
    return estimator.memory_s == 0, case.rate_hz == 1, case.is_absolute


# Each list of keys below begins as the longer ones: so pytest brings the checks of a key together,
# and workers that divide them among themselves seldom make the same shared run.
CASES = dict(
    sorted({each.key: (each, case_of(each)) for each in ESTIMATORS}.items(), key=_narrowness)
)


def for_keys(keys: Iterable[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("key", list(keys), scope="module")


every = for_keys(CASES)
# What is chosen beside ours only compares: it does not know when it is wrong.
every_of_ours = for_keys(key for key, (estimator, _) in CASES.items() if not estimator.chosen)
every_waveform = for_keys(key for key, (_, case) in CASES.items() if case.rate_hz > 1)
every_waveform_of_ours = for_keys(
    key for key, (one, case) in CASES.items() if case.rate_hz > 1 and not one.chosen
)
every_of_any_unit = for_keys(
    key for key, (_, case) in CASES.items() if case.rate_hz > 1 and not case.is_absolute
)
every_that_remembers = for_keys(key for key, (estimator, _) in CASES.items() if estimator.memory_s)


BY_KEY = {estimator.key: estimator for estimator in ESTIMATORS}


def chain_of(estimator: Estimator) -> list[Estimator]:
    """An estimator behind those whose output it takes."""
    before = [] if estimator.after is None else chain_of(BY_KEY[estimator.after])
    return [*before, estimator]


def run(
    estimator: Estimator, samples: Floats, rate_hz: int, *, end: int = DURATION_S,
    beside: tuple[Floats, ...] = (), early_us: int = 0, begins: dict[int, slice] | None = None,
) -> list[Output]:  # fmt: skip
    """Outputs of each second; at the seconds of `begins` such rows begin anew."""
    chain = chain_of(estimator)
    circumstances = CASES[estimator.key][1].circumstances
    states = {one.key: one.init(len(samples), rate_hz) for one in chain}
    outputs = []
    for second in range(end):
        fresh = np.arange(len(samples))[(begins or {}).get(second, slice(0))]
        block = samples[:, :, second * rate_hz : (second + 1) * rate_hz]
        times = np.full(len(samples), (START_S + second) * SECOND_US - early_us)
        given: dict[str, Output] = {}
        for one in chain:
            if len(fresh):
                put(states[one.key], fresh, one.init(len(fresh), rate_hz))
            taken: Any = block[:, 0] if one.n_channels == 1 else block[:, : one.n_channels]
            taken = taken.copy()
            if one.companions:
                taken = (taken, *companion_seconds(one, rate_hz, beside, second, len(samples)))
            earlier = () if one.after is None else (given[one.after],)
            told = (
                ()
                if one.circumstance is None
                else (one.circumstance(circumstances), np.arange(len(samples), dtype=np.int32))
            )
            states[one.key], given[one.key] = one.step(
                states[one.key], taken, times, *earlier, *told
            )
        outputs.append(given[estimator.key])
    return outputs


def companion_seconds(
    estimator: Estimator, rate_hz: int, beside: tuple[Floats, ...], second: int, rows: int
) -> list[Floats]:
    """One second of each companion; NaN where a case has none."""
    seconds = []
    for place, companion in enumerate(estimator.companions):
        hz = companion.rate_hz or rate_hz
        if beside:
            seconds.append(beside[place][:rows, :, second * hz : (second + 1) * hz].copy())
        else:
            seconds.append(np.full((rows, companion.n_channels, hz), np.nan))
    return seconds


def numbers(output: Output, row: int) -> list[Any]:
    """All that an output says of one row, exactly."""
    told: list[Any] = []
    for reading in output.readings:
        told += [
            reading.measure, reading.value[row].tobytes(), reading.quality[row].tobytes(),
            reading.coverage[row].tobytes(),
        ]  # fmt: skip
    if output.beats is not None:
        mine = output.beats.row == row
        for column in output.beats[2:]:
            if column is not None:
                told.append(np.asarray(column)[mine].tobytes())
    told += [finding._replace(row=0) for finding in output.findings if finding.row == row]
    return told


HOLE_S = slice(100, 103)
# Rows of the run that most checks share: the same devices in several circumstances.
PLAIN, TURNED, SCALED, HOLED, NOISE, NOTHING = (slice(N * k, N * (k + 1)) for k in range(6))
GAIN = 256.0


@cache
def shared_run(key: str) -> list[Output]:
    """`DURATION_S` of every circumstance; companions only come with what is plain."""
    estimator, case = CASES[key]
    samples, rate_hz = case.samples, case.rate_hz
    holed = samples.copy()
    holed[:, :, HOLE_S.start * rate_hz : HOLE_S.stop * rate_hz] = np.nan
    noise = 1000 + np.random.default_rng(3).standard_normal(samples.shape)
    nothing = np.full_like(samples, np.nan)
    rows = (samples, samples[::-1], samples * GAIN, holed, noise, nothing)
    beside = tuple(
        np.concatenate((one, one[::-1], *[np.full_like(one, np.nan)] * (len(rows) - 2)))
        for one in case.beside
    )
    return run(estimator, np.concatenate(rows), rate_hz, beside=beside)


@every_of_ours
def test_finds_the_truth_with_good_quality(key: str) -> None:
    _, case = CASES[key]
    outputs = shared_run(key)
    (newest,) = [
        output
        for output in outputs[-case.told_each_s :]
        if not output.readings or output.readings[0].coverage[PLAIN].all()
    ]
    for reading in newest.readings:
        if reading.measure not in case.truth:
            continue
        error = np.abs(reading.value[PLAIN] - case.truth[reading.measure])
        assert error.max() <= case.tolerance[reading.measure], (reading, case.truth)
        assert reading.quality[PLAIN].min() >= 0.7
    if case.found:
        rows = [finding.row for output in outputs for finding in output.findings]
        assert np.bincount(rows, minlength=N)[PLAIN].tolist() == list(case.found)


def lasting(case: Case, seconds: int, *, rows: int = 2) -> Case:
    """The first rows of a case, repeated until they last so long."""

    def repeated(samples: Floats, rate_hz: int) -> Floats:
        times = -(-seconds * rate_hz // samples.shape[2])
        return np.tile(samples[:rows], (1, 1, times))[:, :, : seconds * rate_hz]

    beside = tuple(repeated(one, one.shape[2] // DURATION_S) for one in case.beside)
    return case._replace(samples=repeated(case.samples, case.rate_hz), beside=beside)


@every
def test_forgets_all_that_is_older_than_its_memory(key: str) -> None:
    """Whatever was before, and with nothing before: the same bits, as in a replay after a restart.

    In clean signals and in wild ones.
    """
    estimator, case = CASES[key]
    assert estimator.memory_s <= MEMORY_S
    begin = 51
    first_same = begin + estimator.memory_s
    end = first_same + CHECKED_S
    part = lasting(case, end, rows=3)
    rng = np.random.default_rng(5)
    wild = part.samples + np.cumsum(rng.standard_t(2, part.samples.shape), axis=2) * 0.01
    wild[0, :, 60 * case.rate_hz : 66 * case.rate_hz] = np.nan
    wild[1, :, ::7] = np.nan
    wild[2] *= 1e4
    samples = np.concatenate((part.samples[:2], wild))
    n = len(samples)
    other_past = samples.copy()
    before = slice(0, begin * case.rate_hz)
    other_past[:, :, before] = 3 * samples[::-1, :, before] + rng.normal(
        0.0, samples[0].std(), samples[:, :, before].shape
    )
    beside = tuple(np.concatenate([one[:2], one] * 3) for one in part.beside)
    outputs = run(
        estimator, np.concatenate((samples, other_past, samples)), case.rate_hz,
        beside=beside, end=end, begins={begin: slice(2 * n, 3 * n)},
    )  # fmt: skip
    for second, output in enumerate(outputs[first_same:], first_same):
        for row in range(n):
            expected = numbers(output, row)
            assert numbers(output, n + row) == expected, (second, "another past")
            assert numbers(output, 2 * n + row) == expected, (second, "no past")


@every
def test_a_row_does_not_depend_on_the_rows_beside_it(key: str) -> None:
    estimator, case = CASES[key]
    end, few = 45, [N - 1, 0, 2]
    crowd = shared_run(key)
    beside = tuple(one[:1] for one in case.beside)
    alone = run(estimator, case.samples[:1], case.rate_hz, end=end, beside=beside)
    beside = tuple(one[few] for one in case.beside)
    together = run(estimator, case.samples[few], case.rate_hz, end=end, beside=beside)
    for second in range(end):
        plain = [numbers(crowd[second], row) for row in range(N)]
        turned = [numbers(crowd[second], TURNED.start + row) for row in range(N)]
        assert turned[::-1] == plain, second
        assert numbers(alone[second], 0) == plain[0], second
        for place, row in enumerate(few):
            assert numbers(together[second], place) == plain[row], second


@every_waveform
def test_seconds_are_the_same_where_the_first_sample_is_a_little_early(key: str) -> None:
    """A clock is early by up to half a sample: hops still fall where they did."""
    estimator, case = CASES[key]
    two = [one[:2] for one in (case.samples, *case.beside)]
    plain, early = (
        run(estimator, two[0], case.rate_hz, beside=tuple(two[1:]), end=60, early_us=early_us)
        for early_us in (0, 400)
    )
    for one, other in zip(plain, early, strict=True):
        for reading, again in zip(one.readings, other.readings, strict=True):
            np.testing.assert_allclose(reading.value, again.value, rtol=1e-3)
            np.testing.assert_array_equal(reading.coverage, again.coverage)


@every
def test_a_state_can_be_taken_apart_and_joined(key: str) -> None:
    estimator, case = CASES[key]
    state = estimator.init(N, case.rate_hz)
    rows = [take(state, np.array([row])) for row in range(N)]
    _equal(join(rows), state)


@every
def test_silence_leaves_what_a_begin_is(key: str) -> None:
    """A run that begins within a hole gives the same as one that saw what was before it."""
    estimator, case = CASES[key]
    silences = (3, 47)
    end = silences[-1] + CHECKED_S
    part = lasting(case, end)
    n, sets, begins = len(part.samples), [], {}
    for place, silence in enumerate(silences):
        samples = part.samples.copy()
        samples[:, :, : silence * case.rate_hz] = np.nan
        sets += [samples, samples]
        begins[silence] = slice((2 * place + 1) * n, (2 * place + 2) * n)
    beside = tuple(np.concatenate([one] * len(sets)) for one in part.beside)
    outputs = run(
        estimator, np.concatenate(sets), case.rate_hz, beside=beside, end=end, begins=begins
    )
    for silence, rows in begins.items():
        for second in range(silence, end):
            for row in range(rows.start, rows.stop):
                again = numbers(outputs[second], row)
                assert numbers(outputs[second], row - n) == again, (silence, second)


def _equal(one: Any, other: Any) -> None:
    assert is_dataclass(one)
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
        else:
            _equal(a, b)


@every
def test_says_nothing_when_nothing_comes(key: str) -> None:
    for output in shared_run(key):
        for reading in output.readings:
            assert np.isnan(reading.value[NOTHING]).all()
            assert not reading.quality[NOTHING].any()
            assert not reading.coverage[NOTHING].any()
        assert output.beats is None or not (output.beats.row >= NOTHING.start).any()


@every_waveform_of_ours
def test_noise_alone_gets_no_trust(key: str) -> None:
    for reading in shared_run(key)[79].readings:
        if reading.measure is Measure.PRESENCE:  # that nobody is there may be sure
            assert not (reading.value[NOISE] == 1).any()
            continue
        assert np.median(reading.quality[NOISE]) < 0.5, reading


@every_of_any_unit
def test_unit_and_gain_do_not_matter(key: str) -> None:
    # Of what has companions, those with none: theirs is another unit.
    estimator, case = CASES[key]
    scaled = shared_run(key)[99]
    plain = run(estimator, case.samples, case.rate_hz, end=100)[-1] if case.beside else scaled
    for one, other in zip(plain.readings, scaled.readings, strict=True):
        np.testing.assert_allclose(one.value[PLAIN], other.value[SCALED], atol=0.01)
        np.testing.assert_allclose(one.quality[PLAIN], other.quality[SCALED], atol=0.02)


@every_that_remembers
def test_values_stay_right_beside_a_hole(key: str) -> None:
    _, case = CASES[key]
    for output in shared_run(key)[100:130]:
        for reading in output.readings:
            if reading.measure not in case.truth:
                continue
            error = np.abs(reading.value[HOLED] - case.truth[reading.measure])
            trusted = reading.quality[HOLED] > 0.6
            assert (error[trusted] <= 2.5 * case.tolerance[reading.measure]).all()


def test_the_table_prefers_the_estimator_that_uses_more_channels() -> None:
    (both,) = chains_for(Stream.PPG, 2, 100)
    (one,) = chains_for(Stream.PPG, 1, 100)
    assert both[0].key == "oximetry"
    assert one[0].key == "pulse"
    for channels, keys in (
        (2, ["pulse_in_motion", "worn_oximetry"]),
        (1, ["pulse_of_one_light_in_motion", "worn_pulse"]),
    ):
        alone, beside = sorted(
            chains_for(Stream.PPG, channels, 100, Place.WRIST),
            key=lambda one: bool(one[0].companions),
        )
        assert [each.key for each in beside] == keys
        assert not {"oximetry", "pulse"} & {each.key for each in alone}
    assert [each.key for each in chains_for(Stream.ECG, 2, 250)[0]][:2] == [
        "ecg_two_leads", "ecg_classes",
    ]  # fmt: skip
    assert chains_for(Stream.GYROSCOPE, 3, 100) == ()
    assert chains_for(Stream.ECG, 1, 20) == ()
