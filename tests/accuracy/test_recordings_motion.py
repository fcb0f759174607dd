"""Floors of motion, position and lungs on reference recordings, where they lie beside."""

from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import decimate

from services.dsp.core.motion import fall_learning, falls, steps
from services.dsp.core.motion.fall_network import probability
from services.dsp.core.motion.posture import Posture
from services.dsp.core.position import fingerprints
from services.dsp.core.spirometry.blow import measure
from services.dsp.scorers.motion import posture
from shared.contracts.measures import Measure
from tests.accuracy.recordings import DATA, needed

Floats = Any
pytestmark = [pytest.mark.slow]


def test_places(floors: dict[str, Any]) -> None:
    wanted = floors["sod_wifi"]
    with np.load(needed(DATA / "sod-wifi") / "SYL.npz") as archive:
        known = {key: archive[key] for key in archive.files}
    dbm = {part: known[f"{part}_dbm"].astype(float) for part in ("map", "test")}
    for values in dbm.values():
        values[values == 0] = np.nan
    unseen = known["test_to_nearest_map_m"] > 0.05
    rooms = known["map_room"].astype(np.int64)
    places = fingerprints.fingerprint_map(dbm["map"], known["map_xy_m"].astype(float), rooms)
    fixes = fingerprints.locate(places, dbm["test"][unseen])
    off = fixes.xy_m - known["test_xy_m"][unseen]
    assert np.sqrt((off**2).sum(axis=1)).mean() <= wanted["error_m_most"]
    right = 100 * (fixes.room == known["test_room"][unseen]).mean()
    assert right >= wanted["room_percent_least"]


def test_blows(floors: dict[str, Any]) -> None:
    with np.load(needed(DATA / "ats-waveforms") / "flow-time-26.npz") as archive:
        known = {key: archive[key] for key in archive.files}
    errors = []
    for k, flow in enumerate(known["flow_mls"]):
        blow = measure(np.concatenate((flow / 1000, np.zeros(500))), 500)
        assert blow is not None, known["number"][k]
        pairs = ((blow.fvc, "fvc_l"), (blow.fev1, "fev1_l"), (blow.pef, "pef_ls"))
        errors.append([100 * abs(value / known[name][k] - 1) for value, name in pairs])
    fvc, fev1, pef = np.mean(errors, axis=0)
    assert fvc <= floors["ats"]["fvc_error_percent_most"]
    assert fev1 <= floors["ats"]["fev1_error_percent_most"]
    assert pef <= floors["ats"]["pef_error_percent_most"]


def counted(acc: Floats, rate_hz: int) -> int:
    """Steps of one recording (n, 3)."""
    state, total = steps.init(1, rate_hz), 0
    for second in range(len(acc) // rate_hz + steps.WAIT_S + 2):
        block = np.full((1, 3, rate_hz), np.nan)
        part = acc[second * rate_hz : (second + 1) * rate_hz]
        block[0, :, : len(part)] = part.T
        state, told = steps.advance(state, block)
        total += int(told.now.sum())
    return total


@pytest.mark.parametrize("name", ["oxford-steps", "back-steps"])
def test_walks(name: str, floors: dict[str, Any]) -> None:
    files: list[Path] = sorted(needed(DATA / name).glob("*.npz"))
    right = []
    for file in files:
        with np.load(file) as archive:
            acc = archive["acc"] * float(archive["g_per_count"])
            true, rate_hz = int(archive["steps"]), int(archive["fs"])
        right.append(100 * (1 - abs(counted(acc, rate_hz) - true) / true))
    assert np.mean(right) >= floors["steps"][f"{name.partition('-')[0]}_percent_least"]


def test_walking_speed(floors: dict[str, Any]) -> None:
    """Walks of twice 10 m: the distance over the time from the first to the last counted step.

    Less the time for which somebody stood between the two ways. The marks of half of these walks
    run ahead of their signal (docs/science/motion.md), so the steps are ours.
    """
    errors = []
    for file in sorted(needed(DATA / "back-steps").glob("*.npz")):
        with np.load(file) as archive:
            acc = archive["acc"] * float(archive["g_per_count"])
            rate_hz = int(archive["fs"])
        times, speeds = walked(acc, rate_hz)
        stood = sum(gap - 1 for gap in np.diff(times) if gap > 2)
        errors.append(float(np.mean(speeds)) / (20 / (times[-1] - times[0] - stood)) - 1)
    wanted = floors["walking_speed"]
    assert np.mean(np.abs(errors)) <= wanted["mean_error_most"]
    assert abs(np.mean(errors)) <= wanted["bias_most"]
    assert np.max(np.abs(errors)) <= wanted["worst_error_most"]


def walked(acc: Floats, rate_hz: int) -> tuple[Floats, list[float]]:
    """Times of the steps of one recording (n, 3), and the speeds that are good enough to tell."""
    states = [steps.init(1, rate_hz)] * 2
    times, speeds = [], []
    for second in range(len(acc) // rate_hz + steps.WAIT_S + 2):
        block = np.full((1, 3, rate_hz), np.nan)
        part = acc[second * rate_hz : (second + 1) * rate_hz]
        block[0, :, : len(part)] = part.T
        states[0], told = steps.advance(states[0], block)
        times += [second + k / steps.GRID_HZ for k in np.flatnonzero(told.now[0])]
        states[1], out = steps.step(
            states[1],
            block,
            np.array([second * 1_000_000]),
            speed_quality=steps.WAIST_SPEED_QUALITY,
        )
        speeds += [
            float(each.value[0])
            for each in out.readings
            if each.measure is Measure.WALKING_SPEED and each.quality[0] > 0.5
        ]
    return np.array(times), speeds


LYING = {Posture.LYING_BACK, Posture.LYING_FRONT, Posture.LYING_LEFT, Posture.LYING_RIGHT}
MUST_BE = {
    "Walking": Posture.STANDING,
    "Bending": Posture.BENDING,
    "Sitting_GettingUpOnAChair": Posture.SITTING,
    "LyingDown_OnABed": Posture.LYING_BACK,
}
NEVER = {
    "Walking": set(Posture) - {Posture.STANDING},
    "Bending": LYING,
    "Sitting_GettingUpOnAChair": LYING,
    "LyingDown_OnABed": {Posture.LYING_FRONT},
}
CHEST_AND_THIGH = [f"{place}_{axis}" for place in ("chest", "thigh") for axis in "xyz"]


def longest(seen: list[Any], wanted: Posture) -> int:
    """Moments in a row."""
    return max((len(list(row)) for each, row in groupby(seen) if each == wanted), default=0)


def test_postures_of_real_people(floors: dict[str, Any]) -> None:
    """Of each trial only the activity is known: what must be seen for 0.5 s, what never for 1 s."""
    with np.load(needed(DATA / "umafall-posture") / "chest-thigh.npz") as archive:
        fields = {key: archive[key] for key in archive.files}
    trials = split(fields)
    right = []
    for activity, acc in zip(map(str, fields["activity"]), trials, strict=True):
        device = posture(10.0, CHEST_AND_THIGH)
        told = device.push(thinned(acc, int(fields["fs"]))) + device.finish()
        seen = [each["posture"] and Posture[each["posture"].upper()] for each in told]
        kept = {each: longest(seen, each) for each in Posture}
        found = kept[MUST_BE[activity]] >= 5 and all(kept[each] < 10 for each in NEVER[activity])
        right.append(found and (activity != "Walking" or seen.count(Posture.STANDING) >= 100))
    assert len(right) >= 40
    assert 100 * np.mean(right) >= floors["posture"]["real_trials_right_percent_least"]


POCKET_FALLS = ("FOL", "FKL", "BSC", "SDL")


def split(fields: dict[str, Floats]) -> list[Floats]:
    """Trials of a file, each (n, channels) in g."""
    counts = np.cumsum(fields["acc_diff"].astype(np.int64), axis=0)
    edges = zip(fields["start"][:-1], fields["start"][1:], strict=True)
    return [counts[begin:end] * float(fields["g_per_count"]) for begin, end in edges]


def thinned(acc: Floats, rate_hz: int) -> Floats:
    """At 10 Hz, behind a low-pass filter."""
    for factor in {200: (5, 4), 50: (5,), 20: (2,), 10: ()}[rate_hz]:
        acc = decimate(acc, factor, ftype="fir", axis=0)
    return acc


def people(folder: Path, sizes: tuple[float, ...]) -> list[list[fall_learning.Trial]]:
    """What the estimator asks of the trials of each person of a set."""
    found = []
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as archive:
            fields = {key: archive[key] for key in archive.files}
        fell = (
            [str(kind) == "fall" for kind in fields["kind"]]
            if "kind" in fields
            else [str(code) in POCKET_FALLS or str(code)[0] == "F" for code in fields["code"]]
        )
        recordings = [thinned(acc, int(fields["fs"])) for acc in split(fields)]
        found.append(fall_learning.trials_of(recordings, fell, 10, sizes=sizes))
    return found


@pytest.mark.parametrize(
    ("name", "sure", "sizes"),
    [
        ("sisfall", falls.SURE_AT_WAIST, fall_learning.AT_WAIST),
        ("umafall", falls.SURE_AT_WAIST, fall_learning.AT_WAIST),
        ("mobifall", falls.SURE_IN_POCKET, fall_learning.IN_POCKET),
    ],
)
def test_falls_of_people_not_seen(
    name: str, sure: float, sizes: tuple[float, ...], floors: dict[str, Any]
) -> None:
    """A third of the people judged by what the others teach, each third in turn; at 10 Hz."""
    persons = people(needed(DATA / name), sizes)
    outcomes = []
    for fold in range(3):
        others = [trial for k, own in enumerate(persons) if k % 3 != fold for trial in own]
        network = fall_learning.learn(others)
        for own in persons[fold::3]:
            for trial in own:
                says = probability(network, trial.numbers) if len(trial.numbers) else np.zeros(1)
                outcomes.append((trial.is_fall, says.max() >= sure))
    fell, told = np.array(outcomes).T
    wanted = floors["falls"][name]
    assert 100 * told[fell].mean() >= wanted["found_percent_least"]
    assert 100 * (1 - told[~fell].mean()) >= wanted["silent_percent_least"]
