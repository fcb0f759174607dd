"""The hub's stream: the way is found again, and nothing good is lost with what was broken."""

import struct
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.smsg import layout
from shared.codecs.smsg.codec import CODEC, LARGEST_REST
from shared.codecs.smsg.layout import HEAD, HEADER, PAYLOADS, Message, Result, encode, split
from shared.contracts.decoding import Decoded, Decoder, Envelope, Refused
from shared.contracts.events import EventKind
from shared.contracts.parking import Reason

T_US = 1_800_000_000_000_000
LOCAL = datetime(2027, 1, 15, 8, 0, 0)  # noqa: DTZ001 - T_US, in UTC
ENVELOPE = Envelope(1, 2, T_US)
UNIT = 0xA1B2
ECG = layout.encode_ecg(UNIT, struct.pack(">10H", *range(100, 110)))


def new_decoder(**constants: float) -> Decoder:
    return CODEC.new_decoder(CODEC.with_constants(constants))


def fed(*pieces: bytes) -> tuple[list[Decoded], list[Refused]]:
    decoder = new_decoder()
    found = [one for piece in pieces for one in decoder.feed(piece, ENVELOPE)]
    messages = [one for one in found if isinstance(one, Decoded)]
    return messages, [one for one in found if isinstance(one, Refused)]


def counts(messages: list[Decoded]) -> list[int]:
    data = b"".join(frame.data for one in messages for frame in one.frames if frame.stream == 1)
    return [int(count) for count in np.frombuffer(data, "<i4")]


def lost_bytes(refused: list[Refused]) -> int:
    return sum(int(one.detail.split()[0]) for one in refused if one.reason is Reason.GARBAGE)


@st.composite
def all_messages(draw: st.DrawFn) -> Message:
    (device_type, message_type), lengths = draw(st.sampled_from(list(PAYLOADS.items())))
    length = draw(st.sampled_from([one for one in lengths if one <= 80]))
    ids = st.integers(0, 2**32 - 1)
    originator, destination = draw(ids), draw(st.sampled_from([layout.SERVER, layout.CORE]))
    payload = draw(st.binary(min_size=length, max_size=length))
    return Message(device_type, message_type, originator, destination, payload)


@given(messages=st.lists(all_messages()))
def test_every_message_is_split_as_it_was_encoded(messages: list[Message]) -> None:
    assert split(b"".join(encode(message) for message in messages)) == messages


@pytest.mark.parametrize("data", [b"x", b"SMSG", ECG[:-1], ECG + b"S", b"SMSG" + bytes(12)])
def test_what_is_not_whole_is_not_split(data: bytes) -> None:
    with pytest.raises(ValueError, match="no SMSG message at byte"):
        split(data)


@pytest.mark.parametrize(
    "message",
    [
        Message(99, 1, 1, 2),
        Message(21, 2, UNIT, 1, b"odd"),
        Message(21, 2, UNIT, UNIT, b"ab"),
        Message(21, 2, -1, 1, b"ab"),
        Message(22, 2, UNIT, 1, b""),
    ],
)
def test_a_message_that_is_none_is_not_written(message: Message) -> None:
    with pytest.raises(ValueError, match="SMSG"):
        encode(message)


def test_all_ecg_of_a_unit_in_one_mqtt_message_is_one_frame() -> None:
    other = layout.encode_ecg(7, struct.pack(">2H", 1, 2))
    (message,), refused = fed(ECG * 20 + other + ECG)
    assert not refused
    assert [(frame.unit, frame.samples) for frame in message.frames] == [
        ("0000a1b2", 210),
        ("00000007", 2),
    ]
    assert len(message.words) == 22


@given(
    lengths=st.lists(st.sampled_from([2, 20, 20, 20, 40]), min_size=1, max_size=30),
    units=st.lists(st.sampled_from([UNIT, UNIT, UNIT, 7]), min_size=30, max_size=30),
    data=st.data(),
)
def test_runs_of_messages_are_read_like_single_ones(
    lengths: list[int], units: list[int], data: st.DataObject
) -> None:
    payloads = [
        data.draw(st.sampled_from([bytes(size), HEADER * (size // 4) + b"ab" * (size % 4 // 2)]))
        for size in lengths
    ]
    pieces = [
        layout.encode_ecg(unit, payload) for unit, payload in zip(units, payloads, strict=False)
    ]
    together, refused = fed(b"".join(pieces))
    singly, _ = fed(*pieces)
    for unit in ("0000a1b2", "00000007"):
        assert [
            b"".join(frame.data for one in read for frame in one.frames if frame.unit == unit)
            for read in (together, singly)
        ] == [
            b"".join(
                _widened(p) for u, p in zip(units, payloads, strict=False) if f"{u:08x}" == unit
            )
        ] * 2
    assert not refused


def _widened(payload: bytes) -> bytes:
    return np.frombuffer(payload, ">u2").astype("<i4").tobytes()


@given(
    length=st.integers(0, 0xFFFF),
    key=st.sampled_from([(21, 2), (21, 1), (23, 2), (22, 4), (99, 2), (0, 0)]),
    inside=st.integers(0, 60),
)
def test_a_false_header_takes_no_good_message_with_it(
    length: int, key: tuple[int, int], inside: int
) -> None:
    false = HEAD.pack(HEADER, length, *key, UNIT, layout.SERVER) + b"\x55" * inside
    (message,), refused = fed(false + ECG * 3)
    assert counts([message])[-30:] == [*range(100, 110)] * 3
    assert lost_bytes(refused) <= len(false)


@pytest.mark.parametrize("cut", range(1, len(ECG)))
def test_a_message_that_lost_its_end_costs_itself_only(cut: int) -> None:
    """Unless it lost a few bytes only, which nothing tells: then its last samples are wrong."""
    (message,), refused = fed(ECG + ECG[:cut] + ECG)
    found = counts([message])
    assert found[:10] == found[-10:] == [*range(100, 110)]
    if cut + HEAD.size <= len(ECG):
        assert (len(found), lost_bytes(refused)) == (20, cut)
    else:
        assert (len(found), lost_bytes(refused)) == (30, 0)


def test_smsg_in_ecg_data_is_data() -> None:
    for at in range(10):
        words = [*range(300, 310)]
        words[at : at + 2] = [0x534D, 0x5347]
        message = layout.encode_ecg(UNIT, struct.pack(f">{len(words)}H", *words))
        read, refused = fed(message + ECG)
        assert counts(read) == [*words, *range(100, 110)]
        assert not refused


def test_a_message_is_of_the_piece_in_which_it_ends() -> None:
    messages, refused = fed(ECG[:30], ECG[30:] + ECG[:5], ECG[5:])
    assert [counts([one]) for one in messages] == [[], [*range(100, 110)], [*range(100, 110)]]
    assert not refused


def test_whole_messages_leave_no_rest() -> None:
    decoder = new_decoder()
    decoder.feed(ECG * 3, ENVELOPE)
    assert decoder.remainder() == b""


def test_a_status_that_is_not_quiet_is_the_rest_of_a_whole_message() -> None:
    decoder = new_decoder()
    decoder.feed(layout.encode_error(7, 0b1000), ENVELOPE)
    rest = decoder.remainder()
    assert 0 < len(rest) <= LARGEST_REST
    other = new_decoder()
    other.resume(rest)
    (told,) = other.feed(layout.encode_error(7, 0b1001), ENVELOPE)
    assert isinstance(told, Decoded)
    assert [dict(note.data) for note in told.notes] == [
        {"kind": "oximeter", "status": "pulse_wave_detected", "on": True}
    ]


def test_readings_of_one_message_lie_apart_and_none_is_none() -> None:
    spo2 = [layout.encode_spo2(7, percent) for percent in (97, 0, 96)]
    (message,), refused = fed(b"".join(spo2) + layout.encode_pulse(7, 0))
    assert [(frame.dt_us, frame.data[0]) for frame in message.frames] == [(0, 97), (2_000_000, 96)]
    assert not refused


@pytest.mark.parametrize(
    "data",
    [
        encode(Message(22, 2, 7, 1, b"\x65")),  # 101 %
        encode(Message(22, 3, 7, 1, b"\x01\x2d")),  # 301 a minute
    ],
)
def test_a_value_above_its_range_is_refused_alone(data: bytes) -> None:
    (message,), (refused,) = fed(data + ECG)
    assert refused.reason is Reason.MALFORMED
    assert counts([message]) == [*range(100, 110)]


@pytest.mark.parametrize(
    "data",
    [
        encode(Message(1, 1, 1, 2)),
        encode(Message(21, 3, 1, UNIT)),
        encode(Message(21, 2, 1, 2, b"ab")),
        encode(Message(23, 3, 1, 0x53, bytes(4))),
        encode(Message(23, 4, 1, 0x53, bytes(6))),
    ],
)
def test_what_only_the_server_says_is_refused_alone(data: bytes) -> None:
    (message,), (refused,) = fed(data + ECG)
    assert refused.reason is Reason.WRONG_TYPE
    assert [frame.unit for frame in message.frames] == ["0000a1b2"]
    assert len(message.words) == 1


def result(taken: datetime) -> bytes:
    return layout.encode_result(0x53, Result(4, taken, pef_l_min=512))


def test_a_result_that_comes_again_is_at_the_same_time() -> None:
    decoder = new_decoder(utc_offset_min=-300.0)
    times = set()
    for n, t_us in enumerate((T_US, T_US + 3_600_000_000, T_US + 86_400_000_000)):
        (found,) = decoder.feed(result(LOCAL - timedelta(days=200, hours=9)), Envelope(1, n, t_us))
        assert isinstance(found, Decoded)
        times.add(found.t_us + found.frames[0].dt_us)
    assert times == {T_US - (200 * 24 + 4) * 3_600_000_000}


@pytest.mark.parametrize("days", [-361, 1])
def test_a_result_of_an_absurd_clock_stands_where_it_came(days: int) -> None:
    (message,), _ = fed(result(LOCAL + timedelta(days=days)))
    assert [frame.dt_us for frame in message.frames] == [0]
    (note,) = message.notes
    assert (note.kind, note.data["result"]) == (EventKind.CLOCK_ABSURD, 4)


def test_a_result_of_no_day_stands_where_it_came() -> None:
    whole = bytearray(result(LOCAL))
    whole[HEAD.size + 4] = 13
    (message,), _ = fed(bytes(whole))
    assert message.notes[0].data["told"] == "2027-13-15T08:00:00"
    assert message.frames[0].dt_us == 0


@pytest.mark.parametrize(
    "constants",
    [{"ecg_rate_hz": 0.0}, {"ecg_gain": float("nan")}, {"utc_offset_min": 1e9},
     {"oldest_result_days": 400.0}, {"unit_gone_s": -1.0}],
)  # fmt: skip
def test_constants_that_cannot_be_are_named(constants: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="smsg"):
        new_decoder(**constants)


@pytest.mark.parametrize("number", [-1, 65_536])
def test_a_result_that_does_not_fit_is_not_written(number: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        layout.encode_result(0x53, Result(number, LOCAL))


def test_one_message_brings_something_of_so_many_units_only() -> None:
    data = b"".join(layout.encode_spo2(unit, 97) for unit in range(100, 200))
    (message,), (refused,) = fed(data + data)
    assert [frame.unit for frame in message.frames] == [
        layout.unit_name(unit) for unit in range(100, 164)
    ] * 2
    assert (refused.reason, refused.detail) == (
        Reason.UNKNOWN_UNIT,
        "72 messages of more than 64 units",
    )
