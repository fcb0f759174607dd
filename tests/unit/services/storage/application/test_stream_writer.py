"""The loop of a writer: what chokes is parked alone, what is away is waited for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from services.storage.application.stream_writer import CommitPolicy, StreamWriter
from services.storage.core.positions import Advance, LaneLost, Position, StreamMessage
from services.storage.metrics import StorageMetrics
from shared.broker.streams import Discontinuity, Fault, StreamBatch
from shared.broker.streams import StreamMessage as RealMessage
from shared.contracts.events import Event
from shared.contracts.parking import Reason
from shared.errors import Dependency, Invalid, Misconfigured, Unavailable
from shared.runtime.clock import SystemClock
from shared.runtime.retry import BackOff, Retry
from shared.telemetry.metrics import Metrics


def message(offset: int, body: bytes = b"good") -> RealMessage:
    return RealMessage(offset=offset, type="test.v1", headers={}, body=body, message_id=None)


@dataclass
class Script:
    """A stream that is told in advance, the ports beside it, and what they saw."""

    batches: list[StreamBatch]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    started_at: int = -1
    parked: list[tuple[int, Reason]] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    async def play(self) -> AsyncIterator[StreamBatch]:
        for one in self.batches:
            yield one
        self.stop.set()

    async def park(
        self, message: StreamMessage, *, stream: str, reason: Reason, detail: str
    ) -> None:
        assert stream == "frames.0"
        assert "stream_writer.py" in detail, "where it choked"
        assert "value 42" not in detail, "what an error says may be a value"
        self.parked.append((message.offset, reason))

    async def tell(self, events: Sequence[Event]) -> None:
        self.told += events


class Source:
    """What the writer reads of a script."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def batches(self, *, until: asyncio.Event) -> AsyncIterator[StreamBatch]:
        assert not until.is_set()
        return self._script.play()


class Streams:
    """Opens the one stream of a script."""

    def __init__(self, script: Script) -> None:
        self._script = script

    @asynccontextmanager
    async def open(self, stream: str, *, start: int, most: int) -> AsyncIterator[Source]:
        assert stream.endswith(".0")
        assert most == 10
        self._script.started_at = start
        yield Source(self._script)


@dataclass
class Work:
    """Commits what is good; fails as often as it is told to."""

    errors: list[Exception] = field(default_factory=list)
    poison: type[Exception] = ValueError
    committed: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    async def commit(self, messages: Sequence[StreamMessage], advance: Advance) -> None:
        if self.errors:
            raise self.errors.pop(0)
        if any(one.body == b"poison" for one in messages):
            raise self.poison(f"value {41 + 1}")
        self.committed += [one.offset for one in messages]
        assert advance.position.last_offset == (self.positions[-1] if self.positions else -1)
        self.positions.append(advance.to_offset)


def writer(script: Script, work: Work) -> StreamWriter:
    return StreamWriter(
        position=Position(incarnation=1, stream="frames.0", epoch=1, last_offset=-1),
        work=work,
        policy=CommitPolicy(interval_s=0.0, messages_most=10),
        streams=Streams(script),
        parking=script,
        events=script,
        clock=SystemClock(),
        metrics=StorageMetrics(Metrics("storage")),
        retry=Retry(BackOff(first_s=0.001, most_s=0.002)),
    )


def batch(*messages: RealMessage, gap: Discontinuity | None = None) -> StreamBatch:
    return StreamBatch(messages=messages, discontinuity=gap)


@pytest.mark.parametrize("poison", [ValueError, Invalid, OverflowError])
async def test_what_chokes_is_parked_alone_and_the_rest_goes_on(poison: type[Exception]) -> None:
    script = Script([batch(message(0), message(1, b"poison"), message(2)), batch(message(3))])
    work = Work(poison=poison)
    await writer(script, work).run(script.stop)
    assert work.committed == [0, 2, 3]
    assert script.parked == [(1, Reason.INTERNAL_ERROR)]
    assert work.positions == [0, 1, 2, 3], "the position goes past what was parked"


async def test_a_fault_that_passes_harms_nothing() -> None:
    script = Script([batch(message(0), message(1))])
    work = Work(errors=[ValueError("once")])
    await writer(script, work).run(script.stop)
    assert work.committed == [0, 1]
    assert script.parked == []


async def test_what_is_away_is_waited_for_with_the_same_messages() -> None:
    script = Script([batch(message(0), message(1))])
    work = Work(errors=[Unavailable(Dependency.POSTGRESQL, "away")] * 5)
    await writer(script, work).run(script.stop)
    assert work.committed == [0, 1]
    assert script.parked == []


@pytest.mark.parametrize("error", [LaneLost("taken"), Misconfigured("no such column")])
async def test_what_no_message_explains_ends_the_writer(error: Exception) -> None:
    script = Script([batch(message(0))])
    with pytest.raises(type(error)):
        await writer(script, Work(errors=[error])).run(script.stop)
    assert script.parked == []


async def test_a_gap_is_told_as_an_event_that_repeats_its_id() -> None:
    ids = set()
    for _ in range(2):
        gap = Discontinuity(fault=Fault.TRUNCATED, expected=0, found=7)
        script = Script([batch(message(7), gap=gap)])
        await writer(script, Work()).run(script.stop)
        assert [event.data["found"] for event in script.told] == [7]
        ids.add(script.told[0].id)
    assert len(ids) == 1


async def test_messages_read_again_move_nothing() -> None:
    script = Script([batch(message(0), message(1)), batch(message(2), message(3))])
    work = Work()
    one = writer(script, work)
    one.position = Position(incarnation=1, stream="vitals.0", epoch=1, last_offset=1)
    one.read_again = 1_000
    work.positions = [1]
    seen: list[bool] = []
    commit = work.commit

    async def watched(messages: Sequence[StreamMessage], advance: Advance) -> None:
        seen.append(advance.is_warming)
        if not advance.is_warming:
            await commit(messages, advance)

    work.commit = watched  # type: ignore[method-assign] # sees what the work is told
    await one.run(script.stop)
    assert script.started_at == 0
    assert seen == [True, False]
    assert one.position.last_offset == 3
