"""Clients that share what waits hear exactly what each alone would hear, and it is made once."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.api.live.client_queue import ClientQueue, put_to_all
from services.api.live.strands import Strands
from services.api.live.waiting import QueueBounds, TooSlowError
from services.api.live.websocket_frames import framed
from tests.unit.services.api.live.test_client_queue import SMALL, beats, block, key

BLOCKS = [block(index) for index in range(4)]
BEATS = [beats(index) for index in range(4)]
VALUES = [{key(measure=f"m{index % 3}"): b"%d" % index} for index in range(4)]
MESSAGES = [b'{"n":%d}' % index for index in range(3)]
STATES = [b'{"s":%d}' % index for index in range(2)]
WIDE = QueueBounds()

puts = st.one_of(
    st.tuples(st.just("block"), st.sampled_from("ab"), st.integers(0, 3)),
    st.tuples(st.just("text"), st.sampled_from("ab"), st.integers(0, 3)),
    st.tuples(st.just("vitals"), st.sampled_from("ab"), st.integers(0, 3)),
    st.tuples(st.just("beats"), st.sampled_from("ab"), st.integers(0, 3)),
    st.tuples(st.just("message"), st.just(""), st.integers(0, 2)),
    st.tuples(st.just("state"), st.just(""), st.integers(0, 1)),
    st.tuples(st.just("forget"), st.sampled_from("ab"), st.just(0)),
    st.tuples(st.just("take"), st.just(""), st.just(0)),
    st.tuples(st.just("renew"), st.just(""), st.just(0)),
)


def give(queue: ClientQueue, what: str, subscription: str, number: int) -> list[Any]:
    """Do it; gives what was heard, or that the client is too slow."""
    slot = ord(subscription) - ord("a") if subscription else 0
    try:
        match what:
            case "block" | "text":
                as_text = what == "text"
                queue.put_block(subscription, BLOCKS[number], slot=slot, as_text=as_text)
            case "vitals":
                queue.put_vitals(subscription, VALUES[number])
            case "beats":
                queue.put_beats(subscription, BEATS[number])
            case "message":
                queue.put_message(MESSAGES[number])
            case "state":
                queue.put_state(STATES[number])
            case "forget":
                queue.forget(subscription)
            case _:
                messages, data = queue.take_framed()
                assert data == framed(messages)
                return messages
    except TooSlowError:
        return ["too slow"]
    return []


def put_into_all(queues: list[ClientQueue], step: tuple[str, str, int]) -> dict[int, list[Any]]:
    heard: dict[int, list[Any]] = {}

    def put(queue: ClientQueue) -> None:
        heard[id(queue)] = give(queue, *step)

    put_to_all(queues, put)
    return heard


@given(
    st.lists(st.tuples(puts, st.sets(st.integers(0, 2), min_size=1)), max_size=60),
    st.sampled_from([SMALL, WIDE]),
)
def test_many_who_share_hear_what_each_alone_would(
    steps: list[tuple[tuple[str, str, int], set[int]]], bounds: QueueBounds
) -> None:
    strands = Strands()
    sharing = [ClientQueue(bounds, strands) for _ in range(3)]
    alone = [ClientQueue(bounds) for _ in range(3)]
    for (what, subscription, number), who in steps:
        if what == "renew":
            strands.renew()
            continue
        step = (what, subscription, number)
        some = [sharing[client] for client in sorted(who)]
        if what in {"block", "text", "vitals", "beats"} and number % 2:
            heard = put_into_all(some, step)
        else:
            heard = {id(queue): give(queue, *step) for queue in some}
        for client in sorted(who):
            told = heard.get(id(sharing[client]), [])
            assert told == give(alone[client], what, subscription, number)
            assert bool(sharing[client]) == bool(alone[client])
            assert sharing[client].n_messages == alone[client].n_messages
    for one, other in zip(sharing, alone, strict=True):
        assert one.take() == other.take()
        assert one.counts == other.counts


def test_what_many_are_given_is_encoded_once() -> None:
    strands = Strands()
    crowd = [ClientQueue(WIDE, strands) for _ in range(5)]
    datas = []
    for turn in range(2):
        for queue in crowd:
            queue.put_vitals("a", VALUES[0])
            queue.put_block("a", BLOCKS[turn], as_text=False)
        datas = [queue.take_framed()[1] for queue in crowd]
        strands.renew()
    assert len({id(data) for data in datas}) == 1
    assert datas[0]


def test_the_path_of_a_client_that_takes_nothing_is_as_long_as_its_bounds() -> None:
    strands = Strands()
    slow, quick = ClientQueue(SMALL, strands), ClientQueue(SMALL, strands)
    for index in range(5_000):  # and none of them is walked by recursion
        for queue in (slow, quick):
            queue.put_block("a", block(index), as_text=False)
        quick.take()
        strands.renew()
    assert slow.counts.blocks_dropped == 4_995
    assert quick.counts.blocks_dropped == 0
