"""Devices of one patient meet: fused values and doubt, through a kill."""

import numpy as np
import pytest

from shared.broker.message import Message
from shared.contracts.events import EventKind
from shared.contracts.formats import VITALS_V1
from shared.contracts.identity import Lane
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from shared.contracts.names import Exchange, Header, routing_key
from shared.contracts.vitals import encode_vitals, vital_table
from tests.harness.deployment import INCARNATION
from tests.harness.eventually import eventually
from tests.integration.dsp.system import System

pytestmark = pytest.mark.slow
SECOND = 1_000_000
START_US = 1_767_225_600_000_000
PATIENT = 4


async def say(system: System, seconds: range, apart: float) -> None:
    """Two devices of a patient tell a breathing rate each second."""
    rows = [
        (START_US + s * SECOND, START_US + s * SECOND + 2 * SECOND, device, PATIENT, rate, 0.8,
         Measure.RESPIRATION_RATE, 0, 0, method, 0)
        for s in seconds
        for device, rate, method in (
            (1, 15.0, Method.IMPEDANCE_SPECTRUM), (2, 15.0 + apart, Method.ECG_RESPIRATION)
        )
    ]  # fmt: skip
    for first in range(0, len(rows), 20):
        message = Message(
            exchange=Exchange.VITALS,
            routing_key=routing_key(Lane(0)),
            format=VITALS_V1,
            body=encode_vitals(vital_table(rows[first : first + 20])),
            headers={Header.INCARNATION: INCARNATION},
        )
        await system.publisher.publish(message)


async def test_devices_of_a_patient_meet_once_through_a_kill(system: System) -> None:
    replica = system.start()
    await say(system, range(40), 1.0)

    def fused(first: int, end: int) -> list[float]:
        keys = [
            (0, START_US + s * SECOND, int(Measure.RESPIRATION_RATE)) for s in range(first, end)
        ]
        final = system.heard.final
        return [float(np.frombuffer(final[key][1], "<f4")[0]) for key in keys if key in final]

    await eventually(lambda: len(fused(0, 38)) == 38, within_s=20)
    assert set(fused(0, 38)) == {15.5}
    replica.kill()
    system.start()
    await say(system, range(40, 80), 15.0)
    await eventually(lambda: len(fused(40, 78)) == 38, within_s=20)
    await eventually(lambda: len(fused(0, 80)) == 80, within_s=20)
    mine = {pair for pair in system.heard.values if pair[0][0] == 0}
    assert len(mine) == 80  # what is given again after a kill is the same
    assert all(system.heard.patients[key] == (PATIENT, 0) for key, _ in mine)

    def told() -> list[tuple[int | None, int]]:
        events = system.heard.events
        return [(e.patient, e.t) for e in events if e.kind is EventKind.SOURCES_DISAGREE]

    await eventually(told)
    assert told() == [(PATIENT, START_US + 40 * SECOND)]
