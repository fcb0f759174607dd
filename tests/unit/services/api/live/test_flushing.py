"""One turn gives all sockets what waits for them, and leaves the slow ones to their senders."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.api.live.client_queue import ClientQueue
from services.api.live.clients import Client
from services.api.live.connections import Connection, Connections
from services.api.live.flushing import Flusher
from services.api.live.strands import Strands
from services.api.live.waiting import QueueBounds
from services.api.metrics import ApiMetrics
from shared.runtime.clock import Clock
from shared.telemetry.metrics import Metrics


class FakeClock:
    """Moves when a link takes something; ends the flusher after so many rests."""

    def __init__(self, turns: int) -> None:
        self.now_s = 0.0
        self.rests: list[float] = []
        self.stop = asyncio.Event()
        self._turns = turns

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        if len(self.rests) == self._turns:
            self.stop.set()


class FakeLink:
    """Where the bytes of a socket go, and how long each writing takes."""

    def __init__(self, clock: FakeClock, *, is_free: bool = True, takes_s: float = 0.0) -> None:
        self.is_free = is_free
        self.taken: list[bytes] = []
        self._clock, self._takes_s = clock, takes_s

    def put(self, data: bytes) -> None:
        self.taken.append(data)
        self._clock.now_s += self._takes_s


def connection(strands: Strands, link: FakeLink | None) -> Connection:
    queue = ClientQueue(QueueBounds(), strands)
    made = Connection(
        client=Client(queue=queue, notify=lambda: None), request=cast("Any", None), link=link
    )
    queue.put_state(b"{}")
    return made


async def flushed(clock: FakeClock, strands: Strands, *links: FakeLink | None) -> list[Connection]:
    there = [connection(strands, link) for link in links]
    flusher = Flusher(
        connections=cast("Connections", SimpleNamespace(open=there)),
        strands=strands,
        metrics=ApiMetrics(Metrics("api")),
        clock=cast("Clock", clock),
        every_s=0.08,
    )
    await flusher.run(clock.stop)
    return there


async def test_all_who_are_free_get_the_same_bytes_and_the_others_are_woken() -> None:
    clock = FakeClock(turns=2)
    free = [FakeLink(clock) for _ in range(3)]
    full = FakeLink(clock, is_free=False)
    there = await flushed(clock, Strands(), *free, full, None)
    assert [link.taken for link in free] == [[b"\x81\x02{}"]] * 3  # and nothing the second time
    assert len({id(link.taken[0]) for link in free}) == 1
    assert full.taken == []
    assert [one.wake.is_set() for one in there] == [False, False, False, True, True]
    assert there[3].client.queue.take() == ["{}"]


async def test_who_is_being_sent_to_is_not_overtaken() -> None:
    clock = FakeClock(turns=1)
    link = FakeLink(clock)
    strands = Strands()
    busy = connection(strands, link)
    busy.is_sending = True
    flusher = Flusher(
        connections=cast("Connections", SimpleNamespace(open=[busy])),
        strands=strands,
        metrics=ApiMetrics(Metrics("api")),
        clock=cast("Clock", clock),
        every_s=0.08,
    )
    await flusher.run(clock.stop)
    assert link.taken == []
    assert busy.client.queue


@pytest.mark.parametrize(("takes_s", "rest_s"), [(0.001, 0.079), (0.1, 0.2), (9.0, 0.4)])
async def test_a_long_flush_is_followed_by_a_longer_rest(takes_s: float, rest_s: float) -> None:
    clock = FakeClock(turns=1)
    await flushed(clock, Strands(), FakeLink(clock, takes_s=takes_s))
    assert clock.rests == [pytest.approx(rest_s)]
