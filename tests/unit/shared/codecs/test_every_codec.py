"""What every codec must bear: any bytes, cut anywhere, changed anywhere, too long."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.json_frames import codec as json_frames
from shared.codecs.packed import codec as packed
from shared.codecs.register import load_codecs
from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoded, DecodedFrame, Decoder, Envelope, Refused
from shared.contracts.parking import Reason
from shared.contracts.streams import STREAMS, Place

CODECS = load_codecs()
ENVELOPE = Envelope(1, 2, 3)
ENCODERS: dict[str, Callable[[Decoded], bytes]] = {
    "packed": packed.encode,
    "json": json_frames.encode,
}


def test_every_codec_has_an_encoder_here() -> None:
    assert set(CODECS) == set(ENCODERS)


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> Codec:
    return CODECS[str(request.param)]


@st.composite
def frames(draw: st.DrawFn) -> DecodedFrame:
    stream = draw(st.sampled_from(list(STREAMS.values())))
    channels = draw(st.integers(1, min(3, len(stream.channels))))
    samples = draw(st.integers(1, 20))
    size = samples * channels
    layout = draw(st.sampled_from([1, 3, 4]))
    if layout == 4:
        fraction = st.floats(width=32, allow_infinity=False, allow_nan=False)
        # one fraction in the first place, so that no codec can take them for integers
        floats = [0.5, *draw(st.lists(fraction, min_size=size - 1, max_size=size - 1))]
        data = np.array(floats, "<f4").tobytes()
    else:
        # one number that needs the width, so that no codec can take a narrower one
        low, high = (-32_767, 32_767) if layout == 1 else (-(2**31) + 1, 2**31 - 1)
        ints = st.lists(st.integers(low, high), min_size=size - 1, max_size=size - 1)
        data = np.array([high, *draw(ints)], "<i2" if layout == 1 else "<i4").tobytes()
    rate_hz = draw(st.sampled_from([0, 1, 25, 125, 250, 360, 1_000]))
    return DecodedFrame(
        stream=int(stream.id),
        place=int(draw(st.sampled_from(Place))),
        channels=channels,
        samples=samples,
        interval_ns=round(1e9 / rate_hz) if rate_hz else 0,
        dt_us=draw(st.integers(-(10**6), 10**6)),
        format=layout,
        scale=draw(st.sampled_from([1.0, 0.5, -0.25])),
        offset=draw(st.sampled_from([0.0, -8.0])),
        data=data,
    )


@st.composite
def messages(draw: st.DrawFn) -> Decoded:
    first = draw(frames())._replace(dt_us=0)  # codec json counts time from its first frame
    return Decoded(
        boot=draw(st.integers(0, 2**32 - 1)),
        n=draw(st.integers(0, 2**32 - 1)),
        t_us=draw(st.integers(0, 2**52)),
        flags=draw(st.integers(0, 15)),
        frames=[first, *draw(st.lists(frames(), max_size=2))],
    )


def new_decoder(codec: Codec) -> Decoder:
    """A decoder of its codec's defaults."""
    return codec.new_decoder(codec.with_constants())


@given(name=st.sampled_from(sorted(CODECS)), message=messages())
def test_decode_inverts_encode(name: str, message: Decoded) -> None:
    assert new_decoder(CODECS[name]).feed(ENCODERS[name](message), None) == [message]


@given(name=st.sampled_from(sorted(CODECS)), data=st.binary(max_size=200))
def test_any_bytes_give_messages_or_named_refusals(name: str, data: bytes) -> None:
    found = new_decoder(CODECS[name]).feed(data, ENVELOPE)
    assert found
    assert all(isinstance(one, Decoded | Refused) for one in found)


def a_message() -> Decoded:
    data = np.arange(6, dtype="<i2").tobytes()
    one = DecodedFrame(2, 5, 2, 3, 10_000_000, 0, 1, 0.5, 1.0, data)
    return Decoded(7, 8, 1_700_000_000_000_000, 0, [one, one._replace(stream=4, dt_us=5)])


def test_cut_anywhere_it_is_refused_and_the_next_goes_through(codec: Codec) -> None:
    whole = ENCODERS[codec.name](a_message())
    decoder = new_decoder(codec)
    for cut in range(len(whole)):
        (found,) = decoder.feed(whole[:cut], None)
        assert isinstance(found, Refused), f"cut at {cut}"
        if codec.framing is Framing.MESSAGE:
            assert decoder.remainder() == b""
    assert decoder.feed(whole, None) == [a_message()]


def test_trailing_bytes_are_refused(codec: Codec) -> None:
    (found,) = new_decoder(codec).feed(ENCODERS[codec.name](a_message()) + b"x", None)
    assert isinstance(found, Refused)


def test_what_is_longer_than_told_is_refused_unread(codec: Codec) -> None:
    (found,) = new_decoder(codec).feed(bytes(codec.largest_bytes + 1), None)
    assert isinstance(found, Refused)
    assert found.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("seed", range(4))
def test_changed_bytes_never_raise(codec: Codec, seed: int) -> None:
    chance = random.Random(seed)
    whole = ENCODERS[codec.name](a_message())
    decoder = new_decoder(codec)
    for _ in range(3_000):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        assert decoder.feed(bytes(changed), None)
