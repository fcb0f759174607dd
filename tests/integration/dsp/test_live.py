"""Frames in, values out, through kills: the numbers of a run that nobody disturbs."""

from functools import partial

import numpy as np
import pytest

from shared.contracts.events import EventKind
from shared.contracts.frames import Frame
from shared.contracts.identity import PatientKey, lane_of, shard_of_patient
from shared.contracts.measures import Measure
from tests.harness.eventually import eventually
from tests.harness.service_process import ServiceProcess
from tests.integration.dsp.system import System, ecg_frames, undisturbed
from tests.unit.services.dsp import signals

pytestmark = pytest.mark.slow
START_US = 1_767_225_600_000_000
DURATION_S = 150


def frames_of(device: int, rate_per_min: float, *, shift_us: int = 0) -> list[Frame]:
    beats = signals.beat_times(rate_per_min, DURATION_S, seed=device)
    samples = signals.ecg(beats, DURATION_S, 250, seed=device)
    return ecg_frames(samples, device=device, start_us=START_US + shift_us)


def in_order_of_arrival(*devices: list[Frame]) -> list[Frame]:
    return sorted((f for frames in devices for f in frames), key=lambda f: (f.received, f.device))


async def test_gives_out_the_heart_rate_of_each_device(system: System) -> None:
    frames = in_order_of_arrival(frames_of(1, 72), frames_of(2, 95, shift_us=333_000))
    system.start()
    for first in range(0, len(frames), 10):
        await system.send(frames[first : first + 10])
    expected = undisturbed(frames)
    await system.hears(expected)
    assert system.heard.final == expected
    assert not system.heard.repeats
    shown = {
        key[0]: np.frombuffer(value[1], "<f4")[0]
        for key, value in sorted(expected.items())
        if key[2] == Measure.HEART_RATE
    }
    assert shown[1] == pytest.approx(72, abs=2)
    assert shown[2] == pytest.approx(95, abs=2)


async def test_a_kill_changes_no_number(system: System) -> None:
    """Whether the windows were kept, are damaged, or gone."""
    frames = in_order_of_arrival(frames_of(1, 72), frames_of(2, 95, shift_us=333_000))
    folder = system.folder / "states"
    start = partial(system.start, DSP_STATE_FOLDER=str(folder), DSP_STATE_INTERVAL_S="0.05")
    replica = start()
    after_kill: list[ServiceProcess] = []
    parts = np.array_split(np.arange(len(frames)), 30)
    rng = np.random.default_rng(1)
    kills = set(rng.choice(np.arange(3, 29), size=4, replace=False).tolist())
    for number, part in enumerate(parts):
        await system.send([frames[i] for i in part])
        if number in kills:
            await system.hears_more()
            await eventually(lambda: any(folder.glob("*.state")))
            replica.kill()
            for state in folder.glob("*.state") if len(after_kill) in {1, 2} else ():
                if len(after_kill) == 1:
                    state.write_bytes(state.read_bytes()[:-1])
                else:
                    state.unlink()
            replica = start()
            after_kill.append(replica)
    expected = undisturbed(frames)
    await system.hears(expected, within_s=40)
    assert system.heard.final == expected
    has_state = ['"has_state": true' in one.said() for one in after_kill]
    assert has_state == [True, False, False, True], [one.said() for one in after_kill]
    assert all(value[0] == 0 for value in system.heard.final.values()), "no revision was needed"


async def test_a_restart_gives_nothing_out_twice(system: System) -> None:
    frames = frames_of(1, 72)
    replica = system.start()
    for part in np.array_split(np.arange(len(frames)), 3):
        sent = [frames[i] for i in part]
        await system.send(sent)
        await system.hears(undisturbed(frames[: part[-1] + 1]))
        assert replica.stop() == 0, replica.said()
        replica = system.start()
    await system.hears(undisturbed(frames))
    assert system.heard.final == undisturbed(frames)
    assert not system.heard.repeats


async def test_another_replica_takes_over(system: System) -> None:
    one, two = frames_of(1, 72), frames_of(2, 95)
    replicas = [system.start(), system.start()]
    half = len(one) // 2
    for lane, frames in ((0, one), (1, two)):
        await system.send(frames[:half], lane=lane)
    await system.hears(undisturbed(one[:half]) | undisturbed(two[:half]), within_s=40)
    replicas[0].kill()
    for lane, frames in ((0, one), (1, two)):
        await system.send(frames[half:], lane=lane)
    expected = undisturbed(one) | undisturbed(two)
    await system.hears(expected, within_s=40)
    assert system.heard.final == expected


async def test_values_go_to_the_lane_of_the_patient(system: System) -> None:
    patients = [
        (await system.rows(
            "insert into registry.patient (key, initials) values ($1, 'A') returning id",
            f"p-abcde{n}",
        ))[0]["id"]
        for n in range(8)
    ]  # fmt: skip
    patient = next(p for p in patients if lane_of(shard_of_patient(PatientKey(p)), 2) == 1)
    device = (
        await system.rows(
            "insert into registry.device (device, shard, model) values ('dev-1', 3, 'm') "
            "returning id"
        )
    )[0]["id"]
    await system.rows(
        "insert into registry.assignment (device_id, patient_id, starts) "
        "values ($1, $2, to_timestamp($3))",
        device,
        patient,
        START_US / 1e6 + 30,
    )
    frames = frames_of(device, 80)[:60]
    system.start()
    await system.send(frames, lane=0)
    await system.hears(undisturbed(frames))
    for key, (worn_by, lane) in system.heard.patients.items():
        assigned = key[1] >= START_US + 30_000_000
        assert (worn_by, lane) == ((patient, 1) if assigned else (0, 0))


async def test_a_hole_is_told_and_waited_for(system: System) -> None:
    frames = frames_of(1, 72)
    there = [f for f in frames if f.n not in (60, 61)]
    system.start()
    await system.send(there)
    await system.hears(undisturbed(there))

    def told() -> list[int]:
        return [e.t for e in system.heard.events if e.kind is EventKind.SAMPLES_MISSING]

    await eventually(told)
    assert told() == [START_US + 60_000_000]
    hole = [v for k, v in undisturbed(there).items() if k[1] == START_US + 66_000_000]
    whole = [v for k, v in undisturbed(frames).items() if k[1] == START_US + 66_000_000]
    assert hole != whole
