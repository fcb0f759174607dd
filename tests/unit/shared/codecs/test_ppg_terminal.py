"""The codec `ppg_terminal`: both forms both ways, and each refusal with its reason."""

import math
import struct
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.ppg_terminal.codec import CODEC, HEAD, Block, encode_fifo, encode_json
from shared.contracts.decoding import Decoded, Envelope, Refused
from shared.contracts.frames import MISSING_INT32
from shared.contracts.parking import Reason
from tests.harness.codecs import ENVELOPE, new_decoder


def read(data: bytes, envelope: Envelope | None = ENVELOPE) -> Decoded | Refused:
    (found,) = new_decoder(CODEC).feed(data, envelope)
    return found


def fifo(body: bytes = b"", *, pairs: int = 0, version: int = 1, temperature: int = 1) -> bytes:
    whole = HEAD.pack(b"PF", version, 0, 10_000_000, pairs, temperature, 0, 0) + body
    return whole + struct.pack(">I", crc32(whole))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PF\x01", Reason.MALFORMED),
        (fifo(version=2), Reason.UNSUPPORTED_VERSION),
        (fifo(b"\0" * 5, pairs=1), Reason.MALFORMED),
        (fifo(b"\0" * 12, pairs=1), Reason.MALFORMED),
        (fifo(b"\x04\0\0\0\0\0", pairs=1), Reason.MALFORMED),  # a nineteenth bit
        (fifo(b"\0\0\0\x80\0\0", pairs=1), Reason.MALFORMED),
        (fifo()[:-1] + b"x", Reason.BAD_CHECKSUM),
        (fifo(temperature=-32_768), Reason.EMPTY_SAMPLES),
        (bytes(CODEC.largest_bytes + 1), Reason.TOO_LARGE),
        (b"", Reason.MALFORMED),
        (b"{}", Reason.EMPTY_SAMPLES),
        (b"[]", Reason.WRONG_TYPE),
        (b"\xff{}", Reason.MALFORMED),
        (b'{"temp":NaN}', Reason.MALFORMED),
        (b'{"temp":1e300}', Reason.NOT_FINITE),
        (b'{"x":' + b"[" * 5_000, Reason.TOO_DEEP),
        (b'{"red":[1],"ir":[1,2],"hz":100}', Reason.MALFORMED),
        (b'{"red":[1],"ir":[1]}', Reason.BAD_RATE),
        (b'{"red":[1],"ir":[1],"hz":0}', Reason.BAD_RATE),
        (b'{"red":[1],"ir":[1],"hz":-100}', Reason.BAD_RATE),
        (b'{"red":[262144],"ir":[1],"hz":100}', Reason.WRONG_TYPE),
        (b'{"red":[-1],"ir":[1],"hz":100}', Reason.WRONG_TYPE),
        (b'{"red":[1.5],"ir":[1],"hz":100}', Reason.WRONG_TYPE),
        (b'{"b":"1","temp":36}', Reason.BAD_IDENTITY),
        (b'{"n":1,"temp":36}', Reason.BAD_IDENTITY),
        (b'{"b":"xyz","n":1,"temp":36}', Reason.BAD_IDENTITY),
    ],
)
def test_a_bad_message_is_refused_with_its_reason(data: bytes, reason: Reason) -> None:
    refused = read(data)
    assert isinstance(refused, Refused)
    assert refused.reason is reason
    known = reason not in {Reason.BAD_IDENTITY, Reason.TOO_LARGE}
    assert (refused.boot, refused.n) == ((ENVELOPE.boot, ENVELOPE.n) if known else (None, None))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (fifo(), Reason.NO_IDENTITY),
        (b'{"temp":36}', Reason.NO_IDENTITY),
        (b'{"b":"1","n":2,"temp":36}', Reason.BAD_TIME),
    ],
)
def test_without_an_envelope_it_says_what_is_missing(data: bytes, reason: Reason) -> None:
    refused = read(data, None)
    assert isinstance(refused, Refused)
    assert refused.reason is reason


counts = st.lists(
    st.tuples(st.integers(0, 262_143), st.integers(0, 262_143)), min_size=1, max_size=40
)


@given(
    pairs=counts,
    interval_ns=st.integers(1, 2**32 - 1),
    centidegrees=st.none() | st.integers(-32_767, 32_767),
    steps=st.tuples(st.integers(0, 255), st.integers(0, 255)),
    flags=st.integers(0, 15),
)
def test_what_is_written_as_fifo_is_read(
    pairs: list[tuple[int, int]],
    interval_ns: int,
    centidegrees: int | None,
    steps: tuple[int, int],
    flags: int,
) -> None:
    light = np.array(pairs, "<i4")
    temperature = math.nan if centidegrees is None else centidegrees / 100
    led = (steps[0] * 0.2, steps[1] * 0.2)
    message = read(encode_fifo(Block(light, interval_ns, temperature, led, flags)))
    assert isinstance(message, Decoded)
    assert message.flags == flags
    assert message.frames[0].data == light.tobytes()
    assert message.frames[0].interval_ns == interval_ns
    told = [np.frombuffer(one.data, "<i2").tolist() for one in message.frames[1:]]
    assert told == ([] if centidegrees is None else [[centidegrees]])
    (word,) = message.words
    assert (word.data["red"], word.data["infrared"]) == pytest.approx(led)


@given(
    pairs=counts,
    holes=st.sets(st.integers(0, 39)),
    rate_hz=st.sampled_from([1, 25, 50, 100, 360, 400, 1_000, 3_200]),
    beside=st.booleans(),
)
def test_what_is_written_as_json_is_read(
    pairs: list[tuple[int, int]], holes: set[int], rate_hz: int, beside: bool
) -> None:
    light = np.array(pairs, "<i4")
    light[[hole for hole in holes if hole < len(light)], 0] = MISSING_INT32
    block = Block(light, round(1e9 / rate_hz), flags=5)
    data = encode_json(block, None if beside else ENVELOPE)
    message = read(data, ENVELOPE if beside else None)
    assert isinstance(message, Decoded)
    assert message[:4] == (*ENVELOPE, 5)
    (frame,) = message.frames
    assert frame.data == light.tobytes()
    assert frame.interval_ns == round(1e9 / rate_hz)


@pytest.mark.parametrize(
    "block",
    [
        Block(np.array([[262_144, 0]], "<i4"), 1),
        Block(np.array([[-1, 0]], "<i4"), 1),
        Block(np.array([[1, 0]], "<i4"), 2**32),
        Block(np.array([[1, 0]], "<i4"), 1, 400.0),
        Block(np.zeros((11_000, 2), "<i4"), 1),
    ],
)
def test_what_does_not_fit_is_not_written(block: Block) -> None:
    with pytest.raises(ValueError):
        encode_fifo(block)


def test_the_step_of_the_diodes_is_a_constant() -> None:
    decoder = CODEC.new_decoder(CODEC.with_constants({"led_step_ma": 0.4}))
    block = Block(np.array([[1, 0]], "<i4"), 1_000, led_ma=(8.0, 4.0))
    (message,) = decoder.feed(encode_fifo(block, led_step_ma=0.4), ENVELOPE)
    assert isinstance(message, Decoded)
    assert message.words[0].data == {"red": 8.0, "infrared": 4.0}
