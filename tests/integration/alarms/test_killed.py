"""Two replicas of alarms are killed again and again; what comes out is what the rules decide.

The oracle is the core itself, fed with the same values in one go, without processes.
"""

import asyncio
import random
from typing import Any

import numpy as np
import pytest

from services.alarms.adapters.default_limits import load_default_limits
from services.alarms.core.memory import Reading
from services.alarms.core.ward import Registered, Ward
from shared.contracts.measures import Measure
from shared.contracts.quality import Validity, ValueFlag
from shared.contracts.records import Table
from shared.runtime.clock import SystemClock
from tests.harness.eventually import eventually
from tests.integration.alarms.system import SECOND, System, table_of, value_row

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SECONDS = 60
KILLS = 8
SEED = 20261121


def wandering_values(people: list[tuple[int, int]], start: int) -> list[Table]:
    """One table a second: rates and saturations that cross their limits up and down."""
    generator = np.random.default_rng(SEED)
    centre = {Measure.HEART_RATE: 100.0, Measure.SPO2: 90.0, Measure.RESPIRATION_RATE: 28.0}
    width = {Measure.HEART_RATE: 45.0, Measure.SPO2: 12.0, Measure.RESPIRATION_RATE: 12.0}
    phases = generator.uniform(0, 2 * np.pi, (len(people), 3))
    tables = []
    for second in range(SECONDS):
        rows = []
        for index, (patient, device) in enumerate(people):
            for number, measure in enumerate(centre):
                swing = np.sin(2 * np.pi * second / 25 + phases[index, number])
                value = centre[measure] + width[measure] * swing + generator.normal(0, 1)
                doubtful = generator.random() < 0.1
                rows.append(
                    value_row(
                        patient,
                        device,
                        start + second * SECOND,
                        measure,
                        float(np.clip(value, 5, 250)),
                        validity=Validity.QUESTIONABLE if doubtful else Validity.VALID,
                    )
                )
        tables.append(table_of(rows))
    return tables


def decided(people: list[tuple[int, int]], tables: list[Table]) -> dict[str, dict[str, Any]]:
    """Each alarm as it should stand in the end, by its id."""
    ward = Ward(load_default_limits(), {})
    now = SystemClock().now_us()
    ward.configure(
        {
            patient: Registered(devices={device: now}, birth="1980-01-01", overrides=())
            for patient, device in people
        },
        now,
    )
    found: dict[str, dict[str, Any]] = {}
    for table in tables:
        for row in table:
            reading = Reading(
                t=int(row["t"]),
                device=int(row["device"]),
                measure=Measure(int(row["measure"])),
                method=int(row["method"]),
                value=float(row["value"]),
                validity=Validity(int(row["validity"])),
                flags=ValueFlag(int(row["flags"])),
            )
            for alarm in ward.hear(int(row["patient"]), int(row["received"]), reading):
                found[alarm.id] = alarm.as_data()
    return found


def _short(alarms: dict[str, dict[str, Any]], start: int) -> set[tuple[object, ...]]:
    """Whose, what, since which second: to be read in a failure."""
    return {
        (alarm["patient"], alarm["condition"], (alarm["since"] - start) / SECOND)
        for alarm in alarms.values()
    }


async def test_kills_change_nothing(system: System) -> None:
    chance = random.Random(SEED)
    people = [await system.admit(f"kill{letter}") for letter in "abcdef"]
    # Values of the next minute, so that no silence comes between for another one.
    start = SystemClock().now_us() + 30 * SECOND
    tables = wandering_values(people, start)
    expected = decided(people, tables)
    assert len(expected) > 20, "the values cross their limits often enough to be a test"
    async with system.following_events():
        system.start(INSTANCE="alarms-0")
        system.start(INSTANCE="alarms-1")
        kill_after = sorted(chance.sample(range(5, SECONDS), KILLS))
        for second, table in enumerate(tables):
            await system.send_values(table)
            await asyncio.sleep(chance.uniform(0.1, 0.4))
            if second in kill_after:
                victim = chance.choice(system.replicas[-2:])
                print(f"kill {victim.log.stem} after second {second}")
                victim.kill()
                system.replicas.remove(victim)
                system.start(INSTANCE=f"alarms-{second}")

        async def all_is_decided() -> bool:
            rows = await system.rows()
            told = {event.data["id"]: event.data for event in system.events}
            assert _short(rows, start) == _short(expected, start)
            assert rows == expected
            newest = {
                alarm_id: max(
                    (e.data for e in system.events if e.data["id"] == alarm_id),
                    key=lambda data: int(data["revision"]),
                )
                for alarm_id in told
            }
            assert newest == expected
            return True

        await eventually(all_is_decided, within_s=60, every_s=0.5)
    # An event that was told twice is the same one twice; an alarm begins once.
    by_id: dict[str, bytes] = {}
    for event in system.events:
        assert by_id.setdefault(event.id, repr(event).encode()) == repr(event).encode()
    begun = [e.data["id"] for e in system.events if e.data["revision"] == 1]
    assert set(begun) == set(expected)
    assert (
        await system.run_sql(
            "select count(*) - count(distinct (patient_id, condition, device_id)) from alarm.alarm"
            " where state <> 'ended'"
        )
        == 0
    )
