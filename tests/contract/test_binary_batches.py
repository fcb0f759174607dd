"""The binary batches against bytes that another implementation wrote (vectors/make.mjs)."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import beats, frames, vitals
from shared.contracts.records import BadBatch, BatchFault

VECTORS = Path(__file__).parent / "vectors"


def golden(name: str) -> bytes:
    return bytes.fromhex((VECTORS / name / "v1.hex").read_text())


def test_frames_v1_are_read_as_they_were_written() -> None:
    batch = frames.decode_frames(golden("frames"))
    assert isinstance(batch, frames.FrameBatch)
    assert len(batch) == 3
    first = batch.table[0]
    assert (first["device"], first["boot"], first["n"]) == (7, 0xFFFFFFFE, 0xFFFFFFFF)
    assert (first["t0"], first["interval_ns"]) == (1_700_000_000_000_000, 2_777_778)
    assert (first["received"], first["flags"]) == (1_700_000_000_123_456, 16)
    np.testing.assert_allclose(
        batch.values(0), [[0.005, 1.5, 163.835], [-0.01, np.nan, 0.0]], rtol=1e-6
    )
    assert batch.values(1).tolist() == [[36.75]]
    np.testing.assert_equal(batch.values(2), [[np.nan, 34_997.75]])


def test_frames_v1_are_written_as_the_other_implementation_does() -> None:
    body = golden("frames")
    batch = frames.decode_frames(body)
    assert isinstance(batch, frames.FrameBatch)
    again = frames.encode_frames(
        [
            frames.Frame._make([*batch.table[i].tolist()[:14], bytes(batch.sample_bytes(i))])
            for i in range(len(batch))
        ]
    )
    assert again == body


def test_vitals_v1_both_ways() -> None:
    batch = vitals.decode_vitals(golden("vitals"))
    assert isinstance(batch, vitals.VitalBatch)
    assert batch.table["value"][0] == 61.5
    assert np.isnan(batch.table["value"][1])
    assert batch.table["flags"].tolist() == [2, 8]
    assert vitals.encode_vitals(batch.table) == golden("vitals")


def test_beats_v1_both_ways() -> None:
    batch = beats.decode_beats(golden("beats"))
    assert isinstance(batch, beats.BeatBatch)
    assert batch.table[0].tolist() == (1_700_000_000_512_345, 7, 812.5, 0.75, 1, 1, 3)
    assert beats.encode_beats(batch.table) == golden("beats")


@pytest.mark.parametrize("name", ["frames", "vitals", "beats"])
def test_every_truncated_batch_is_refused_with_a_reason(name: str) -> None:
    decode = {
        "frames": frames.decode_frames,
        "vitals": vitals.decode_vitals,
        "beats": beats.decode_beats,
    }[name]
    body = golden(name)
    for length in range(len(body)):
        assert isinstance(decode(body[:length]), BadBatch)
    assert isinstance(decode(body + b"\0"), BadBatch)


def test_a_version_from_the_future_is_named() -> None:
    body = bytearray(golden("frames"))
    body[4] = 2
    refused = frames.decode_frames(bytes(body))
    assert isinstance(refused, BadBatch)
    assert refused.fault is BatchFault.UNSUPPORTED_VERSION


@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_raise(body: bytes) -> None:
    for prefix in (b"", b"VWF1\1\0\0\0", b"VWF1\1\0\0\0\1\0\0\0\0\0\0\0"):
        decoded = frames.decode_frames(prefix + body)
        if isinstance(decoded, frames.FrameBatch):
            for index in range(len(decoded)):
                decoded.values(index)


@given(st.data())
def test_one_flipped_byte_is_refused_or_still_safe_to_read(data: st.DataObject) -> None:
    body = bytearray(golden("frames"))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    decoded = frames.decode_frames(bytes(body))
    if isinstance(decoded, frames.FrameBatch):
        for index in range(len(decoded)):
            decoded.values(index)
