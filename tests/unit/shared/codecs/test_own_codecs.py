"""Our own codecs carry any frame: what is written is read again."""

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.json_frames import codec as json_frames
from shared.codecs.packed import codec as packed
from shared.contracts.decoding import Decoded, DecodedFrame
from shared.contracts.streams import STREAMS, Place
from tests.harness.codecs import CODECS, new_decoder

ENCODERS: dict[str, Callable[[Decoded], bytes]] = {
    "packed": packed.encode,
    "json": json_frames.encode,
}


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


@given(name=st.sampled_from(sorted(ENCODERS)), message=messages())
def test_decode_inverts_encode(name: str, message: Decoded) -> None:
    assert new_decoder(CODECS[name]).feed(ENCODERS[name](message), None) == [message]
