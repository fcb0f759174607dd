"""Our own codecs carry any frame: what is written is read again."""

from collections.abc import Callable

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.core.admission import refuse_message
from shared.codecs.json_frames import codec as json_frames
from shared.codecs.packed import codec as packed
from shared.contracts.decoding import Decoded, DecodedFrame
from shared.contracts.frames import MISSING_INT16
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


def test_posture_place_and_heading_come_in_our_own_codecs() -> None:
    """A wellness node: chest and thigh, the strengths of six access points by name, heading."""
    rows: list[dict[str, object]] = [
        {"s": "accelerometer", "hz": 10, "place": "chest", "x": [[0.01], [-0.02], [1.0]]},
        {"s": "accelerometer", "hz": 50, "place": "thigh", "x": [[1, 2], [3, 4], [5, 6]]},
        {"s": "wifi_rssi", "ch": ["lab", "hall", "r1", "r2", "r3", "r4"],
         "x": [[-40], [-51], [None], [-70], [-88], [-62]]},
        {"s": "heading", "x": 271.5},
    ]  # fmt: skip
    rows[0] |= {"b": "1f", "n": 1, "t": 5}
    (message,) = new_decoder(CODECS["json"]).feed(msgspec.json.encode(rows), None)
    assert isinstance(message, Decoded)
    assert refuse_message(message) is None
    assert [(one.stream, one.place, one.channels) for one in message.frames] == [
        (4, 1, 3), (4, 2, 3), (8, 0, 6), (9, 0, 1)
    ]  # fmt: skip
    assert np.frombuffer(message.frames[2].data, "<i2").tolist() == [
        -40, -51, MISSING_INT16, -70, -88, -62
    ]  # fmt: skip
    assert packed.decode(packed.encode(message)) == message
