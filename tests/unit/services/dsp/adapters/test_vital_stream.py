"""What lanes give at the same time goes out together, or fails for all of them."""

import asyncio
from typing import Any, cast

import numpy as np
import pytest

from services.dsp.adapters.assignment_table import AssignmentTable
from services.dsp.adapters.vital_stream import VitalStream
from services.dsp.core.exchange import Values
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.contracts.beats import BEAT, BeatBatch, decode_beats
from shared.contracts.formats import BEATS_V1, VITALS_V1
from shared.contracts.identity import Lane
from shared.contracts.vitals import VitalBatch, decode_vitals, vital_table
from shared.errors import Dependency, Unavailable
from shared.runtime.clock import SystemClock


class FakePublisher:
    """Keeps what it is handed, or is away."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.is_away = False

    async def send(self, message: Message) -> asyncio.Future[None]:
        confirmation = asyncio.get_running_loop().create_future()
        if self.is_away:
            confirmation.set_exception(Unavailable(Dependency.RABBITMQ, "away"))
            confirmation.exception()  # seen, as the publisher does it
        else:
            self.sent.append(message)
            confirmation.set_result(None)
        return confirmation


class OneWearer:
    """Every device is worn by the patient of its number."""

    def patients_at(self, device: np.ndarray[Any, Any], _t: object) -> np.ndarray[Any, Any]:
        return device


def values(*devices: int) -> Values:
    beats = np.zeros(len(devices), dtype=BEAT)
    beats["device"] = devices
    rows = [(5, 6, device, 0, 70.0, 0.9, 1, 0, 0, 1, 0) for device in devices]
    return Values(vital_table(rows), beats, [])


def stream(publisher: FakePublisher, *, lanes: int = 2) -> VitalStream:
    return VitalStream(
        cast("Publisher", publisher),
        cast("AssignmentTable", OneWearer()),
        lanes=lanes,
        incarnation=1,
        clock=SystemClock(),
        together_s=0.01,
    )


async def test_what_two_lanes_give_goes_out_in_one_message_a_lane_and_kind() -> None:
    publisher = FakePublisher()
    outlet = stream(publisher, lanes=1)
    await asyncio.gather(outlet.give(values(1, 2), Lane(0)), outlet.give(values(3), Lane(0)))
    told, beaten = publisher.sent
    assert (told.format, beaten.format) == (VITALS_V1, BEATS_V1)
    vitals, beats = decode_vitals(told.body), decode_beats(beaten.body)
    assert isinstance(vitals, VitalBatch)
    assert isinstance(beats, BeatBatch)
    assert vitals.table["device"].tolist() == beats.table["device"].tolist() == [1, 2, 3]
    assert vitals.table["patient"].tolist() == [1, 2, 3]
    await outlet.give(values(4), Lane(0))
    assert len(publisher.sent) == 4, "what comes later goes out by itself"


async def test_each_value_goes_to_the_lane_of_its_patient() -> None:
    publisher = FakePublisher()
    outlet = stream(publisher)
    some = values(*range(1, 40))
    await asyncio.gather(outlet.give(some, Lane(0)), outlet.give(values(40), Lane(1)))
    assert [one.format for one in publisher.sent] == [VITALS_V1, VITALS_V1, BEATS_V1, BEATS_V1]
    found = [decode_vitals(one.body) for one in publisher.sent[:2]]
    devices = [set(one.table["device"].tolist()) for one in found if isinstance(one, VitalBatch)]
    assert devices[0] | devices[1] == set(range(1, 41))
    assert not devices[0] & devices[1]
    assert all(devices)


async def test_when_it_fails_all_who_gave_give_again() -> None:
    publisher = FakePublisher()
    publisher.is_away = True
    outlet = stream(publisher, lanes=1)
    both = await asyncio.gather(
        outlet.give(values(1), Lane(0)), outlet.give(values(2), Lane(0)), return_exceptions=True
    )
    assert [type(one) for one in both] == [Unavailable, Unavailable]
    publisher.is_away = False
    await asyncio.gather(outlet.give(values(1), Lane(0)), outlet.give(values(2), Lane(0)))
    assert len(publisher.sent) == 2


async def test_who_is_cancelled_takes_nobody_along() -> None:
    publisher = FakePublisher()
    outlet = stream(publisher, lanes=1)
    first = asyncio.create_task(outlet.give(values(1), Lane(0)))
    await asyncio.sleep(0)
    second = asyncio.create_task(outlet.give(values(2), Lane(0)))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(Unavailable):
        await second
    await outlet.give(values(2), Lane(0))
    assert len(publisher.sent) == 2
