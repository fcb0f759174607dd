"""The codec `json`: each refusal with its reason, and what a number becomes."""

import msgspec
import numpy as np
import pytest

from shared.codecs.json_frames.codec import LARGEST_BYTES, decode
from shared.contracts.decoding import Decoded, Envelope, Refused
from shared.contracts.parking import Reason

GOOD = {"b": "1f", "n": 3, "t": 4, "s": "ecg", "hz": 250, "x": [[1, 2]]}


def with_(**changes: object) -> bytes:
    return msgspec.json.encode(
        {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}
    )


@pytest.mark.parametrize(
    ("data", "reason", "identity"),
    [
        (b"{", Reason.MALFORMED, None),
        (b"\xff\xfe", Reason.MALFORMED, None),
        (b'{"s":"\xff","x":1}', Reason.MALFORMED, None),
        (b"[]", Reason.EMPTY_SAMPLES, None),
        (with_(x="one"), Reason.WRONG_TYPE, (0x1F, 3)),
        (with_(x=[["a"]]), Reason.WRONG_TYPE, (0x1F, 3)),
        (with_(x=[[True]]), Reason.WRONG_TYPE, (0x1F, 3)),
        (with_(x=[[2**40]]), Reason.WRONG_TYPE, (0x1F, 3)),
        (with_(x=[[10**30]]), Reason.WRONG_TYPE, (0x1F, 3)),
        (with_(k="big"), Reason.WRONG_TYPE, (0x1F, 3)),
        (with_(x=...), Reason.WRONG_TYPE, (0x1F, 3)),
        (with_(x=[[1.5, 1e300]]), Reason.NOT_FINITE, (0x1F, 3)),
        (with_(x=7).replace(b"7", b"NaN"), Reason.NOT_FINITE, None),
        (with_(x=7).replace(b"7", b"-Infinity"), Reason.NOT_FINITE, None),
        (with_(x=7).replace(b"7", b"1e999"), Reason.NOT_FINITE, (0x1F, 3)),
        (with_(n=-1), Reason.BAD_IDENTITY, None),
        (with_(n=1.5), Reason.BAD_IDENTITY, None),
        (with_(n=...), Reason.BAD_IDENTITY, None),
        (with_(b="xyz"), Reason.BAD_IDENTITY, None),
        (with_(b="123456789"), Reason.BAD_IDENTITY, None),
        (with_(b=""), Reason.BAD_IDENTITY, None),
        (with_(b=17), Reason.BAD_IDENTITY, None),
        (with_(t=...), Reason.BAD_TIME, (0x1F, 3)),
        (with_(s="aura"), Reason.UNKNOWN_STREAM, (0x1F, 3)),
        (with_(hz=0), Reason.BAD_RATE, (0x1F, 3)),
        (with_(hz=-5), Reason.BAD_RATE, (0x1F, 3)),
        (with_(x=[]), Reason.EMPTY_SAMPLES, (0x1F, 3)),
        (with_(x=[[]]), Reason.EMPTY_SAMPLES, (0x1F, 3)),
        (with_(x=[[1], [2, 3]]), Reason.MALFORMED, (0x1F, 3)),
        (with_(u="V"), Reason.MALFORMED, (0x1F, 3)),
        (with_(place="hat"), Reason.MALFORMED, (0x1F, 3)),
        (with_(ch=["I", "II"]), Reason.MALFORMED, (0x1F, 3)),
        (with_(s="ppg", ch=["green"]), Reason.MALFORMED, (0x1F, 3)),
        (with_(v=2), Reason.UNSUPPORTED_VERSION, (0x1F, 3)),
        (b" " * (LARGEST_BYTES + 1), Reason.TOO_LARGE, None),
        (b"[" * 100_000, Reason.TOO_DEEP, None),
        (with_(y=7).replace(b"7", b"[" * 5_000 + b"]" * 5_000), Reason.TOO_DEEP, None),
        (with_(y=7).replace(b"7", b'{"a":' * 40_000), Reason.TOO_DEEP, None),
    ],
)  # fmt: skip
def test_a_bad_text_is_refused_with_its_reason(
    data: bytes, reason: Reason, identity: tuple[int, int] | None
) -> None:
    (refused,) = decode(data)
    assert isinstance(refused, Refused), refused
    assert refused.reason is reason, refused
    assert (None if refused.boot is None else (refused.boot, refused.n)) == identity


@pytest.mark.parametrize(
    ("numbers", "layout", "kept"),
    [
        ([1, -32_767], 1, [1, -32_767]),
        ([1, -32_768], 3, [1, -32_768]),  # would mean 'missing' in 16 bits
        ([1, None], 1, [1, -32_768]),
        ([40_000, None], 3, [40_000, -(2**31)]),
        ([1, 2.5], 4, [1.0, 2.5]),
        ([None, 2.5], 4, [np.nan, 2.5]),
    ],
)
def test_numbers_stay_what_they_are(
    numbers: list[float | None], layout: int, kept: list[float]
) -> None:
    (found,) = decode(with_(x=[numbers]))
    assert isinstance(found, Decoded)
    (frame,) = found.frames
    assert frame.format == layout
    np.testing.assert_equal(
        np.frombuffer(frame.data, {1: "<i2", 3: "<i4", 4: "<f4"}[layout]).tolist(), kept
    )


def test_identity_comes_from_the_envelope_where_the_text_has_none() -> None:
    (found,) = decode(with_(b=..., n=..., t=...), Envelope(9, 8, 7))
    assert isinstance(found, Decoded)
    assert found[:3] == (9, 8, 7)


def test_a_refusal_is_told_by_the_envelope() -> None:
    (found,) = decode(b"{", Envelope(9, 8, 7))
    assert found == Refused(Reason.MALFORMED, "Input data was truncated", 9, 8)


def test_a_list_is_cut_into_messages_where_the_identity_changes() -> None:
    rows = [GOOD, {**GOOD, "s": "temperature", "x": 36, "t": 9}, {**GOOD, "n": 4}]
    first, second = decode(msgspec.json.encode(rows))
    assert isinstance(first, Decoded)
    assert isinstance(second, Decoded)
    assert [(frame.stream, frame.dt_us) for frame in first.frames] == [(1, 0), (5, 5)]
    assert (second.n, len(second.frames)) == (4, 1)


def test_one_bad_row_refuses_its_message_only() -> None:
    rows = [GOOD, {**GOOD, "n": 4, "s": "aura"}, {**GOOD, "n": 5}]
    first, second, third = decode(msgspec.json.encode(rows))
    assert isinstance(first, Decoded)
    assert second == Refused(Reason.UNKNOWN_STREAM, "stream 'aura'", 0x1F, 4)
    assert isinstance(third, Decoded)
