"""Good signals for every row of the table of estimators, with what is true of them.

A scene is some people alike: what a device of each sends, and the right value of each measure at
every second. Made scenes are there always; recorded ones where recordings lie beside the
repository. The robustness page disturbs them, the test of cuts cuts them anyhow.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.circumstances import Circumstances, nothing_told
from services.dsp.core.estimator import Estimator
from services.dsp.core.estimators import DEVICE_VALUES, ESTIMATORS, chains_for
from services.dsp.core.motion.posture import Posture
from services.dsp.core.position.fingerprints import fingerprint_map
from services.dsp.core.position.places import FloorMap, PlaceMaps
from shared.contracts.measures import Measure
from shared.contracts.processing import WITH_PUBLISHED_RADAR
from shared.contracts.streams import Place, Stream
from tests.unit.services.dsp import bodies, signals
from tests.unit.services.dsp.radar_scene import Scene as RadarScene
from tests.unit.services.dsp.radar_scene import i_and_q

Floats = NDArray[np.float64]
SPARE = 1.06  # so much longer than asked for: a clock that is wrong takes more
NEVER_WRONG = frozenset({Measure.POSITION})  # how far off a place may be
HEART_RATES = (62.0, 75.0, 48.0, 110.0, 92.0, 140.0)
MOST_DEVICES = 4_096  # of a run
TWICE = frozenset({Measure.STEPS, Measure.CADENCE})
BREATH_RATES = (12.0, 18.0, 9.0, 24.0, 15.0, 30.0)
SATURATIONS = (97.0, 92.0, 88.0, 95.0, 84.0, 90.0)


class Sent(NamedTuple):
    """One stream of a device of each person: `samples` is (people, channels, n)."""

    stream: Stream
    place: Place
    rate_hz: int
    samples: Floats


class Scene(NamedTuple):
    """People of whom something is known.

    Attributes
    ----------
    truth : by measure, (people,) or (people, seconds): [k] of the time that ends at second k;
        NaN where it is not known. What is not named is compared with the undisturbed run
    beside : the companions of `main`
    swapped : what `main` would be with its leads exchanged
    circumstances : what people told
    left_out : measures that are told of a companion too
    flags : of its frames, what its model chooses
    """

    name: str
    main: Sent
    truth: dict[Measure, Floats]
    beside: tuple[Sent, ...] = ()
    swapped: Floats | None = None
    circumstances: Callable[[], Circumstances] = nothing_told
    left_out: frozenset[Measure] = frozenset()
    flags: int = 0

    @property
    def judged(self) -> frozenset[Measure]:
        """What the main stream's estimators tell and may be wrong in."""
        told = {measure for each in estimators_of(self) for measure in each.measures}
        return frozenset(told - self.left_out - NEVER_WRONG)


def estimators_of(scene: Scene) -> list[Estimator]:
    """What runs on the main stream of a scene."""
    main = scene.main
    channels = main.samples.shape[1]
    chains = chains_for(main.stream, channels, main.rate_hz, main.place, scene.flags)
    return [each for chain in chains for each in chain]


def without_a_scene(scenes: list[Scene]) -> set[str]:
    """Keys of the rows of the table that no scene runs with all that they take."""
    missing = set()
    for estimator in ESTIMATORS:
        own = [scene for scene in scenes if estimator in estimators_of(scene)]
        if not any(len(scene.beside) >= len(estimator.companions) for scene in own):
            missing.add(estimator.key)
    return missing


def some_people(scene: Scene, most: int) -> Scene:
    """So many of the people of a scene, from all over it."""
    n = len(scene.main.samples)
    some = np.linspace(0, n - 1, min(most, n)).astype(np.intp)

    def of(sent: Sent) -> Sent:
        return sent._replace(samples=sent.samples[some])

    return scene._replace(
        main=of(scene.main),
        beside=tuple(of(each) for each in scene.beside),
        truth={measure: truth[some] for measure, truth in scene.truth.items()},
        swapped=None if scene.swapped is None else scene.swapped[some],
    )


def made_scenes(seconds: int, people: int = 4) -> list[Scene]:
    """A made scene for each row of the table."""
    return [
        *_hearts(seconds, people),
        *_lights(seconds, people),
        _chests(seconds, people),
        _lying(seconds, people),
        _postures(seconds, people),
        *_walks(seconds, people),
        *_falls(seconds, people),
        _blows(seconds, people),
        radars(seconds, people),
        _temperatures(seconds, people),
        _places(seconds, people),
        *_of_devices(seconds, people),
    ]


def _spare(seconds: int) -> int:
    return int(np.ceil(seconds * SPARE)) + 1


def _beats(person: int, seconds: int) -> Floats:
    """Beats whose intervals follow the breath by 3 %, beside their own 3 %."""
    beats = signals.beat_times(HEART_RATES[person], seconds, seed=person)
    hz = BREATH_RATES[person] / 60
    # an interval changes by the slope of this shift: 3 % at the rate of the breath
    shifted: Floats = beats + 0.03 / (2 * np.pi * hz) * np.sin(2 * np.pi * hz * beats)
    return shifted


def _hearts(seconds: int, people: int) -> list[Scene]:
    rate_hz, n_seconds = 250, _spare(seconds)
    t = np.arange(n_seconds * rate_hz) / rate_hz
    rows = []
    for person in range(people):
        plain = signals.ecg(_beats(person, n_seconds), n_seconds, rate_hz, seed=person)
        rows.append(plain * (1 + 0.1 * np.sin(2 * np.pi * BREATH_RATES[person] / 60 * t)))
    first = np.array(rows)
    noise = np.random.default_rng(8).normal(0.0, 0.02, first.shape)
    second = 0.6 * np.roll(first, 2, axis=1) + noise
    truth = {
        Measure.HEART_RATE: np.array(HEART_RATES[:people]),
        Measure.RESPIRATION_RATE: np.array(BREATH_RATES[:people]),
    }
    one = Sent(Stream.ECG, Place.NONE, rate_hz, first[:, None])
    both = Sent(Stream.ECG, Place.NONE, rate_hz, np.stack((first, second), axis=1))
    # where the electrodes of the arms are exchanged lead I stands on its head
    return [
        Scene("ECG", one, truth, swapped=-first[:, None]),
        Scene("ECG, two leads", both, truth),
    ]


def light(person: int, seconds: int, rate_hz: int) -> Floats:
    """Red and infrared of somebody whose breath is in height, level and rhythm of the pulses."""
    rng = np.random.default_rng(person)
    t = np.arange(seconds * rate_hz) / rate_hz
    pulse = np.zeros(len(t))
    for beat in _beats(person, seconds) + 0.2:
        near = slice(max(0, int((beat - 0.2) * rate_hz)), int((beat + 1.2) * rate_hz))
        later = t[near] - beat
        pulse[near] += np.exp(-0.5 * ((later - 0.15) / 0.07) ** 2)
        pulse[near] += 0.35 * np.exp(-0.5 * ((later - 0.42) / 0.1) ** 2)
    a, b, c = -45.060, 30.354, 94.845 - SATURATIONS[person]  # maxim_quadratic, solved
    ratio = (-b - np.sqrt(b * b - 4 * a * c)) / (2 * a)
    breath = np.sin(2 * np.pi * BREATH_RATES[person] / 60 * t)
    pulse *= 1 + 0.15 * breath
    infrared = 100_000 * (1 - 0.012 * pulse) + 20 * rng.standard_normal(len(t))
    red = 80_000 * (1 - 0.012 * ratio * pulse) + 16 * rng.standard_normal(len(t))
    return np.stack((red, infrared)) * (1 + 0.002 * breath)


def _lights(seconds: int, people: int) -> list[Scene]:
    rate_hz, n_seconds = 100, _spare(seconds)
    both = np.array([light(person, n_seconds, rate_hz) for person in range(people)])
    truth = {
        Measure.PULSE_RATE: np.array(HEART_RATES[:people]),
        Measure.SPO2: np.array(SATURATIONS[:people]),
        Measure.RESPIRATION_RATE: np.array(BREATH_RATES[:people]),
    }
    rng = np.random.default_rng(5)
    still = np.array([0.2, 0.5, 0.8])[:, None] + rng.normal(0.0, 0.01, (people, 3, n_seconds * 25))
    jolts = Sent(Stream.ACCELEROMETER, Place.WRIST, 25, still)
    scenes = []
    for place, where, beside in (
        (Place.FINGER, "finger", ()),
        (Place.WRIST, "wrist, with accelerometer", (jolts,)),
    ):
        two, one = (Sent(Stream.PPG, place, rate_hz, both[:, first:]) for first in (0, 1))
        scenes += [
            Scene(f"two lights, {where}", two, truth, beside),
            Scene(f"one light, {where}", one, truth, beside),
        ]
    return scenes


def _chests(seconds: int, people: int) -> Scene:
    rows = [
        signals.breathing(BREATH_RATES[person], _spare(seconds), 25, seed=person)
        for person in range(people)
    ]
    truth = {Measure.RESPIRATION_RATE: np.array(BREATH_RATES[:people])}
    main = Sent(Stream.IMPEDANCE, Place.NONE, 25, np.array(rows)[:, None])
    return Scene("impedance", main, truth)


def _lying(seconds: int, people: int) -> Scene:
    rows = [
        signals.chest_tilt(BREATH_RATES[person], _spare(seconds), 25, seed=person)
        for person in range(people)
    ]
    truth = {Measure.RESPIRATION_RATE: np.array(BREATH_RATES[:people])}
    main = Sent(Stream.ACCELEROMETER, Place.CHEST, 25, np.array(rows))
    return Scene("chest, lying", main, truth)


def _postures(seconds: int, people: int) -> Scene:
    """A posture for 20 s, then the next; unknown in the two seconds of the change."""
    order, n_seconds, each_s = list(Posture), _spare(seconds), 20
    rows, truth = [], np.full((people, n_seconds + 1), np.nan)
    for person in range(people):
        parts = []
        for part in range(-(-n_seconds // each_s)):
            posture = order[(2 * person + part) % len(order)]
            parts.append(bodies.stay(posture, each_s, rate_hz=10, seed=part))
            truth[person, part * each_s + 3 : (part + 1) * each_s + 1] = float(posture)
        rows.append(np.concatenate(parts, axis=1)[:, : n_seconds * 10])
    both = np.array(rows)
    chest = Sent(Stream.ACCELEROMETER, Place.CHEST, 30, np.repeat(both[:, :3], 3, axis=2))
    thigh = Sent(Stream.ACCELEROMETER, Place.THIGH, 10, both[:, 3:])
    known = {Measure.POSTURE: truth}
    return Scene("chest and thigh, postures", chest, known, (thigh,), left_out=TWICE)


def _walks(seconds: int, people: int) -> list[Scene]:
    paces = np.array([1.6, 1.9, 1.3, 2.2, 1.8, 2.6])[:people]
    n_seconds = _spare(seconds)
    rows = np.array([
        bodies.walk(pace, 25, seconds=n_seconds, end_s=n_seconds, seed=person)
        for person, pace in enumerate(paces)
    ])  # fmt: skip
    truth = {Measure.CADENCE: 60 * paces, Measure.STEPS: 5 * paces}
    thigh = Sent(Stream.ACCELEROMETER, Place.THIGH, 25, rows)
    return [
        Scene(
            f"{place.name.lower()}, walking",
            Sent(Stream.ACCELEROMETER, place, 25, rows),
            truth,
            (thigh,) if place is Place.CHEST else (),
        )
        for place in (Place.CHEST, Place.WRIST, Place.WAIST)
    ]


def _falls(seconds: int, people: int) -> list[Scene]:
    days = -(-_spare(seconds) // bodies.DAY_S)
    scenes = []
    for place, hit in ((Place.WAIST, 1.0), (Place.THIGH, 0.4)):  # pockets are soft
        rows = [
            np.concatenate(
                [bodies.day(25, hit=hit, seed=days * person + day) for day in range(days)], axis=1
            )
            for person in range(people)
        ]
        main = Sent(Stream.ACCELEROMETER, place, 25, np.array(rows))
        scenes.append(Scene(f"{place.name.lower()}, falls", main, {}))
    return scenes


def _blows(seconds: int, people: int) -> Scene:
    peaks = np.array([8.0, 6.0, 10.0, 4.0, 9.0, 5.0])[:people]
    n = _spare(seconds) * bodies.FLOW_HZ
    one_s = len(bodies.session()) // bodies.FLOW_HZ
    rows = []
    for person, pef in enumerate(peaks):
        parts = -(-_spare(seconds) // one_s)
        flow = [bodies.session(seed=person + 9 * part, pef=float(pef)) for part in range(parts)]
        rows.append(np.concatenate(flow)[None, :n])
    truth = {Measure.FVC: peaks / bodies.PEF * bodies.FVC, Measure.PEF: 60 * peaks}
    main = Sent(Stream.FLOW, Place.NONE, bodies.FLOW_HZ, np.array(rows))
    return Scene("flow", main, truth)


def radars(seconds: int, people: int) -> Scene:
    """Chests before a radar, of any number: from the seventh on at other rates and distances."""
    rng = np.random.default_rng(4)
    hearts = np.concatenate((HEART_RATES, rng.uniform(45, 120, max(people - 6, 0))))[:people]
    breaths = np.concatenate((BREATH_RATES, rng.uniform(7, 28, max(people - 6, 0))))[:people]
    noise = np.concatenate((np.full(6, 0.003), rng.uniform(0.003, 0.05, max(people - 6, 0))))
    rows = [
        i_and_q(
            RadarScene(
                breath_per_min=breaths[person],
                heart_per_min=hearts[person],
                noise_v=noise[person],
                seed=person,
            ),
            _spare(seconds),
            100,
        )
        for person in range(people)
    ]
    truth = {
        Measure.HEART_RATE: hearts,
        Measure.RESPIRATION_RATE: breaths,
        Measure.PRESENCE: np.ones(people),
        Measure.BREATHING_SEEN: np.ones(people),
        Measure.FAST_BREATHING: np.where(np.abs(breaths - 30) < 2, np.nan, breaths > 30),
        Measure.PULSE_SEEN: np.ones(people),
    }
    main = Sent(Stream.RADAR_IQ, Place.NONE, 100, np.array(rows))
    return Scene("radar", main, truth, flags=WITH_PUBLISHED_RADAR)


def _temperatures(seconds: int, people: int) -> Scene:
    degrees = np.array([36.4, 37.0, 38.6, 35.9, 39.8, 36.8])[:people]
    noise = np.random.default_rng(1).normal(0.0, 0.05, (people, 1, _spare(seconds)))
    main = Sent(Stream.TEMPERATURE, Place.NONE, 1, np.asarray(degrees[:, None, None] + noise))
    return Scene("temperature", main, {Measure.TEMPERATURE: degrees})


def _places(seconds: int, people: int) -> Scene:
    """People who stand in rooms of 6 m where eight access points are heard."""
    rng = np.random.default_rng(2)
    points = rng.uniform(0, 24, (8, 2))
    x, y = np.meshgrid(np.arange(1.0, 24, 2), np.arange(1.0, 24, 2))
    measured = np.stack((x.ravel(), y.ravel()), axis=1)
    rooms = 1 + (measured[:, 0] // 6).astype(np.int64) + 4 * (measured[:, 1] // 6).astype(np.int64)
    names = tuple(f"point {number}" for number in range(len(points)))
    known = FloorMap(
        1,
        0,
        np.iinfo(np.int64).max,
        names,
        fingerprint_map(_heard(points, measured), measured, rooms),
    )
    stood = measured[rng.choice(len(measured), people, replace=False)] + 0.4
    strengths = _heard(points, stood)[:, :, None] + rng.normal(
        0.0, 3.0, (people, len(points), _spare(seconds))
    )
    heading = rng.normal(0.0, 5.0, (people, 1, _spare(seconds)))
    truth = {
        Measure.POSITION_X: stood[:, 0],
        Measure.POSITION_Y: stood[:, 1],
        Measure.ROOM: 1 + stood[:, 0] // 6 + 4 * (stood[:, 1] // 6),
    }
    told = Circumstances(maps=PlaceMaps([known], dict.fromkeys(range(MOST_DEVICES), names)))
    return Scene(
        "scans of WiFi",
        Sent(Stream.WIFI_RSSI, Place.NONE, 1, strengths),
        truth,
        (Sent(Stream.HEADING, Place.NONE, 1, heading),),
        circumstances=lambda: told,
    )


def _heard(points: Floats, at: Floats) -> Floats:
    """Strength in dBm of each point at each place: 30 dB a decade of distance."""
    far = np.sqrt(((at[:, None] - points[None]) ** 2).sum(axis=2))
    strength: Floats = np.clip(-35 - 30 * np.log10(np.maximum(far, 1.0)), -95, -20)
    return strength


def _of_devices(seconds: int, people: int) -> Iterator[Scene]:
    for stream, measure in DEVICE_VALUES.items():
        n = people * _spare(seconds)
        told = np.asarray(np.arange(n) % 7 + 50.0, np.float64).reshape(people, 1, -1)
        if measure not in (Measure.SPO2, Measure.PULSE_RATE, Measure.RESPIRATION_RATE):
            told = told / 10
        first = np.full((people, 1), np.nan)
        truth = np.concatenate((first, told[:, 0]), axis=1)  # [k]: the second that ends at k
        main = Sent(stream, Place.NONE, 1, told)
        yield Scene(f"device: {stream.name.lower()}", main, {measure: truth})
