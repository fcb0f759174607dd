"""Devices that speak their own protocol: identity, constants, units behind hubs, notes, words."""

import asyncio

import msgspec
import numpy as np
import pytest

from services.gateway.application.presences import CAUGHT_UP_TURNS
from services.gateway.application.routing import constants_of
from services.gateway.core.messages import Device, Incoming
from services.gateway.core.presence import Status
from shared.contracts.decoding import Decoded, Envelope
from shared.contracts.device_model import DeviceModel
from shared.contracts.dialogue import Seen
from shared.contracts.events import Event, EventKind
from shared.contracts.identity import DeviceId, DeviceKey
from shared.contracts.parking import Reason
from shared.contracts.processing import CURVE_BITS, CURVE_SHIFT, Processing, SaturationCurve
from shared.contracts.quality import FrameFlag
from tests.unit.services.gateway.application.lane_in_memory import MemoryLane, MemoryTables
from tests.unit.services.gateway.application.toy_stream import CODECS, MODELS, TOY, toy_message

START = 1_767_225_600_000_000
HUB, ALONE, NAMELESS = DeviceId("hub-1"), DeviceId("alone-1"), DeviceId("nameless-1")
SAMPLES = toy_message(b"\x11" * 4)
WORD = toy_message(b"")
NOTE = toy_message(b"\xff\x03")


def devices(**constants: object) -> list[Device]:
    return [
        Device(DeviceKey(1), HUB, "toy-hub", simulated=True),
        Device(DeviceKey(2), ALONE, "toy-alone", simulated=False, constants=constants),
        Device(DeviceKey(3), NAMELESS, "toy-nameless", simulated=False),
    ]


def new_lane(
    tables: MemoryTables | None = None, models: dict[str, DeviceModel] | None = None
) -> MemoryLane:
    lane = MemoryLane(CODECS, models or MODELS, tables=tables)
    if tables is None:
        lane.tables.registered = devices()
    return lane


async def say(lane: MemoryLane, name: DeviceId, n: int, *messages: bytes) -> None:
    envelope = Envelope(7, n, START)
    message = lane.incoming(b"".join(messages), "toy", name=name, envelope=envelope)
    await lane.accept(message)


def keys(lane: MemoryLane) -> list[int]:
    return [int(key) for batch, _ in lane.out.frames for key in batch.table["device"]]


def scales(lane: MemoryLane) -> list[float]:
    return [float(scale) for batch, _ in lane.out.frames for scale in batch.table["scale"]]


# ---------------------------------------------------------------------------- identity


async def test_bytes_without_an_identity_are_refused_where_the_model_wants_one() -> None:
    lane = new_lane()
    await lane.accept(lane.incoming(SAMPLES, "toy", name=ALONE))
    await lane.out.confirm()
    assert [one.reason for one in lane.out.parked] == [Reason.NO_IDENTITY]
    assert lane.session.acknowledged == [1]


async def test_a_model_without_identity_gets_one_a_session_by_arrival() -> None:
    lane = new_lane()
    await lane.accept(*(lane.incoming(SAMPLES, "toy", name=NAMELESS) for _ in range(3)))
    (batch, late) = lane.out.frames[0]
    assert not late
    assert set(batch.table["boot"]) == {0xA000}
    assert list(batch.table["n"]) == [0, 1, 2]
    assert set(batch.table["t0"]) == {lane.clock.now_us()}
    assert set(batch.table["flags"]) == {FrameFlag.ARRIVAL_IDENTITY}
    assert not lane.tables.segments, "its time is UTC: there is no clock to keep"
    assert lane.hushed == [(DeviceKey(3), 0xA000)]
    await lane.out.confirm()
    assert lane.session.acknowledged == [1, 2, 3]


@pytest.mark.parametrize(("name", "is_once"), [(ALONE, True), (NAMELESS, False)])
async def test_who_has_no_time_but_that_of_arrival_is_read_as_it_comes(
    monkeypatch: pytest.MonkeyPatch, name: DeviceId, is_once: bool
) -> None:
    lane = new_lane()
    envelopes = [Envelope(7, n, START) if name == ALONE else None for n in range(300)]
    await lane.accept(
        *(lane.incoming(SAMPLES, "toy", name=name, envelope=envelope) for envelope in envelopes)
    )
    await lane.out.confirm()
    lane.flow.store(1 << 20, late=False)
    stop = asyncio.Event()
    looks: list[bool] = []

    async def take(gather_s: float, *, at_once: bool = False) -> list[Incoming]:
        assert gather_s > 0.05
        looks.append(at_once)
        stop.set()
        return []

    monkeypatch.setattr(lane.session, "take", take)
    await lane.ingest.run(stop)
    assert looks == [is_once]


async def test_what_it_says_across_messages_is_put_together_without_a_row() -> None:
    lane = new_lane()
    await lane.accept(lane.incoming(SAMPLES[:3], "toy", name=NAMELESS))
    lane.tables.away = True
    await lane.accept(lane.incoming(SAMPLES[3:] + WORD, "toy", name=NAMELESS))
    await lane.out.confirm()
    assert lane.out.numbers() == [1]
    assert lane.words == [(NAMELESS, "ping", 1)]
    assert not lane.tables.rests.rows
    assert not lane.stored, "it can be told nothing"
    assert lane.session.acknowledged == [1, 2]


async def test_an_envelope_counts_whatever_the_model_says() -> None:
    lane = new_lane()
    await say(lane, NAMELESS, 5, SAMPLES)
    (batch, _) = lane.out.frames[0]
    assert (list(batch.table["boot"]), list(batch.table["n"])) == ([7], [5])
    assert set(batch.table["flags"]) == {0}


# ---------------------------------------------------------------------------- constants


async def test_a_single_device_lays_its_constants_over_those_of_its_model() -> None:
    lane = new_lane()
    await say(lane, HUB, 0, SAMPLES)
    await say(lane, ALONE, 0, SAMPLES)
    assert scales(lane) == [0.5, 2.0], "the codec's own, and the model's"
    lane = new_lane()
    lane.tables.registered = devices(toy={"scale": 3})
    await say(lane, ALONE, 0, SAMPLES)
    assert scales(lane) == [3.0]


@pytest.mark.parametrize(
    "wrong",
    [{"scale": "3"}, {"scale": None}, {"scale": True}, {"scale": float("nan")}, {"gain": 1.0},
     {"scale": float("inf")}, [1, 2], 7, "scale", {"": 1}, {"scale": {}}, {"scale": 1e301}],
)  # fmt: skip
async def test_wrong_constants_are_passed_over(wrong: object) -> None:
    device = devices(toy=wrong)[1]
    assert constants_of(device, TOY, MODELS["toy-alone"]) == {"scale": 2.0}
    lane = new_lane()
    lane.tables.registered = devices(toy=wrong)
    await say(lane, ALONE, 0, SAMPLES)
    assert scales(lane) == [2.0]


# ---------------------------------------------------------------------------- units


async def test_units_join_as_they_show_and_their_frames_go_out_in_one_batch() -> None:
    lane = new_lane()
    await say(lane, HUB, 0, toy_message(b"\x21" * 4, 1), SAMPLES, toy_message(b"\x22" * 4, 2))
    ((batch, _),) = lane.out.frames
    assert list(batch.table["device"]) == [101, 1, 102]
    assert list(batch.table["part"]) == [0, 1, 2]
    assert set(batch.table["flags"]) == {FrameFlag.SIMULATED}, "as their hub"
    assert lane.tables.joined == [
        (DeviceId("hub-1--u1"), "ecg", "toy-ecg"),
        (DeviceId("hub-1--u2"), "ecg", "toy-ecg"),
    ]
    await say(lane, HUB, 1, toy_message(b"\x23" * 4, 2))
    assert keys(lane) == [101, 1, 102, 102]
    assert len(lane.tables.joined) == 2
    assert lane.taken == {1: 2, 101: 1, 102: 2}


async def test_a_unit_is_looked_up_before_it_joins() -> None:
    lane = new_lane()
    known = Device(
        DeviceKey(55), DeviceId("hub-1--u1"), "toy-ecg", simulated=True, hub=DeviceKey(1)
    )
    lane.tables.registered.append(known)
    await say(lane, HUB, 0, toy_message(b"\x21" * 4, 1))
    assert keys(lane) == [55]
    assert not lane.tables.joined


async def test_units_of_a_model_without_any_are_refused() -> None:
    lane = new_lane()
    await say(lane, ALONE, 0, SAMPLES, toy_message(b"\x21" * 4, 1))
    await lane.out.confirm()
    assert [(one.reason, one.identity) for one in lane.out.parked] == [
        (Reason.UNKNOWN_UNIT, "00000007/0")
    ]
    assert not lane.out.frames
    assert lane.session.told[-1][1]["reason"] == "unknown_unit"


async def test_one_unit_too_many_is_refused_and_the_others_go_on() -> None:
    lane = new_lane()
    lane.tables.most_units = 1
    await say(lane, HUB, 0, toy_message(b"\x21" * 4, 1))
    await say(lane, HUB, 1, toy_message(b"\x21" * 4, 2))
    await say(lane, HUB, 2, toy_message(b"\x21" * 4, 1))
    assert lane.out.numbers() == [0, 2]
    assert [one.reason for one in lane.out.parked] == [Reason.UNKNOWN_UNIT]


async def test_a_unit_that_cannot_join_now_comes_again() -> None:
    lane = new_lane()
    await say(lane, HUB, 0, SAMPLES)
    lane.tables.away = True
    await say(lane, HUB, 1, toy_message(b"\x21" * 4, 1))
    await lane.out.confirm()
    assert lane.session.acknowledged == [1, 2]
    assert not lane.out.parked
    lane.tables.away = False
    await lane.clock.advance(5)
    await say(lane, HUB, 1, toy_message(b"\x21" * 4, 1))
    assert keys(lane) == [1, 101]


async def test_nobody_speaks_in_the_name_of_a_unit() -> None:
    lane = new_lane()
    await say(lane, HUB, 0, toy_message(b"\x21" * 4, 1))
    await say(lane, DeviceId("hub-1--u1"), 0, SAMPLES)
    assert [one.reason for one in lane.out.parked] == [Reason.FOREIGN_DEVICE]


async def told(lane: MemoryLane, hub: Device, seen: Seen) -> list[tuple[EventKind, int | None]]:
    """What is told of a unit that a dialogue sees."""
    before = len(lane.out.events)
    seeing = asyncio.create_task(lane.units.see(hub, seen))
    for _ in range(20):
        await asyncio.sleep(0)
        await lane.out.confirm("event")
    await seeing
    return [(event.kind, event.device) for event in lane.out.events[before:]]


async def test_a_unit_that_is_seen_joins_and_is_online_until_it_is_gone() -> None:
    lane = new_lane()
    hub = devices()[0]
    there = Seen("u1", "ecg", online=True, reported={"firmware": "1.2", "battery": 80})
    gone = Seen("u1", "ecg", online=False, reported={})
    assert await told(lane, hub, gone) == [], "nobody has ever seen it"
    assert await told(lane, hub, there) == [
        (EventKind.DEVICE_ONLINE, 101), (EventKind.UNIT_JOINED, 1),
    ]  # fmt: skip
    assert lane.presences.is_online(DeviceKey(101))
    assert lane.presences.reported(DeviceKey(101))["firmware"] == "1.2"
    assert await told(lane, hub, there) == []
    assert await told(lane, hub, gone) == [
        (EventKind.DEVICE_OFFLINE, 101), (EventKind.UNIT_LEFT, 1),
    ]  # fmt: skip
    assert await told(lane, hub, gone) == []
    assert await told(lane, hub, Seen("u2", "spirometer", online=True, reported={})) == []


# ---------------------------------------------------------------------------- notes and words


async def test_a_note_is_an_event_that_repeats_with_its_message() -> None:
    lane = new_lane()
    await say(lane, HUB, 4, NOTE, toy_message(b"\xff\x05", 1))
    await say(lane, HUB, 4, NOTE, toy_message(b"\xff\x05", 1))
    first, second, *again = lane.out.events
    assert [event.id for event in again] == [first.id, second.id]
    assert first.id != second.id
    assert (first.device, second.device) == (1, 101)
    assert (first.kind, first.t, first.data["lead"]) == (EventKind.LEAD_OFF, START, 3)
    assert first.message is not None
    assert second.message is not None
    assert (first.message.settles, second.message.settles) == (False, True)
    assert (second.message.boot, second.message.n) == (7, 4)
    assert lane.session.acknowledged == []
    await lane.out.confirm("event")
    assert lane.session.acknowledged == [1, 2]
    assert not lane.stored, "storage tells it, when the events are committed"


async def test_notes_are_durable_before_the_frames_of_their_message_go_on() -> None:
    lane = new_lane()
    message = lane.incoming(NOTE + SAMPLES, "toy", name=HUB, envelope=Envelope(7, 0, START))
    accepting = asyncio.create_task(lane.ingest.accept([message]))
    for _ in range(20):
        await asyncio.sleep(0)
    assert [what for what, _ in lane.out.open] == ["event"]
    assert not accepting.done()
    event: Event = lane.out.events[0]
    assert event.message is not None
    assert not event.message.settles, "its frames do"
    await lane.out.confirm("event")
    await accepting
    await lane.accept()
    assert lane.out.numbers() == [0]


async def test_notes_of_a_time_that_cannot_be_are_refused_with_their_message() -> None:
    lane = new_lane()
    envelope = Envelope(7, 0, START + 7_200_000_000)
    await lane.accept(lane.incoming(NOTE, "toy", name=HUB, envelope=envelope))
    assert [one.reason for one in lane.out.parked] == [Reason.BAD_TIME]
    assert [event.kind for event in lane.out.events] == [EventKind.MESSAGE_REFUSED]


async def test_words_are_said_in_order_before_what_came_with_them_is_stored() -> None:
    lane = new_lane()
    messages = [
        lane.incoming(payload, "toy", name=HUB, envelope=Envelope(7, n, START))
        for n, payload in enumerate((SAMPLES + WORD, WORD, NOTE + WORD))
    ]
    await lane.accept(*messages)
    assert lane.words == [(HUB, "ping", 0), (HUB, "ping", 1), (HUB, "ping", 2)]
    assert lane.stored == [(DeviceKey(1), 7, 1)], "words alone leave nothing for storage"
    await lane.out.confirm()
    assert lane.session.acknowledged == [1, 2, 3]


# ---------------------------------------------------------------------------- silence


async def look(lane: MemoryLane, seconds: float = 1.0, turns: int = 1) -> list[EventKind]:
    """What is told of presence in so many turns of its loop."""
    before = len(lane.out.events)
    for _ in range(turns):
        await lane.clock.advance(seconds)
        looking = asyncio.create_task(lane.presences.look())
        for _ in range(20):
            await asyncio.sleep(0)
            await lane.out.confirm("event")
        await looking
        await lane.presences._keep()
    return [event.kind for event in lane.out.events[before:]]


async def test_who_talks_is_online_and_who_is_silent_is_not() -> None:
    lane = new_lane()
    came: list[Device] = []
    lane.presences.came_online = came.append
    await say(lane, HUB, 0, SAMPLES)
    await say(lane, ALONE, 0, SAMPLES)  # its model names no time
    assert await look(lane) == [EventKind.DEVICE_ONLINE]
    assert [device.name for device in came] == [HUB]
    assert await look(lane, 1, CAUGHT_UP_TURNS) == []
    assert await look(lane, 25) == []
    await say(lane, HUB, 1, SAMPLES)
    assert await look(lane, 10) == []
    assert await look(lane, 31) == [EventKind.DEVICE_OFFLINE], "once"
    assert await look(lane, 31, 3) == []
    event = lane.out.events[-1]
    assert event.device == 1
    assert event.data["cause"] == "silent"
    assert not lane.presences.is_online(DeviceKey(1))
    await say(lane, HUB, 2, SAMPLES)
    assert await look(lane) == [EventKind.DEVICE_ONLINE]


async def test_the_next_owner_counts_on_from_the_rows() -> None:
    lane = new_lane()
    await say(lane, HUB, 0, SAMPLES)
    await look(lane)
    heir = MemoryLane(
        CODECS, MODELS, tables=lane.tables, presence_table=lane.presence_table, clock=lane.clock
    )
    await heir.devices.look_up([HUB])
    await heir.presences.load(range(256))
    assert await look(heir, 1, CAUGHT_UP_TURNS + 1) == []
    assert await look(heir, 28) == [EventKind.DEVICE_OFFLINE], "30 s after it was heard, not after"


async def test_what_came_before_a_last_will_brings_nobody_back() -> None:
    lane = new_lane()
    hub = lane.devices.by_key(DeviceKey(1)) or Device(DeviceKey(1), HUB, "toy-hub", simulated=True)
    await say(lane, HUB, 0, SAMPLES)
    assert await look(lane) == [EventKind.DEVICE_ONLINE]
    await say(lane, HUB, 1, SAMPLES)  # counted by nobody yet when its connection is lost
    await lane.presences.observe(hub, Status(online=False), retained=False)
    assert await look(lane, 1, 4) == []
    assert not lane.presences.is_online(DeviceKey(1))
    await say(lane, HUB, 2, SAMPLES)
    assert await look(lane) == [EventKind.DEVICE_ONLINE], "who talks later is back"


async def test_the_same_silence_told_twice_is_one_event() -> None:
    lane = new_lane()
    await say(lane, HUB, 0, SAMPLES)
    await look(lane, 1, CAUGHT_UP_TURNS + 1)
    rows = dict(lane.presence_table.rows)
    assert await look(lane, 31) == [EventKind.DEVICE_OFFLINE]
    first = lane.out.events[-1]
    lane.presence_table.rows = rows  # killed before the row was written
    heir = MemoryLane(
        CODECS, MODELS, tables=lane.tables, presence_table=lane.presence_table, clock=lane.clock
    )
    await heir.devices.look_up([HUB])
    await heir.presences.load(range(256))
    assert await look(heir, 1, CAUGHT_UP_TURNS + 1) == [EventKind.DEVICE_OFFLINE]
    assert heir.out.events[-1].id == first.id


async def test_silence_counts_only_while_somebody_listens() -> None:
    lane = new_lane()
    await say(lane, HUB, 0, SAMPLES)
    await look(lane)
    lane.session.is_caught_up = False
    assert await look(lane, 60, 3) == [], "what the broker holds has not been read"
    lane.session.is_caught_up = True
    lane.session.session_present = False
    lane.presences.use(lane.session)  # the broker has lost what it held
    assert await look(lane, 5, CAUGHT_UP_TURNS + 2) == []
    assert await look(lane, 20) == [EventKind.DEVICE_OFFLINE]


async def test_units_are_gone_with_their_hub() -> None:
    lane = new_lane()
    hub = devices()[0]
    await say(lane, HUB, 0, toy_message(b"\x21" * 4, 1))
    await told(lane, hub, Seen("u1", "ecg", online=True, reported={}))
    assert await look(lane, 1, CAUGHT_UP_TURNS + 1) == [EventKind.DEVICE_ONLINE]
    assert await look(lane, 31) == [EventKind.DEVICE_OFFLINE, EventKind.DEVICE_OFFLINE]
    assert not lane.presences.is_online(DeviceKey(101))


def test_the_toy_decodes_what_it_encodes() -> None:
    decoder = TOY.new_decoder(TOY.with_constants())
    (decoded,) = decoder.feed(SAMPLES, Envelope(1, 2, 3))
    assert isinstance(decoded, Decoded)
    (frame,) = decoded.frames
    assert np.frombuffer(frame.data, "<i2").tolist() == [0x1111, 0x1111]


# ---------------------------------------------------------------------------- choices


def flags(lane: MemoryLane) -> dict[int, int]:
    table = np.concatenate([batch.table for batch, _ in lane.out.frames])
    return {int(row["device"]): int(row["flags"]) for row in table}


async def test_frames_carry_what_the_model_and_the_device_chose() -> None:
    line = Processing(saturation_curve=SaturationCurve.LINEAR_110_25)
    models = {**MODELS, "toy-alone": msgspec.structs.replace(MODELS["toy-alone"], processing=line)}
    lane = new_lane(models=models)
    table = {"saturation_curve": "maxim_table"}
    lane.tables.registered = [
        Device(DeviceKey(2), ALONE, "toy-alone", simulated=True),
        Device(DeviceKey(4), DeviceId("alone-2"), "toy-alone", False, processing=table),
        Device(DeviceKey(5), DeviceId("alone-3"), "toy-alone", False, processing={"curve": 1}),
    ]
    for device in lane.tables.registered:
        await say(lane, device.name, 1, SAMPLES)
    of_table = SaturationCurve.MAXIM_TABLE.number << CURVE_SHIFT
    expected = {
        2: line.frame_flags | FrameFlag.SIMULATED,
        4: of_table,
        5: line.frame_flags,  # a wrong setting is passed over
    }
    chosen = CURVE_BITS | FrameFlag.SIMULATED
    assert {key: value & chosen for key, value in flags(lane).items()} == expected
