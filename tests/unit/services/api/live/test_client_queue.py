import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.live.beats import BeatBlock
from services.api.live.client_queue import ClientQueue
from services.api.live.waiting import QueueBounds, TooSlowError, VitalKey
from services.api.live.waveform_bytes import WaveformBlock, WaveformHeader

HEADER = WaveformHeader(
    patient="p-aaaaa",
    device="ecg-1",
    stream="ecg",
    place="none",
    hz=250.0,
    channels=("I",),
    scale=0.001,
    offset=0.0,
    unit="mV",
)
SMALL = QueueBounds(messages=3, message_bytes=1_000, waveform_bytes=1_000, vitals=4, beats=5)


def block(index: int, header: WaveformHeader = HEADER) -> WaveformBlock:
    return WaveformBlock(
        header=header,
        t0_us=index * 1_000_000,
        end_us=(index + 1) * 1_000_000,
        n=100,
        samples=np.full(100, index, dtype="<i2").tobytes(),
    )


def beats(index: int, n: int = 2) -> BeatBlock:
    items = b",".join(b'{"n":%d}' % (10 * index + place) for place in range(n))
    return BeatBlock(
        patient="p-aaaaa",
        device="ecg-1",
        start_us=index * 1_000_000,
        end_us=(index + 1) * 1_000_000,
        n=n,
        items=items,
    )


def key(patient: str = "p-aaaaa", measure: str = "heart_rate") -> VitalKey:
    return VitalKey(patient, "ecg-1", measure, "ecg_beat_intervals")


def texts(queue: ClientQueue) -> list[Any]:
    return [json.loads(message) for message in queue.take() if isinstance(message, str)]


def blocks_in(message: bytes) -> list[tuple[dict[str, Any], list[int]]]:
    if message[0] == 1:
        (length,) = struct.unpack_from("<H", message, 1)
        header = json.loads(message[3 : 3 + length])
        return [(header, np.frombuffer(message[3 + length :], dtype="<i2").tolist())]
    assert message[0] == 2
    (count,) = struct.unpack_from("<H", message, 1)
    place, found = 4, []
    for _ in range(count):
        (length,) = struct.unpack_from("<I", message, place)
        found += blocks_in(message[place + 4 : place + 4 + length])
        place += 4 + length + (-length % 4)
    return found


def binary(queue: ClientQueue) -> list[tuple[dict[str, Any], list[int]]]:
    return [
        found
        for message in queue.take()
        if isinstance(message, bytes)
        for found in blocks_in(message)
    ]


def test_an_empty_queue_gives_nothing() -> None:
    queue = ClientQueue(SMALL)
    assert not queue
    assert queue.take() == []


def test_of_one_value_only_the_newest_waits() -> None:
    queue = ClientQueue(SMALL)
    for value in range(10):
        queue.put_vitals("a", {key(): b'{"value":%d}' % value})
    queue.put_vitals("a", {key(measure="spo2"): b'{"value":97}'})

    assert texts(queue) == [{"id": "a", "kind": "vitals", "items": [{"value": 9}, {"value": 97}]}]
    assert queue.counts.vitals_conflated == 9
    assert not queue


def test_subscriptions_do_not_conflate_each_other() -> None:
    queue = ClientQueue(SMALL)
    queue.put_vitals("a", {key(): b"1"})
    queue.put_vitals("b", {key(): b"2"})
    assert [message["items"] for message in texts(queue)] == [[1], [2]]


def test_too_many_different_values_cut_the_client_off() -> None:
    queue = ClientQueue(SMALL)
    for index in range(SMALL.vitals):
        queue.put_vitals("a", {key(measure=f"m{index}"): b"1"})
    queue.put_vitals("a", {key(measure="m0"): b"2"})
    with pytest.raises(TooSlowError):
        queue.put_vitals("a", {key(measure="one_more"): b"1"})


def test_alarms_and_events_are_never_dropped() -> None:
    queue = ClientQueue(SMALL)
    for index in range(SMALL.messages):
        queue.put_message(b'{"n":%d}' % index)
    with pytest.raises(TooSlowError):
        queue.put_message(b"{}")
    assert texts(queue) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_large_messages_count_by_their_bytes() -> None:
    queue = ClientQueue(SMALL)
    queue.put_message(b" " * 999)
    with pytest.raises(TooSlowError):
        queue.put_message(b"{}")


def test_of_the_state_only_the_newest_waits() -> None:
    queue = ClientQueue(SMALL)
    queue.put_state(b'{"kind":"state","n":1}')
    queue.put_state(b'{"kind":"state","n":2}')
    assert texts(queue) == [{"kind": "state", "n": 2}]


def test_the_state_keeps_its_place_among_alarms_and_events() -> None:
    queue = ClientQueue(SMALL)
    queue.put_message(b'{"n":1}')
    queue.put_state(b'{"state":1}')
    queue.put_message(b'{"n":2}')
    queue.put_state(b'{"state":2}')
    queue.put_message(b'{"n":3}')
    assert texts(queue) == [{"n": 1}, {"n": 2}, {"state": 2}, {"n": 3}]


def test_a_stream_is_introduced_once_and_goes_on_short() -> None:
    queue = ClientQueue(SMALL)
    queue.put_block("a", block(0), as_text=False)
    first = binary(queue)
    queue.put_block("a", block(1), as_text=False)
    queue.put_block("a", block(2), as_text=False)
    following = binary(queue)

    assert first[0][0]["channels"] == ["I"]
    assert [header for header, _ in following] == [
        {"s": first[0][0]["s"], "t0": 1_000_000, "n": 100},
        {"s": first[0][0]["s"], "t0": 2_000_000, "n": 100},
    ]
    assert following[1][1] == [2] * 100


def test_another_scale_gets_another_handle_and_the_old_one_is_introduced_again() -> None:
    queue = ClientQueue(SMALL)
    louder = WaveformHeader(**{**_fields(HEADER), "scale": 0.002, "number": 2})
    headers = []
    for index, header in enumerate([HEADER, louder, HEADER]):
        queue.put_block("a", block(index, header), as_text=False)
        headers.append(binary(queue)[0][0])

    assert all("channels" in header for header in headers)
    assert [header["scale"] for header in headers] == [0.001, 0.002, 0.001]
    assert headers[0]["s"] == headers[2]["s"] != headers[1]["s"]


def test_two_subscriptions_of_one_stream_have_handles_of_their_own_and_share_the_bytes() -> None:
    one, other = ClientQueue(SMALL), ClientQueue(SMALL)
    handles = set()
    for queue, slot in ((one, 0), (one, 1), (other, 0)):
        queue.put_block(f"s{slot}", block(0), slot=slot, as_text=False)
        handles |= {header["s"] for header, _ in binary(queue)}
    assert len(handles) == 2
    shared = block(1)
    for queue in (one, other):
        queue.put_block("s0", shared, slot=0, as_text=False)
    assert one.take() == other.take()
    assert shared.short_form(7) is shared.short_form(7)


def test_samples_that_do_not_fit_are_dropped_and_told_as_one_gap_before_the_rest() -> None:
    queue = ClientQueue(SMALL)
    for index in range(8):  # 200 bytes each, 1,000 fit
        queue.put_block("a", block(index), as_text=False)

    messages = queue.take()

    assert json.loads(messages[0]) == {
        "id": "a",
        "kind": "gap",
        "patient": "p-aaaaa",
        "device": "ecg-1",
        "stream": "ecg",
        "from": "1970-01-01T00:00:00.000000Z",
        "to": "1970-01-01T00:00:03.000000Z",
    }
    assert isinstance(messages[1], bytes)
    assert [header["t0"] for header, _ in blocks_in(messages[1])] == [
        index * 1_000_000 for index in range(3, 8)
    ]
    assert queue.counts.blocks_dropped == 3


def test_beats_of_one_subscription_go_out_together() -> None:
    queue = ClientQueue(SMALL)
    queue.put_beats("a", beats(0))
    queue.put_beats("b", beats(1, n=1))
    queue.put_beats("a", beats(2))
    assert texts(queue) == [
        {"id": "a", "kind": "beats", "items": [{"n": 0}, {"n": 1}, {"n": 20}, {"n": 21}]},
        {"id": "b", "kind": "beats", "items": [{"n": 10}]},
    ]
    assert not queue


def test_beats_that_do_not_fit_are_dropped_and_told_as_one_gap() -> None:
    queue = ClientQueue(SMALL)
    for index in range(4):
        queue.put_beats("a", beats(index))
    gap, rest = texts(queue)
    assert gap == {
        "id": "a",
        "kind": "gap",
        "patient": "p-aaaaa",
        "device": "ecg-1",
        "stream": "beats",
        "from": "1970-01-01T00:00:00.000000Z",
        "to": "1970-01-01T00:00:02.000000Z",
    }
    assert rest["items"] == [{"n": 20}, {"n": 21}, {"n": 30}, {"n": 31}]
    queue.put_beats("a", beats(5))
    queue.forget("a")
    assert texts(queue) == []


def test_what_is_introduced_by_a_dropped_block_is_introduced_by_the_next() -> None:
    queue = ClientQueue(QueueBounds(waveform_bytes=200))
    queue.put_block("a", block(0), as_text=False)
    queue.put_block("a", block(1), as_text=False)
    assert "channels" in binary(queue)[0][0]


def test_text_is_for_those_who_want_it_and_shows_missing_samples_as_null() -> None:
    queue = ClientQueue(SMALL)
    samples = np.array([1, -32_768, 3], dtype="<i2").tobytes()
    queue.put_block(
        "a",
        WaveformBlock(header=HEADER, t0_us=0, end_us=12_000, n=3, samples=samples),
        as_text=True,
    )
    assert texts(queue)[0]["values"] == [[1, None, 3]]


def test_an_ended_subscription_leaves_nothing_behind() -> None:
    queue = ClientQueue(SMALL)
    for subscription in ("a", "b"):
        queue.put_vitals(subscription, {key(): b"1"})
        for index in range(3):
            queue.put_block(subscription, block(index), as_text=False)  # the first is dropped
    assert queue.counts.blocks_dropped == 1
    queue.forget("a")

    messages = queue.take()

    assert all(json.loads(m)["id"] == "b" for m in messages if isinstance(m, str))
    assert sum(isinstance(m, bytes) for m in messages) == 1


@given(st.lists(st.sampled_from(["message", "vital", "block", "state", "take"]), max_size=200))
def test_no_bound_is_ever_passed(steps: list[str]) -> None:
    queue = ClientQueue(SMALL)
    for index, step in enumerate(steps):
        try:
            match step:
                case "message":
                    queue.put_message(b"{}")
                case "vital":
                    queue.put_vitals("a", {key(measure=f"m{index % 7}"): b"1"})
                case "block":
                    queue.put_block("a", block(index), as_text=False)
                case "state":
                    queue.put_state(b"{}")
                case _:
                    _check_bounds(queue.take())
        except TooSlowError:
            break
    _check_bounds(queue.take())


def _check_bounds(messages: list[bytes | str]) -> None:
    samples = [values for m in messages if isinstance(m, bytes) for _, values in blocks_in(m)]
    assert sum(2 * len(values) for values in samples) <= SMALL.waveform_bytes
    assert len(messages) <= SMALL.messages + 4  # gap, vitals, blocks, state


def _fields(header: WaveformHeader) -> dict[str, Any]:
    return {name: getattr(header, name) for name in WaveformHeader.__slots__}
