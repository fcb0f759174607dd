"""The codec `wellness_ecg`: its rhythm, the time of its samples, what it holds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.wellness_ecg.codec import CODEC, MOST_FRAMES, encode
from shared.contracts.decoding import Decoded, DecodedFrame, Decoder, Refused
from shared.contracts.parking import Reason
from tests.harness.codecs import ENVELOPE, new_decoder

INTERVAL_US = 1e6 / 360
words_of_ecg = st.lists(
    st.one_of(st.integers(0, 1_023), st.sampled_from([0x0A, 0x10A, 0x20A, 0x30A, 0, 1_023])),
    min_size=2,
    max_size=60,
)


def frames(decoder: Decoder, data: bytes) -> list[DecodedFrame]:
    message = decoder.feed(data, ENVELOPE)[0]
    assert isinstance(message, Decoded)
    return message.frames


def samples(found: list[DecodedFrame]) -> list[int]:
    return [number for one in found for number in np.frombuffer(one.data, "<i2").tolist()]


@given(words=words_of_ecg, cuts=st.lists(st.integers(0, 180), max_size=5))
def test_what_is_written_is_read_and_each_sample_has_its_time(
    words: list[int], cuts: list[int]
) -> None:
    """The time of a message is that of the first sample that ends in it, whatever the cut."""
    data = encode(np.array(words))
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    decoder = new_decoder(CODEC)
    read: list[int] = []
    for start, end in pairwise(edges):
        found = frames(decoder, data[start:end])
        if found:
            assert [frame.dt_us for frame in found] == [0]
        read += samples(found)
    assert read == words
    assert decoder.remainder() == b""


@given(
    words=words_of_ecg,
    more=words_of_ecg,
    garbage=st.lists(st.integers(0, 255).filter(lambda octet: octet != 0x0A), min_size=1),
)
def test_no_sample_of_a_good_stretch_is_lost_and_none_is_made_up(
    words: list[int], more: list[int], garbage: list[int]
) -> None:
    first, second = encode(np.array(words)), encode(np.array(more))
    decoder = new_decoder(CODEC)
    message, refused = decoder.feed(first + bytes(garbage) + second, ENVELOPE)
    assert isinstance(message, Decoded)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.GARBAGE
    assert refused.detail.startswith(f"{len(garbage)} bytes passed over")
    one, other = message.frames
    assert (samples([one]), samples([other])) == (words, more)
    n_steps = (len(first) + len(garbage)) / 3
    assert other.dt_us == pytest.approx(n_steps * INTERVAL_US, abs=1)


@given(words=words_of_ecg, lost=st.integers(3, 100), more=words_of_ecg)
def test_a_lost_byte_costs_at_most_two_samples(
    words: list[int], lost: int, more: list[int]
) -> None:
    both = [*words, *more, 512, 513, 514]
    data = encode(np.array(both))
    lost %= len(data) - 9
    found = samples(frames(new_decoder(CODEC), data[:lost] + data[lost + 1 :]))
    assert len(found) >= len(both) - 2
    n_before = lost // 3
    assert found[:n_before] == both[:n_before]
    assert found[-3:] == both[-3:]


def test_a_single_sample_out_of_rhythm_is_none() -> None:
    decoder = new_decoder(CODEC)
    assert frames(decoder, b"xx\x0a\x00\x02yy") == []
    assert samples(frames(decoder, encode(np.array([1, 2])))) == [1, 2]


def test_a_sample_that_is_believed_later_keeps_its_time() -> None:
    """Out of rhythm the first sample is only believed with the second, in the next message."""
    decoder = new_decoder(CODEC)
    data = encode(np.array([700, 701, 702]))
    assert frames(decoder, b"xx" + data[:3]) == []
    (frame,) = frames(decoder, data[3:])
    assert samples([frame]) == [700, 701, 702]
    assert frame.dt_us == round(-INTERVAL_US)


def test_noise_makes_a_bounded_number_of_frames() -> None:
    pair = encode(np.array([1, 2])) + b"x"
    message, refused = new_decoder(CODEC).feed(pair * 9_000, ENVELOPE)
    assert isinstance(message, Decoded)
    assert isinstance(refused, Refused)
    assert len(message.frames) == MOST_FRAMES


def test_what_has_more_than_ten_bits_is_not_written() -> None:
    with pytest.raises(ValueError, match="10 bits"):
        encode(np.array([1_024]))


@pytest.mark.parametrize(
    ("name", "value"),
    [("rate_hz", 0), ("rate_hz", 1e9), ("adc_bits", 0), ("gain", 0), ("gain", 1e-290),
     ("adc_reference_v", -1), ("bias_v", 1e99)],
)  # fmt: skip
def test_constants_that_make_no_sense_make_no_decoder(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        CODEC.new_decoder(CODEC.with_constants({name: value}))


def test_another_gain_gives_another_scale() -> None:
    decoder = CODEC.new_decoder(CODEC.with_constants({"gain": 200.0, "rate_hz": 180.0}))
    (frame,) = frames(decoder, encode(np.array([512])))
    assert frame.interval_ns == round(1e9 / 180)
    assert (frame.scale, frame.offset) == pytest.approx((3_300 / 1_024 / 200, -8.25))
