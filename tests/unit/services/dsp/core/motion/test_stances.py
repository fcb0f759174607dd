"""How sensors sit, as told by somebody who stands: read from samples, and used from then on."""

from typing import Any

import numpy as np
import pytest

from services.dsp.core.circumstances import Circumstances
from services.dsp.core.motion.posture import Posture
from services.dsp.core.motion.stances import Sitting, Stances, ToldStance, Unread, sitting_of
from services.dsp.core.motion.wearing import AS_NAMED, STAND_S
from services.dsp.core.recomputation import Stretch, recompute, recompute_in_parts
from shared.contracts.frames import Frame, FrameBatch, SampleFormat, decode_frames, encode_frames
from shared.contracts.measures import Measure
from shared.contracts.streams import Place, Stream
from tests.unit.services.dsp.bodies import POSTURE_HZ, stay

Floats = Any
DEVICE, START_S = 7, 1_800_000_000
SECOND_US = 1_000_000
SCALE = 0.0005
STOOD_S = 20
# The sensor of the thigh turned by 100 degrees about the axis that points ahead.
TURN = np.radians(100.0)
ASKEW = np.array([[np.cos(TURN), np.sin(TURN), 0], [-np.sin(TURN), np.cos(TURN), 0], [0, 0, 1]])


def worn(samples: Floats) -> FrameBatch:
    """Frames of a second of samples (6, n) of chest and thigh in g."""
    made = []
    for second in range(samples.shape[1] // POSTURE_HZ):
        t0 = (START_S + second) * SECOND_US
        block = samples[:, second * POSTURE_HZ : (second + 1) * POSTURE_HZ]
        for part, place in enumerate((Place.CHEST, Place.THIGH)):
            counts = np.round(block[3 * part : 3 * part + 3].T / SCALE).astype("<i2")
            made.append(
                Frame(
                    DEVICE, 1, second, part, Stream.ACCELEROMETER, t0,
                    1_000_000_000 // POSTURE_HZ, t0 + SECOND_US + 50_000, 0, 3,
                    SampleFormat.INT16, place, SCALE, 0.0, counts.tobytes(),
                )
            )  # fmt: skip
    batch = decode_frames(encode_frames(made))
    assert isinstance(batch, FrameBatch)
    return batch


def askew(samples: Floats) -> Floats:
    turned = samples.copy()
    turned[3:] = ASKEW @ samples[3:]
    return turned


def after(seconds: int) -> int:
    return (START_S + seconds) * SECOND_US


def read(samples: Floats) -> Sitting | Unread:
    return sitting_of(worn(samples), after(STOOD_S))


def test_standing_says_where_up_is_in_each_sensor() -> None:
    found = read(askew(stay(Posture.STANDING, STOOD_S)))
    assert isinstance(found, Sitting)
    upright = read(stay(Posture.STANDING, STOOD_S))
    assert isinstance(upright, Sitting)
    assert found.chest == pytest.approx(upright.chest)
    assert found.thigh == pytest.approx(ASKEW @ upright.thigh, abs=1e-3)
    assert np.linalg.norm(found.thigh) == pytest.approx(1.0)


def test_only_the_seconds_that_were_stood_count() -> None:
    moved = stay(Posture.STANDING, 2 * STOOD_S)
    moved[:, : (STOOD_S - STAND_S) * POSTURE_HZ] += 0.5
    moved[:, STOOD_S * POSTURE_HZ :] -= 0.5
    assert isinstance(read(moved), Sitting)


def test_says_why_it_says_nothing() -> None:
    still = stay(Posture.STANDING, STOOD_S)
    t = np.arange(still.shape[1]) / POSTURE_HZ
    walks, turned, rolled = still.copy(), still.copy(), still.copy()
    walks[3:] += 0.2 * np.sin(2 * np.pi * 1.8 * t)
    turned[:2] *= -1
    turned[1:3] = 0.0
    rolled[:3] *= 0.3
    assert read(walks) is Unread.MOVED
    assert read(rolled) is Unread.MOVED
    assert read(turned) is Unread.UPSIDE_DOWN
    missing = still.copy()
    missing[3:, -2 * POSTURE_HZ :] = -32_768 * SCALE
    assert read(missing) is Unread.NO_SAMPLES
    assert sitting_of(None, after(STOOD_S)) is Unread.NO_SAMPLES
    chest_only = worn(still)
    chest_only = FrameBatch(chest_only.table[::2], chest_only.samples)
    assert sitting_of(chest_only, after(STOOD_S)) is Unread.NO_SAMPLES
    assert sitting_of(worn(still), after(STOOD_S + STAND_S)) is Unread.NO_SAMPLES


def test_holds_for_its_device_and_its_time() -> None:
    sitting = Sitting(np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    told = [
        ToldStance(DEVICE, after(10), after(30), sitting),
        ToldStance(DEVICE, after(40), after(50), Sitting(sitting.thigh, sitting.chest)),
        ToldStance(DEVICE + 2, after(0), after(60), sitting),
    ]
    seconds = np.array([9, 10, 29, 30, 45])
    devices = np.full(len(seconds), DEVICE, dtype=np.int32)
    found = Stances(told).at(devices, (START_S + seconds) * SECOND_US)
    up = found[:, 0, :, 1]  # where the y axis of the chest goes
    assert up[[1, 2]] == pytest.approx(np.array([[1, 0, 0]] * 2))
    assert (found[[0, 3]] == AS_NAMED).all()
    assert found[4, 0] @ sitting.thigh == pytest.approx([1, 0, 0])
    early = Stances(told).at(devices[:1], np.array([after(10) - 40_000]))  # half a sample
    assert (early[0] == found[1]).all()
    for nobody in (Stances(), Stances(told)):
        others = nobody.at(np.array([DEVICE + 1], dtype=np.int32), np.array([after(20)]))
        assert (others == AS_NAMED).all()
    assert Stances(told).at(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)).size == 0


def postures(known: Circumstances, samples: Floats) -> dict[int, float]:
    computed = recompute(worn(samples), only=Stream.ACCELEROMETER, circumstances=lambda: known)
    table = np.concatenate(computed.vitals)
    rows = table[(table["measure"] == Measure.POSTURE) & np.isfinite(table["value"])]
    return dict(zip((rows["t"] // SECOND_US - START_S).tolist(), rows["value"], strict=True))


def test_postures_are_right_from_then_on() -> None:
    day = [stay(Posture.STANDING, 60), stay(Posture.SITTING, 40, seed=1)]
    samples = askew(np.concatenate((*day, stay(Posture.LYING_LEFT, 40, seed=2)), axis=1))
    sitting = sitting_of(worn(samples), after(30))
    assert isinstance(sitting, Sitting)
    known = Circumstances(stances=Stances([ToldStance(DEVICE, after(50), after(10**6), sitting)]))
    told = postures(known, samples)
    assert not any(told.get(second) == Posture.STANDING for second in range(5, 49))
    right = {55: Posture.STANDING, 70: Posture.SITTING, 110: Posture.LYING_LEFT}
    assert {second: told[second] for second in right} == right
    untold = postures(Circumstances(), samples)
    assert untold[55] == Posture.SITTING  # which is what an untold thigh looks like


def test_a_part_computed_alone_is_the_same() -> None:
    samples = askew(np.concatenate((stay(Posture.STANDING, 60), stay(Posture.SITTING, 180)), 1))
    sitting = sitting_of(worn(samples), after(30))
    assert isinstance(sitting, Sitting)
    known = Circumstances(stances=Stances([ToldStance(DEVICE, after(45), after(230), sitting)]))
    whole = postures(known, samples)
    (parts,) = recompute_in_parts(
        [Stretch(worn(samples), after(205), after(235))],
        only=Stream.ACCELEROMETER,
        circumstances=lambda: known,
    )
    table = np.concatenate(parts.vitals)
    rows = table[(table["measure"] == Measure.POSTURE) & np.isfinite(table["value"])]
    found = dict(zip((rows["t"] // SECOND_US - START_S).tolist(), rows["value"], strict=True))
    assert found == {second: value for second, value in whole.items() if 205 <= second < 235}
    assert Posture.SITTING in found.values()
