"""From a message to its frames and its PUBACK, step by step."""

import asyncio

import msgspec
import numpy as np
import pytest

from shared.codecs.packed.codec import encode
from shared.codecs.register import load_codecs
from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoded, DecodedFrame, Envelope, Refused
from shared.contracts.parking import Reason
from tests.unit.services.gateway.application.lane_in_memory import NAMES, MemoryLane

START = 1_767_225_600_000_000


def packed(n: int, *, t_us: int = START, boot: int = 7, stream: int = 1, flags: int = 0) -> bytes:
    data = np.arange(4, dtype="<i2").tobytes()
    one = DecodedFrame(stream, 1, 1, 4, 4_000_000, 0, 1, 0.5, 0.0, data)
    return encode(Decoded(boot, n, t_us, flags, [one]))


def rows(*changes: dict[str, object]) -> bytes:
    good = {"b": "7", "n": 0, "t": START, "s": "temperature", "x": 36.6}
    return msgspec.json.encode([{**good, **change} for change in changes])


async def test_a_puback_waits_for_the_confirm() -> None:
    lane = MemoryLane()
    await lane.accept(lane.incoming(packed(0)), lane.incoming(packed(1)))
    assert lane.out.numbers() == [0, 1]
    assert lane.session.acknowledged == []
    await lane.out.confirm("live")
    assert lane.session.acknowledged == [1, 2]


async def test_pubacks_keep_their_order_over_live_late_and_parked() -> None:
    lane = MemoryLane()
    await lane.accept(
        lane.incoming(packed(0, t_us=START - 60_000_000)),
        lane.incoming(b"rubbish"),
        lane.incoming(packed(1)),
    )
    await lane.out.confirm("live")
    await lane.out.confirm("park")
    assert lane.session.acknowledged == []
    await lane.out.confirm("late")
    assert lane.session.acknowledged == [1, 2, 3]


async def test_a_message_without_an_id_expects_no_puback() -> None:
    lane = MemoryLane()
    await lane.accept(lane.incoming(packed(0), qos=0), lane.incoming(packed(1)))
    await lane.out.confirm()
    assert lane.out.numbers() == [0, 1]
    assert lane.session.acknowledged == [1]


async def test_a_payload_of_many_messages_is_acknowledged_after_the_last() -> None:
    lane = MemoryLane()
    old = START - 60_000_000
    await lane.accept(lane.incoming(rows({"n": 0}, {"n": 1, "t": old}, {"n": 2}), "json"))
    assert (lane.out.numbers(), lane.out.numbers(late=True)) == ([0, 2], [1])
    await lane.out.confirm("late")
    assert lane.session.acknowledged == []
    await lane.out.confirm("live")
    assert lane.session.acknowledged == [1]


async def test_one_bad_row_is_refused_and_its_neighbours_go_on() -> None:
    lane = MemoryLane()
    await lane.accept(lane.incoming(rows({"n": 0}, {"n": 1, "s": "aura"}, {"n": 2}), "json"))
    assert lane.out.numbers() == [0, 2]
    assert [(one.reason, one.identity) for one in lane.out.parked] == [
        (Reason.UNKNOWN_STREAM, "00000007/1")
    ]
    await lane.out.confirm()
    assert lane.session.acknowledged == [1]


async def test_while_postgresql_is_away_only_known_clocks_go_on() -> None:
    lane = MemoryLane()
    await lane.accept(lane.incoming(packed(0)))
    lane.tables.away = True
    await lane.accept(
        lane.incoming(packed(1)),
        lane.incoming(packed(0, boot=8)),
        lane.incoming(packed(2, t_us=12_345)),  # its clock stands at 1970: a new segment
    )
    await lane.out.confirm()
    assert lane.out.numbers() == [0, 1]
    assert lane.session.acknowledged == [1, 2, 3, 4]
    assert not lane.out.parked
    lane.tables.away = False
    await lane.clock.advance(10)
    await lane.accept(lane.incoming(packed(0, boot=8)), lane.incoming(packed(2, t_us=12_345)))
    assert lane.out.numbers() == [0, 1, 0, 2]


async def test_a_new_device_is_not_refused_while_nobody_can_say_who_it_is() -> None:
    lane = MemoryLane()
    lane.tables.away = True
    await lane.accept(lane.incoming(packed(0)))
    assert lane.session.acknowledged == [1]
    assert not lane.out.parked
    lane.tables.away = False
    await lane.clock.advance(10)
    await lane.accept(lane.incoming(packed(0)), lane.incoming(packed(0), name="stranger"))
    assert lane.out.numbers() == [0]
    assert [one.reason for one in lane.out.parked] == [Reason.UNKNOWN_DEVICE]


async def test_the_segment_that_another_gateway_kept_first_counts() -> None:
    lane = MemoryLane()
    status = lane.incoming(b"")._replace(
        topic=lane.incoming(b"").topic.replace("d/packed", "status"),
        payload=msgspec.json.encode({"online": True, "boot": 7, "t": START - 9_000_000}),
    )
    other = MemoryLane()
    await other.accept(other.incoming(packed(0)))  # kept offset 0, without a status
    await lane.accept(status)
    await lane.ingest._parts.clocks.load([])
    lane.tables.segments = other.tables.segments
    await lane.accept(lane.incoming(packed(0, t_us=START - 9_000_000)))
    (batch, _) = lane.out.frames[0]
    assert int(batch.table["t0"][0]) == START - 9_000_000


class BuggyDecoder:
    """Chokes on one payload, as a bug would."""

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        if data == b"bug":
            raise ZeroDivisionError
        return load_codecs()["packed"].new_decoder({}).feed(data, envelope)

    def remainder(self) -> bytes:
        return b""

    def resume(self, rest: bytes) -> None:
        pass


async def test_a_bug_harms_the_message_that_shows_it_and_no_other() -> None:
    buggy = Codec(
        name="packed",
        framing=Framing.MESSAGE,
        largest_bytes=100,
        new_decoder=lambda _: BuggyDecoder(),
    )
    lane = MemoryLane({"packed": buggy})
    await lane.accept(
        lane.incoming(packed(0)), lane.incoming(b"bug"), lane.incoming(packed(0), name=NAMES[1])
    )
    assert lane.out.numbers() == [0, 0]
    assert [one.reason for one in lane.out.parked] == [Reason.INTERNAL_ERROR]
    assert "ZeroDivisionError" in lane.out.parked[0].detail
    await lane.out.confirm()
    assert lane.session.acknowledged == [1, 2, 3]


async def test_a_lane_far_ahead_waits_until_storage_or_rabbitmq_moves() -> None:
    lane = MemoryLane()
    stop = asyncio.Event()
    for n in range(90):
        await lane.accept(lane.incoming(packed(n)))
    waiting = asyncio.create_task(lane.outlet.wait_for_room(stop))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done(), "more than 5,000 bytes are not confirmed"
    await lane.out.confirm()
    await asyncio.wait([waiting], timeout=60)
    assert waiting.done()
    for n in range(90, 150):
        await lane.accept(lane.incoming(packed(n)))
    await lane.out.confirm()
    waiting = asyncio.create_task(lane.outlet.wait_for_room(stop))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done(), "more than 10,000 bytes are not stored"
    lane.flow.store(9_000, late=False)
    lane.outlet.look_again()
    await asyncio.wait([waiting], timeout=60)
    assert waiting.done()


async def test_what_rabbitmq_will_not_take_is_not_acknowledged() -> None:
    lane = MemoryLane()
    await lane.accept(lane.incoming(packed(0)))
    ((_, confirmation),) = lane.out.open
    confirmation.set_exception(LookupError("no such stream"))
    await asyncio.sleep(0)
    assert lane.session.acknowledged == []
    with pytest.raises(LookupError):
        await lane.outlet.wait_for_room(asyncio.Event())


async def test_a_receipt_is_asked_for_by_flag_or_by_a_filled_buffer() -> None:
    lane = MemoryLane()
    await lane.accept(lane.incoming(packed(0)), lane.incoming(packed(1, flags=8), name=NAMES[1]))
    assert lane.asked == [2]


async def test_a_device_beyond_its_share_is_passed_over_and_its_neighbour_is_not() -> None:
    lane = MemoryLane()
    await lane.accept(lane.incoming(packed(0)), lane.incoming(packed(0), name=NAMES[1]))
    await lane.out.confirm()
    flood = [lane.incoming(packed(n)) for n in range(1, 1_500)]
    good = [lane.incoming(packed(n), name=NAMES[1]) for n in range(1, 21)]
    mixed = [*flood[:700], *good[:10], *flood[700:], *good[10:]]
    for start in range(0, len(mixed), 200):
        await lane.accept(*mixed[start : start + 200])
        await lane.out.confirm()
    by_device = {
        key: [
            int(row["n"]) for batch, _ in lane.out.frames for row in batch.table
            if row["device"] == key
        ]
        for key in (1, 2)
    }  # fmt: skip
    assert by_device[1] == list(range(1_000))  # its burst
    assert by_device[2] == list(range(21))
    assert lane.session.acknowledged[2:] == [message.packet_id for message in mixed]
    assert lane.refused == []
    # What was passed over is not stored, so it comes again, and is taken at the lasting rate.
    await lane.clock.advance(1.0)
    await lane.accept(*(lane.incoming(packed(n)) for n in range(1_000, 1_200)))
    await lane.out.confirm()
    assert lane.out.numbers()[-100:] == list(range(1_000, 1_100))


async def test_late_messages_do_not_make_live_ones_wait_for_more() -> None:
    lane = MemoryLane()
    quiet_s = lane.outlet.window_s
    for turn in range(5):
        await lane.clock.advance(0.1)
        old = [lane.incoming(packed(100 * turn + n, t_us=START - 60_000_000)) for n in range(100)]
        await lane.accept(*old)
        await lane.out.confirm()
    assert len(lane.out.numbers(late=True)) == 500
    assert lane.outlet.window_s == quiet_s
