"""Byte streams: cut anyhow, sent again, killed anywhere, the same frames and identities."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.core.messages import Device, Incoming, StreamKey
from services.gateway.core.rests import MOST_MESSAGES, RestMemory
from shared.contracts.decoding import Envelope
from shared.contracts.identity import DeviceId, DeviceKey
from shared.contracts.parking import Reason
from tests.harness.manual_clock import ManualClock
from tests.unit.services.gateway.application import toy_stream
from tests.unit.services.gateway.application.lane_in_memory import MemoryLane, MemoryTables
from tests.unit.services.gateway.application.toy_stream import CODECS, MODELS, toy_message

START = 1_767_225_600_000_000
NAME = DeviceId("alone-1")
KEY = DeviceKey(1)
STREAM = StreamKey(KEY, "toy", 7)
A, B, C = (toy_message(bytes([n] * 4)) for n in (0x11, 0x22, 0x33))


def tables(model: str = "toy-alone") -> MemoryTables:
    found = MemoryTables()
    found.registered = [Device(KEY, NAME, model, simulated=False)]
    return found


@dataclass
class Speaker:
    """A device whose pieces reach a lane; the next lane works on the same rows."""

    pieces: Sequence[bytes]
    tables: MemoryTables = field(default_factory=tables)
    clock: ManualClock = field(default_factory=ManualClock)
    frames: dict[tuple[int, int], set[bytes]] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Another process takes the lane over."""
        self.lane = MemoryLane(CODECS, MODELS, tables=self.tables, clock=self.clock)
        self._waiting: dict[int, int] = {}

    def message(self, n: int) -> Incoming:
        envelope = Envelope(7, n, START + n * 1_000)
        return self.lane.incoming(self.pieces[n], "toy", name=NAME, envelope=envelope)

    async def deliver(self, numbers: Sequence[int]) -> None:
        """One chunk; what is handed over may be stored from now on."""
        await self.lane.accept(*(self.message(n) for n in numbers))
        for batch, _ in self.lane.out.frames:
            for index in range(len(batch)):
                n, part = int(batch.table["n"][index]), int(batch.table["part"][index])
                self.frames.setdefault((n, part), set()).add(bytes(batch.sample_bytes(index)))

    async def confirm(self) -> None:
        """RabbitMQ has it all, and storage tells what it stored."""
        await self.lane.out.confirm()
        for batch, _ in self.lane.out.frames:
            self.settled |= {int(n) for n in batch.table["n"]}
        self.settled |= {n for _, _, n in self.lane.stored}
        assert len(self.lane.session.acknowledged) == len(set(self.lane.session.acknowledged))

    def open(self) -> list[int]:
        return [n for n in range(len(self.pieces)) if n not in self.settled]


def cut(stream: bytes, at: Sequence[int]) -> list[bytes]:
    bounds = sorted({0, len(stream), *(place % (len(stream) + 1) for place in at)})
    return [stream[first:last] for first, last in pairwise(bounds)]


PAYLOADS = st.lists(
    st.binary(min_size=4, max_size=10).map(
        lambda data: bytes(byte | 0x10 for byte in data[: len(data) // 2 * 2])
    ),
    min_size=1,
    max_size=6,
)
STEPS = st.lists(
    st.sampled_from(["chunk", "small", "confirm", "kill", "away", "back", "lose", "again"]),
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(
    payloads=PAYLOADS,
    places=st.lists(st.integers(0, 200), max_size=12),
    steps=STEPS,
    garbage=st.booleans(),
)
async def test_any_cut_any_resend_and_any_kill_give_the_same(
    payloads: list[bytes], places: list[int], steps: list[str], garbage: bool
) -> None:
    stream = (b"\x55\x66" if garbage else b"") + b"".join(map(toy_message, payloads))
    pieces = cut(stream, places)
    quiet = Speaker(pieces)
    for n in range(len(pieces)):
        await quiet.deliver([n])
    assert [data for _, (data,) in sorted(quiet.frames.items())] == payloads

    speaker = Speaker(pieces)
    queue = list(range(len(pieces)))  # what the broker still has for the lane, in order
    unacknowledged: list[int] = []
    may_lose = True
    for step in steps:
        match step:
            case "chunk" | "small":
                size = len(queue) if step == "chunk" else 1
                taken, queue = queue[:size], queue[size:]
                if taken:
                    await speaker.deliver(taken)
                    unacknowledged += taken
            case "confirm":
                await speaker.confirm()
                unacknowledged = []
            case "kill":
                speaker.begin()
                queue, unacknowledged = unacknowledged + queue, []
            case "away" | "back":
                speaker.tables.away = step == "away"
                await speaker.clock.advance(5)
            case "lose" if may_lose:
                queue = queue[1:]  # the broker died: once, since a device then sends all again
                may_lose = False
            case "again" if not queue and not unacknowledged:
                queue = speaker.open()  # the device sends what is not stored, oldest first
            case _:
                pass
    speaker.tables.away = False
    for _ in range(4):
        await speaker.clock.advance(5)
        if queue:
            await speaker.deliver(queue)
        await speaker.confirm()
        queue = speaker.open()
    assert not queue
    assert {identity: next(iter(data)) for identity, data in speaker.frames.items()} == {
        identity: next(iter(data)) for identity, data in quiet.frames.items()
    }
    assert all(len(data) == 1 for data in speaker.frames.values()), "one identity, two contents"


async def test_a_rest_is_durable_before_a_message_is_acknowledged() -> None:
    speaker = Speaker([A + B[:3], B[3:]])
    await speaker.deliver([0])
    assert speaker.tables.rests.rows == {(STREAM, 0): B[:3]}
    await speaker.deliver([1])
    assert speaker.tables.rests.n_writes == 1, "an empty rest is no row"
    await speaker.lane.out.confirm()
    assert speaker.lane.session.acknowledged == [1, 2]
    assert speaker.frames[1, 0] == {b"\x22" * 4}


async def test_who_sends_whole_messages_pays_for_no_row() -> None:
    speaker = Speaker([A, B + C, C])
    await speaker.deliver([0, 1])
    speaker.begin()
    await speaker.deliver([2])  # nobody knows what came before it, but it begins a message
    assert speaker.frames[2, 0] == {b"\x33" * 4}
    assert speaker.tables.rests.rows == {(STREAM, 1): b""}


async def test_what_only_leaves_a_rest_is_told_stored_once_that_is_a_row() -> None:
    speaker = Speaker([A[:4], A[4:]])
    await speaker.deliver([0])
    assert speaker.lane.stored == [(KEY, 7, 0)]
    assert speaker.lane.session.acknowledged == [1]
    assert not speaker.lane.out.parked


async def test_without_postgresql_what_would_leave_a_rest_is_left_to_come_again() -> None:
    speaker = Speaker([A, B + C[:2], C[2:], A])
    await speaker.deliver([0])
    speaker.tables.away = True
    await speaker.deliver([1, 2])
    await speaker.lane.out.confirm()
    assert {n for n, _ in speaker.frames} == {0}, "nothing rests on what is not durable"
    assert speaker.lane.session.acknowledged == [1, 2, 3]
    assert not speaker.lane.stored
    speaker.tables.away = False
    await speaker.clock.advance(10)
    await speaker.deliver([1, 2])
    assert speaker.frames[2, 0] == {b"\x33" * 4}


async def test_an_unknown_forerunner_is_waited_for_once_then_done_without() -> None:
    speaker = Speaker([A + B[:3], B[3:] + C])
    await speaker.deliver([1])
    assert not speaker.frames
    assert speaker.lane.session.acknowledged == [1]
    await speaker.deliver([1])
    await speaker.lane.out.confirm()
    assert speaker.frames[1, 0] == {b"\x33" * 4}
    assert [(one.reason, one.identity) for one in speaker.lane.out.parked] == [
        (Reason.GARBAGE, "00000007/1")
    ]
    assert not speaker.lane.session.told, "a piece of which something is of use is not refused"
    # The forerunner comes after all: what it leaves counts no more, or piece 1 would change.
    await speaker.deliver([0, 1])
    assert speaker.frames[0, 0] == {b"\x11" * 4}
    assert speaker.frames[1, 0] == {b"\x33" * 4}
    assert (1, 1) not in speaker.frames


async def test_a_piece_waits_for_its_forerunner_as_long_as_that_comes() -> None:
    speaker = Speaker([A + B[:3], B[3:] + C])
    await speaker.deliver([1])
    speaker.tables.away = True
    await speaker.deliver([0])
    speaker.tables.away = False
    await speaker.clock.advance(10)
    await speaker.deliver([1])  # the second time; but piece 0 had to be left meanwhile
    assert not speaker.frames
    await speaker.deliver([0, 1])
    assert sorted(speaker.frames) == [(0, 0), (1, 0), (1, 1)]


async def test_pieces_that_come_together_wait_together() -> None:
    speaker = Speaker([A, B[:1], B[1:] + C])
    await speaker.deliver([0])
    speaker.begin()
    await speaker.deliver([2])
    await speaker.deliver([1, 2])  # piece 2 the second time, behind one that comes again
    assert (2, 0) not in speaker.frames
    await speaker.deliver([1, 2])
    assert speaker.frames[2, 0] == {b"\x22" * 4}
    assert speaker.frames[2, 1] == {b"\x33" * 4}


async def test_the_rest_that_another_gateway_kept_first_counts() -> None:
    speaker = Speaker([A + B[:3], B[3:] + C])
    await speaker.deliver([1])
    speaker.tables.rests.rows[STREAM, 0] = b""  # the other one has read piece 1 without
    await speaker.deliver([0, 1])
    assert (1, 0) not in speaker.frames, "it was cut behind what does not stand: it comes again"
    await speaker.deliver([1])
    assert speaker.frames[1, 0] == {b"\x33" * 4}


async def test_garbage_is_parked_and_the_piece_told_stored() -> None:
    speaker = Speaker([b"\x55\x66"])
    await speaker.deliver([0])
    await speaker.lane.out.confirm()
    assert [one.reason for one in speaker.lane.out.parked] == [Reason.GARBAGE]
    assert speaker.lane.stored == [(KEY, 7, 0)]
    assert speaker.lane.session.acknowledged == [1]


async def test_a_bug_in_a_decoder_harms_the_piece_that_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = toy_stream.ToyDecoder.feed

    def choke(self: Any, data: bytes, envelope: Envelope) -> Any:
        if b"\x77" in data:
            raise ZeroDivisionError
        return feed(self, data, envelope)

    monkeypatch.setattr(toy_stream.ToyDecoder, "feed", choke)
    speaker = Speaker([A, toy_message(b"\x77" * 4), B])
    await speaker.deliver([0, 1, 2])
    assert {n for n, _ in speaker.frames} == {0, 2}
    assert [one.reason for one in speaker.lane.out.parked] == [Reason.INTERNAL_ERROR]


async def test_a_decoder_that_keeps_too_much_is_a_bug_of_that_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remainder = toy_stream.ToyDecoder.remainder

    def hoard(self: toy_stream.ToyDecoder) -> bytes:
        rest = remainder(self)
        return rest * 1_000_000 if rest else rest

    monkeypatch.setattr(toy_stream.ToyDecoder, "remainder", hoard)
    speaker = Speaker([A, B[:3], C])
    await speaker.deliver([0, 1])
    assert {n for n, _ in speaker.frames} == {0}
    assert [one.reason for one in speaker.lane.out.parked] == [Reason.INTERNAL_ERROR]
    await speaker.deliver([2])
    assert {n for n, _ in speaker.frames} == {0, 2}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2_000), st.binary(max_size=9))))
def test_what_is_held_is_bounded_and_counted(puts: list[tuple[int, int, bytes]]) -> None:
    memory = RestMemory(most_streams=3, most_bytes=40)
    held: dict[tuple[StreamKey, int], bytes] = {}
    for device, n, rest in puts:
        stream = StreamKey(DeviceKey(device), "toy", 7)
        memory.put(stream, n, rest)
        held[stream, n] = rest
        assert memory.find(stream, n) == rest
    found = {piece: memory.find(*piece) for piece in held}
    assert all(rest in (None, held[piece]) for piece, rest in found.items())
    assert memory.n_bytes == sum(len(rest) for rest in found.values() if rest is not None)
    assert len(memory) <= 3
    assert memory.n_bytes <= 40 or len(memory) == 1


def test_of_one_stream_the_newest_messages_are_held() -> None:
    memory = RestMemory()
    for n in range(MOST_MESSAGES + 5):
        memory.put(STREAM, n, b"xy")
    assert memory.find(STREAM, 4) is None
    assert memory.find(STREAM, 5) == b"xy"
    assert memory.n_bytes == 2 * MOST_MESSAGES
