"""The switch from the past to live, with the stream and storage moving at each await."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.core.cursors import FeedCursor
from services.api.core.sight import SeenPatient, WornDevice
from services.api.live.client_queue import ClientQueue
from services.api.live.clients import Client
from services.api.live.connections import Connection
from services.api.live.hub import Hub
from services.api.live.items import FeedItem
from services.api.live.subscribing import Subscribing
from services.api.live.subscriptions import Subscribe, What
from services.api.live.waiting import QueueBounds
from services.api.settings import ApiSettings
from shared.contracts.events import Event, EventKind, Severity
from shared.contracts.identity import DeviceKey, PatientKey

OURS, OTHERS = 1, 2
PATIENT = SeenPatient(
    id=PatientKey(OURS),
    key="p-00001",
    initials="AB",
    ward=None,
    bed=None,
    devices=(WornDevice(id=DeviceKey(11), device="dev-11", model="m", simulated=False),),
)
SETTINGS = ApiSettings.model_construct(
    live_subscriptions_most=5,
    live_patients_most=5,
    live_replay_events_most=10_000,
    live_queue_messages_most=8,
    live_flush_s=0.01,
)


class World:
    """The stream, what storage has of it, and a process that reads it; it moves when asked to."""

    def __init__(self, *, ring: int, begins_at: int, moves: list[int]) -> None:
        self.stream: list[FeedItem] = []
        self.stored = 0  # so many are in the database
        self.read = begins_at
        self.hub = Hub(ring_events=ring)
        self.moves = moves
        self.after_move: Callable[[], None] = lambda: None

    async def move(self) -> None:
        """What happens while somebody waits: events come, are read by the process, are stored."""
        await asyncio.sleep(0)
        step = self.moves.pop() if self.moves else 0
        for _ in range(step % 4):
            self.publish()
        for _ in range(step % 5):
            self.read_one()
        self.stored = min(len(self.stream), self.stored + step % 3)
        self.after_move()

    def publish(self) -> None:
        """One more event, of our patient or another."""
        number = len(self.stream)
        event = Event(
            id=f"e{number}",
            t=number,
            kind=EventKind.LEAD_OFF,
            severity=Severity.LOW,
            source="gateway",
            text_key="lead_off",
            patient=OTHERS if number % 3 == 0 else OURS,
        )
        self.stream.append(FeedItem(cursor=FeedCursor(1, number), event=event))

    def read_one(self) -> None:
        """The process reads one more of the stream."""
        if self.read < len(self.stream):
            self.hub.put_event(self.stream[self.read])
            self.read += 1

    def settle(self) -> None:
        """All is read and stored."""
        while self.read < len(self.stream):
            self.read_one()
        self.stored = len(self.stream)

    # What `Subscribing` asks of the store, of rights and of the clock.

    async def newest_place(self) -> FeedCursor | None:
        await self.move()
        return FeedCursor(1, self.stored - 1) if self.stored else None

    async def events_after(
        self, since: FeedCursor, patients: tuple[SeenPatient, ...], *, up_to: FeedCursor, most: int
    ) -> list[FeedItem]:
        await self.move()
        found = [
            item
            for item in self.stream[: self.stored]
            if since < item.cursor <= up_to
            and any(item.event.patient == patient.id for patient in patients)
        ]
        await self.move()
        return found[:most]

    async def admit(self, *_: object, **__: object) -> dict[PatientKey, SeenPatient]:
        await self.move()
        return {PATIENT.id: PATIENT}

    async def sleep(self, _: float) -> None:
        self.stored = min(len(self.stream), self.stored + 1)  # storage works on while we wait
        await self.move()

    def monotonic_s(self) -> float:
        return 0.0

    def now_us(self) -> int:
        return 0


@settings(max_examples=300)
@given(
    ring=st.integers(0, 12),
    begins_at=st.integers(0, 30),
    before=st.integers(0, 40),
    since=st.integers(0, 39),
    moves=st.lists(st.integers(0, 60), max_size=60),
    taken=st.integers(1, 5),
)
def test_every_event_since_the_cursor_is_told_once_and_in_order(
    ring: int, begins_at: int, before: int, since: int, moves: list[int], taken: int
) -> None:
    world = World(ring=ring, begins_at=min(begins_at, before), moves=moves)
    for _ in range(before):
        world.publish()
    world.stored = world.read  # a process begins to read where storage is
    world.hub.begin_feed(FeedCursor(1, world.read).before())
    client = Client(queue=ClientQueue(QueueBounds(messages=8)), notify=lambda: None)
    heard: list[str] = []
    n_moves = 0

    def take_now_and_then() -> None:
        nonlocal n_moves
        n_moves += 1
        if n_moves % taken == 0:
            heard.extend(str(message) for message in client.queue.take())

    world.after_move = take_now_and_then
    subscribing = Subscribing(
        rights=cast("Any", world),
        hub=world.hub,
        store=cast("Any", world),
        settings=SETTINGS,
        clock=cast("Any", world),
    )
    asked = Subscribe(
        id="a",
        patients=(PATIENT.key,),
        what=frozenset({What.EVENTS}),
        since=str(FeedCursor(1, min(since, max(before - 1, 0)))),
    )

    async def run() -> None:
        connection = Connection(client=client, request=cast("Any", None))
        await subscribing.catch_up(await subscribing.begin(connection, asked))

    asyncio.run(run())
    world.publish()
    world.publish()
    heard.extend(str(message) for message in client.queue.take())
    while world.read < len(world.stream):
        world.read_one()
        heard.extend(str(message) for message in client.queue.take())

    assert not client.too_slow
    told = [json.loads(text) for text in heard]
    assert told[0]["kind"] == "subscribed"
    assert [one["item"]["id"] for one in told[1:]] == [
        item.event.id
        for item in world.stream
        if item.cursor > FeedCursor.parse(asked.since or "") and item.event.patient == OURS
    ]
