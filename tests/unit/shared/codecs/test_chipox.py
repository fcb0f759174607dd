"""The packets of a ChipOx module: between two flags stands a packet, or it is told that not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.chipox import packets
from shared.codecs.chipox.codec import CODEC
from shared.codecs.chipox.packets import CONSTANTS, Framing, MessageId, encode, read_packet
from shared.contracts.decoding import Decoded, Decoder, Envelope, Refused
from shared.contracts.parking import Reason

ENVELOPE = Envelope(1, 2, 3)
SPO2 = packets.encode_spo2(97)


def new_decoder(**constants: float) -> Decoder:
    return CODEC.new_decoder(CODEC.with_constants(constants))


def fed(decoder: Decoder, data: bytes) -> tuple[Decoded, list[Refused]]:
    message, *refused = decoder.feed(data, ENVELOPE)
    assert isinstance(message, Decoded)
    return message, [one for one in refused if isinstance(one, Refused)]


def framing(**constants: float) -> Framing:
    return Framing.of({name: one.value for name, one in CONSTANTS.items()} | constants)


@given(
    message=st.integers(0, 255),
    value=st.binary(max_size=64),
    end=st.sampled_from([0xA8, 0xAA]),
    channel=st.integers(0, 255),
)
def test_what_was_written_between_the_flags_is_read(
    message: int, value: bytes, end: int, channel: int
) -> None:
    made = framing(end_flag=end, channel=channel)
    data = encode(message, value, made)
    assert data.count(made.start) + (data.count(made.end) if end != 0xA8 else 0) == 2
    assert read_packet(data[1:-1], made) == (channel, message, value)


def test_a_value_that_is_too_long_is_not_written() -> None:
    with pytest.raises(ValueError, match="at most 64"):
        encode(MessageId.REALTIME, bytes(65))


def test_one_flag_may_end_a_packet_and_begin_the_next() -> None:
    message, refused = fed(new_decoder(), SPO2[:-1] + packets.encode_pulse(61))
    assert [frame.data[0] for frame in message.frames] == [97, 61]
    assert not refused


def test_flags_of_a_module_may_be_others() -> None:
    other = {"start_flag": 0xFE, "end_flag": 0xFD, "escape": 0xFC, "checksum_start": 0x1D0F}
    data = encode(MessageId.SPO2, b"\x61", framing(**other))
    message, refused = fed(new_decoder(**other), data + data)
    assert [frame.data[0] for frame in message.frames] == [97, 97]
    assert not refused
    assert not fed(new_decoder(), data)[0].frames


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (SPO2.replace(b"\x61", b"\x62"), Reason.BAD_CHECKSUM),
        (b"\xa8\x7f\x01\xa9\xa8", Reason.BAD_CHECKSUM),
        (b"\xa8" + bytes(200) + b"\xa8", Reason.GARBAGE),
        (b"\xa8\x01\xa8\x02\xa8\x03\xa8", Reason.GARBAGE),
        (encode(0x33, b""), Reason.WRONG_TYPE),
        (encode(MessageId.SPO2, b"\x61", framing(channel=1)), Reason.WRONG_TYPE),
        (encode(MessageId.SPO2, b""), Reason.MALFORMED),
        (encode(MessageId.STATUS, b"\x01"), Reason.MALFORMED),
        (packets.encode_spo2(101), Reason.MALFORMED),
        (packets.encode_pulse(301), Reason.MALFORMED),
    ],
)
def test_what_says_nothing_is_refused_and_the_next_goes_through(
    data: bytes, reason: Reason
) -> None:
    message, refused = fed(new_decoder(), data + SPO2)
    assert [one.reason for one in refused] == [reason]
    assert [frame.data[0] for frame in message.frames] == [97]


def test_a_long_stretch_is_passed_over_until_a_flag_however_it_is_cut() -> None:
    decoder = new_decoder()
    n_lost = 0
    for _ in range(10):
        message, refused = fed(decoder, bytes(100))
        assert not message.frames
        n_lost += sum(int(one.detail.split()[0]) for one in refused)
        other = new_decoder()
        other.resume(decoder.remainder())
        decoder = other
    assert 1_000 - n_lost <= packets.LARGEST_PACKET
    message, refused = fed(decoder, SPO2)
    assert len(message.frames) == 1
    assert len(decoder.remainder()) == 0


def test_no_value_is_no_reading() -> None:
    data = packets.encode_spo2(0) + packets.encode_spo2(95) + packets.encode_pulse(0)
    message, refused = fed(new_decoder(), data)
    assert [(frame.dt_us, frame.data[0]) for frame in message.frames] == [(1_000_000, 95)]
    assert not refused


def test_the_status_before_is_the_rest_unless_the_module_measures() -> None:
    decoder = new_decoder()
    message, _ = fed(decoder, packets.encode_status(0b1))
    assert (list(message.notes), decoder.remainder()) == ([], b"")
    fed(decoder, packets.encode_status(0b1001))
    other = new_decoder()
    other.resume(decoder.remainder())
    message, _ = fed(other, packets.encode_status(0b1))
    assert [dict(note.data) for note in message.notes] == [
        {"status": "sensor_defective", "on": False}
    ]
    assert other.remainder() == b""


def test_reserved_bits_say_nothing() -> None:
    message, _ = fed(new_decoder(), packets.encode_status(0xFE01))
    assert not message.notes


@pytest.mark.parametrize(
    "constants",
    [{"start_flag": 256}, {"escape": 0xA8}, {"start_flag": 0x88}, {"checksum_start": -1},
     {"channel": 1.0e9}, {"reading_rate_hz": 0.0}, {"end_flag": float("inf")}],
)  # fmt: skip
def test_constants_that_cannot_be_are_named(constants: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="chipox"):
        new_decoder(**constants)
