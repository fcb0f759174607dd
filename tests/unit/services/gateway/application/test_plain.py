"""The quick way does with every message what the other way does."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.gateway.application import plain
from services.gateway.core.messages import Incoming
from shared.codecs.packed.codec import encode
from shared.contracts.decoding import Decoded, DecodedFrame
from shared.contracts.frames import FrameBatch
from shared.contracts.identity import DeviceId
from shared.contracts.instants import DAY, MINUTE, SECOND
from shared.contracts.names import UpKind, up_topic
from tests.unit.services.gateway.application.lane_in_memory import NAMES, MemoryLane

KINDS = ["plain"] * 12 + ["late", "old", "double", "float", "empty", "broken", "unknown", "wanted"]
STATUS = b'{"online": true, "boot": "%x", "t": %d, "firmware": "1", "battery": 90, "rssi": -50}'


@dataclass(frozen=True)
class Spoken:
    """What one device says."""

    kind: str
    device: int
    boot: int
    wait_us: int


said = st.lists(
    st.builds(
        Spoken,
        st.sampled_from([*KINDS, "status", "jump"]),
        st.integers(0, 1),
        st.sampled_from([7, 7, 7, 8]),
        st.integers(0, 2_000),
    ),
    max_size=40,
)


def payload(kind: str, boot: int, n: int, t_us: int) -> bytes:
    width = 4 if kind == "float" else 2
    samples = 0 if kind == "empty" else 4
    if kind == "late":
        t_us -= MINUTE
    if kind == "old":
        t_us -= 3 * DAY
    frame = DecodedFrame(
        99 if kind == "unknown" else 1, 1, 1, samples, 4_000_000, 3,
        4 if kind == "float" else 1, 0.5, 0.0, bytes(range(n % 200, n % 200 + width * samples)),
    )  # fmt: skip
    flags = 8 if kind == "wanted" else 0
    whole = encode(Decoded(boot, n, t_us, flags, [frame] * (2 if kind == "double" else 1)))
    return whole[:-1] if kind == "broken" else whole


def rows_of(batches: list[tuple[FrameBatch, bool]], device: int) -> list[tuple[object, ...]]:
    """The frames of a device in their order, with their samples and their way."""
    return [
        (*row.tolist()[:-2], bytes(batch.sample_bytes(index)), is_late)
        for batch, is_late in batches
        for index, row in enumerate(batch.table)
        if row["device"] == device
    ]


async def spoken_to(lane: MemoryLane, chunks: list[list[Spoken]]) -> None:
    n = 0
    for chunk in chunks:
        messages = []
        for one in chunk:
            await lane.clock.advance(one.wait_us / 1e6)
            now_us = lane.clock.now_us() + one.device * 5 * SECOND
            name = NAMES[one.device]
            if one.kind in {"status", "jump"}:
                t_us = now_us + (20 * SECOND if one.kind == "jump" else 0)
                topic = up_topic(DeviceId(name), UpKind.STATUS)
                status = lane.incoming(STATUS % (one.boot, t_us), name=name)
                messages.append(Incoming(topic, *status[1:]))
            else:
                messages.append(lane.incoming(payload(one.kind, one.boot, n, now_us), name=name))
                n += 1
        await lane.accept(*messages)
        await lane.out.confirm()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(said, min_size=1, max_size=5))
async def test_both_ways_give_the_same(
    monkeypatch: pytest.MonkeyPatch, chunks: list[list[Spoken]]
) -> None:
    lanes = []
    for quick_from in (1, 1_000_000):
        monkeypatch.setattr(plain, "QUICK_FROM", quick_from)
        lane = MemoryLane()
        await spoken_to(lane, chunks)
        lanes.append(lane)
    quick, other = lanes
    for device in (1, 2):
        assert rows_of(quick.out.frames, device) == rows_of(other.out.frames, device)
    assert quick.session.acknowledged == other.session.acknowledged
    assert quick.session.told == other.session.told
    assert quick.out.parked == other.out.parked
    assert sorted(quick.asked) == sorted(other.asked)
    assert quick.tables.segments == other.tables.segments
    assert len(quick.session.acknowledged) == sum(map(len, chunks))


async def test_plain_messages_do_go_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    lane = MemoryLane()
    await spoken_to(lane, [[Spoken("plain", 0, 7, 0)] * plain.QUICK_FROM])

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(lane.ingest._reading, "read", never)
    await spoken_to(lane, [[Spoken("plain", 0, 7, 1_000)] * plain.QUICK_FROM])
    assert len(lane.out.numbers()) == 2 * plain.QUICK_FROM


async def test_a_full_batch_leaves_and_the_rest_follows() -> None:
    lane = MemoryLane()
    await spoken_to(lane, [[Spoken("plain", 0, 7, 0)] * 20])
    await spoken_to(lane, [[Spoken("plain", 0, 7, 10)] * 600])
    assert [len(batch) for batch, _ in lane.out.frames] == [20, 512, 88]
