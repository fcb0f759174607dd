"""What every codec must bear: any bytes, cut anywhere, changed anywhere, too long.

A codec comes in by its samples (`tests.harness.codecs`).
"""

import random
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoded, Refused
from shared.contracts.parking import Reason
from tests.harness.codecs import (
    CODECS,
    ENVELOPE,
    CodecSamples,
    check_sound,
    content,
    load_samples,
    new_decoder,
    of_framing,
)

SAMPLES = load_samples()
MESSAGE = [name for name in of_framing(Framing.MESSAGE) if name in SAMPLES]
STREAM = [name for name in of_framing(Framing.STREAM) if name in SAMPLES]
LONGEST_SAMPLE = 600
FEED_BYTES = 4_096

every_codec = pytest.mark.parametrize("name", sorted(SAMPLES))
every_message_codec = pytest.mark.parametrize("name", MESSAGE)
every_stream_codec = pytest.mark.parametrize("name", STREAM)


def of(name: str) -> tuple[Codec, CodecSamples]:
    return CODECS[name], SAMPLES[name]


def fed(codec: Codec, pieces: list[bytes], *, resumed: bool = False) -> list[Decoded | Refused]:
    """What a decoder gives of the pieces; a new one for each, from the rest, if `resumed`."""
    found: list[Decoded | Refused] = []
    decoder = new_decoder(codec)
    for piece in pieces:
        if resumed:
            rest = decoder.remainder()
            decoder = new_decoder(codec)
            decoder.resume(rest)
        these = decoder.feed(piece, ENVELOPE)
        check_sound(codec, decoder, these)
        found += these
    return found


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_every_codec_has_samples() -> None:
    assert set(CODECS) == set(SAMPLES)
    for name, samples in SAMPLES.items():
        assert samples.messages, name
        assert max(map(len, samples.messages)) <= LONGEST_SAMPLE, name


@every_message_codec
def test_what_the_encoder_wrote_is_read(name: str) -> None:
    codec, samples = of(name)
    decoder = new_decoder(codec)
    assert len(samples.told) == len(samples.messages)
    for message, told in zip(samples.messages, samples.told, strict=True):
        assert decoder.feed(message, ENVELOPE) == [told]


@every_stream_codec
def test_what_the_encoder_wrote_is_read_as_a_stream(name: str) -> None:
    codec, samples = of(name)
    decoder = new_decoder(codec)
    assert decoder.feed(samples.stream, ENVELOPE) == list(samples.told)
    assert decoder.remainder() == new_decoder(codec).remainder() or not samples.checksummed


@every_message_codec
def test_cut_anywhere_it_is_refused_and_the_next_goes_through(name: str) -> None:
    codec, samples = of(name)
    decoder = new_decoder(codec)
    for whole, told in zip(samples.messages, samples.told, strict=True):
        for cut in range(len(whole)):
            (found,) = decoder.feed(whole[:cut], ENVELOPE)
            assert isinstance(found, Refused), f"cut at {cut}"
            assert decoder.remainder() == b""
        assert decoder.feed(whole, ENVELOPE) == [told]


@every_message_codec
def test_bytes_before_and_behind_are_refused(name: str) -> None:
    codec, samples = of(name)
    for whole in samples.messages:
        for around in (b"x" + whole, whole + b"x", whole + whole, b"\0" + whole, whole + b"\0"):
            (found,) = new_decoder(codec).feed(around, ENVELOPE)
            assert isinstance(found, Refused)


@pytest.mark.parametrize("name", [name for name in MESSAGE if CODECS[name].needs_envelope])
def test_native_bytes_without_an_envelope_have_no_identity(name: str) -> None:
    codec, samples = of(name)
    for whole in samples.messages:
        (found,) = new_decoder(codec).feed(whole, None)
        assert isinstance(found, Refused)
        assert found.reason is Reason.NO_IDENTITY


@every_codec
def test_what_is_longer_than_told_is_refused_unread(name: str) -> None:
    codec, samples = of(name)
    decoder = new_decoder(codec)
    found = decoder.feed(bytes(codec.largest_bytes + 1), ENVELOPE)
    (refused,) = [one for one in found if isinstance(one, Refused)]
    assert refused.reason is Reason.TOO_LARGE
    if codec.framing is Framing.STREAM:
        assert content(decoder.feed(samples.stream, ENVELOPE)) == content(samples.told)


@every_message_codec
def test_every_single_changed_bit_is_refused_or_harmless(name: str) -> None:
    codec, samples = of(name)
    decoder = new_decoder(codec)
    for index, (whole, told) in enumerate(zip(samples.messages, samples.told, strict=True)):
        for bit in range(len(whole) * 8):
            found = decoder.feed(flipped(whole, bit), ENVELOPE)
            check_sound(codec, decoder, found)
            if samples.checksummed and index not in samples.unguarded:
                # hex digits may be small or capital
                assert found == [told] or isinstance(found[0], Refused), f"bit {bit}"
        assert decoder.feed(whole, ENVELOPE) == [told]


@every_stream_codec
def test_every_single_changed_bit_of_a_stream_harms_what_is_near_only(name: str) -> None:
    """The way is found again; and what a checksum guards is never read otherwise."""
    codec, samples = of(name)
    copies = 2 + codec.largest_rest // len(samples.stream)
    good = content(fed(codec, [samples.stream] * copies))
    right = {
        (frame.unit, frame.stream, frame.data)
        for message in samples.messages
        for one in fed(codec, [message])
        if isinstance(one, Decoded)
        for frame in one.frames
    }
    for bit in range(len(samples.stream) * 8):
        decoder = new_decoder(codec)
        begin = 0
        for message in samples.messages:
            changed = flipped(samples.stream, bit)[begin : begin + len(message)]
            begin += len(message)
            found = decoder.feed(changed, ENVELOPE)
            check_sound(codec, decoder, found)
            if samples.checksummed:
                for one in found:
                    for frame in one.frames if isinstance(one, Decoded) else ():
                        assert (frame.unit, frame.stream, frame.data) in right, f"bit {bit}"
        for _ in range(copies):
            decoder.feed(samples.stream, ENVELOPE)
        after = [decoder.feed(samples.stream, ENVELOPE) for _ in range(copies)]
        assert content(one for found in after for one in found) == good, f"bit {bit}"


@every_stream_codec
@pytest.mark.parametrize("resumed", [False, True])
def test_byte_by_byte_a_stream_says_the_same(name: str, resumed: bool) -> None:
    codec, samples = of(name)
    whole = samples.stream
    pieces = [whole[at : at + 1] for at in range(len(whole))]
    assert content(fed(codec, pieces, resumed=resumed)) == content(samples.told)


@pytest.mark.skipif(not STREAM, reason="no codec is a stream")
@given(data=st.data())
def test_however_it_is_cut_a_stream_says_the_same(data: st.DataObject) -> None:
    """Also after a decoder was replaced at a cut, and with garbage in between."""
    codec, samples = of(data.draw(st.sampled_from(STREAM)))
    garbage = st.one_of(st.binary(max_size=40), st.sampled_from([b"", *samples.tokens]))
    whole = b"".join(part for message in samples.messages for part in (data.draw(garbage), message))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert content(fed(codec, pieces, resumed=data.draw(st.booleans()))) == content(
        fed(codec, [whole])
    )


@pytest.mark.skipif(not STREAM, reason="no codec is a stream")
@given(data=st.data())
def test_behind_any_garbage_a_stream_is_found_again(data: st.DataObject) -> None:
    codec, samples = of(data.draw(st.sampled_from(STREAM)))
    garbage = b"".join(
        data.draw(
            st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([b"\0", *samples.tokens])))
        )
    )
    copies = 2 + codec.largest_rest // len(samples.stream)
    decoder = new_decoder(codec)
    check_sound(codec, decoder, decoder.feed(garbage, ENVELOPE))
    for _ in range(copies):
        decoder.feed(samples.stream, ENVELOPE)
    found = [one for _ in range(copies) for one in decoder.feed(samples.stream, ENVELOPE)]
    assert content(found) == content(fed(codec, [samples.stream] * copies))


@every_stream_codec
def test_garbage_is_told_and_passed_over(name: str) -> None:
    codec, samples = of(name)
    between = bytes(200)
    found = fed(codec, [between + samples.stream, samples.stream])
    told = [one.reason for one in found if isinstance(one, Refused)]
    assert told == [Reason.GARBAGE]
    assert content(found) == content(fed(codec, [samples.stream] * 2))


@every_codec
def test_a_million_bytes_of_garbage_leave_nothing_in_memory(name: str) -> None:
    codec, samples = of(name)
    chance = random.Random(name)
    decoder = new_decoder(codec)
    held: list[int] = []
    tracemalloc.start()
    try:
        for _ in range(1_000_000 // FEED_BYTES):
            found = decoder.feed(chance.randbytes(FEED_BYTES), ENVELOPE)
            check_sound(codec, decoder, found)
            del found
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[-1] - held[len(held) // 2] <= codec.largest_rest + 65_536
    decoder.resume(new_decoder(codec).remainder())
    for message in samples.messages:
        assert any(isinstance(one, Decoded) for one in decoder.feed(message, ENVELOPE))


@every_codec
def test_no_bytes_take_long(name: str) -> None:
    """Of the longest payload, made of what means something: time that grows squared would show."""
    codec, samples = of(name)
    for token in (b"\0", *samples.tokens, *samples.messages):
        payload = (token * (codec.largest_bytes // len(token) + 1))[: codec.largest_bytes]
        decoder = new_decoder(codec)
        began_s = time.process_time()
        check_sound(codec, decoder, decoder.feed(payload, ENVELOPE))
        assert time.process_time() - began_s < 10.0, token[:20]


@given(name=st.sampled_from(sorted(SAMPLES)), data=st.binary(max_size=200))
def test_any_bytes_give_messages_or_named_refusals(name: str, data: bytes) -> None:
    codec = CODECS[name]
    decoder = new_decoder(codec)
    check_sound(codec, decoder, decoder.feed(data, ENVELOPE))


@every_codec
@pytest.mark.parametrize("seed", range(4))
def test_changed_bytes_never_raise(name: str, seed: int) -> None:
    codec, samples = of(name)
    chance = random.Random(seed)
    decoder = new_decoder(codec)
    for _ in range(1_000):
        changed = bytearray(chance.choice(samples.messages))
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        check_sound(codec, decoder, decoder.feed(bytes(changed), ENVELOPE))


@every_codec
def test_a_rest_that_is_not_ours_never_raises(name: str) -> None:
    codec, samples = of(name)
    chance = random.Random(name)
    for _ in range(300):
        decoder = new_decoder(codec)
        decoder.resume(chance.randbytes(chance.randrange(2 * codec.largest_rest + 3)))
        found = decoder.feed(chance.choice(samples.messages), ENVELOPE)
        check_sound(codec, decoder, found)
