"""The link of simulators with faults: what it does is seen, and nothing is lost by it."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from devices.sdk import Device
from devices.simulators.faults_on_request import Fault
from devices.simulators.faulty_link import FaultyLink
from devices.simulators.physiology.variation import generator
from shared.contracts.identity import DeviceId
from tests.harness.eventually import eventually
from tests.harness.mosquitto import Mosquitto
from tests.integration.devices.listener import listener

DEVICE = DeviceId("faulty-device-1")
N_MESSAGES = 40


@pytest.mark.parametrize("fault", [Fault.DUPLICATE, Fault.REORDER, Fault.CORRUPT])
async def test_each_fault_does_what_it_is_called_and_nothing_is_lost(
    mosquitto: Mosquitto, tmp_path: Path, fault: Fault
) -> None:
    bodies = {f"message {n}".encode() for n in range(N_MESSAGES)}
    async with (
        listener(mosquitto, DEVICE) as server,
        Device(
            DEVICE,
            host="127.0.0.1",
            port=mosquitto.port,
            secret="",
            journal=tmp_path,
            make_link=lambda *about: FaultyLink(
                *about, chance=generator(1), is_on=lambda asked: asked is fault
            ),
        ) as device,
    ):
        for n in range(N_MESSAGES):
            await device.publish_native("chipox", f"message {n}".encode())
        await device.publish_native("chipox", b"last")  # what is held back goes with the next

        def numbers() -> list[int]:
            return [int(dict(properties)["n"]) for _, _, properties in server.native]

        await eventually(lambda: set(range(N_MESSAGES)) <= set(numbers()))
        # The broker has acknowledged all of them, those that were held back too.
        await eventually(lambda: device._unsent.in_flight <= 1)
        found = numbers()
        came = Counter(body for _, body, _ in server.native)
        assert (max(Counter(found).values()) == 2) is (fault is Fault.DUPLICATE)
        assert any(b < a for a, b in pairwise(found)) is (fault is Fault.REORDER)
        assert (not bodies <= came.keys()) is (fault is Fault.CORRUPT)
        await server.store(device.boot, (0, N_MESSAGES))
        await eventually(lambda: device.unstored == 0)
