"""Binary messages of the live socket against bytes that another implementation wrote."""

import struct
from pathlib import Path

import numpy as np

from services.api.live.waveform_bytes import (
    WaveformBlock,
    WaveformHeader,
    bundle,
    encode_first_block,
    encode_next_block,
    frame_block,
)

VECTORS = Path(__file__).parents[1] / "vectors" / "live"
HEADER = WaveformHeader(
    patient="p-7kd2m",
    device="ecg-0001",
    stream="ecg",
    place="chest",
    hz=250.0,
    channels=("I", "II"),
    scale=0.001,
    offset=0.0,
    unit="mV",
)


def golden(name: str) -> bytes:
    return bytes.fromhex((VECTORS / f"{name}.hex").read_text())


def block(t0_us: int, samples: list[int], n: int) -> WaveformBlock:
    return WaveformBlock(
        header=HEADER,
        t0_us=t0_us,
        end_us=t0_us + 4_000 * n,
        n=n,
        samples=np.array(samples, dtype="<i2").tobytes(),
    )


FIRST = block(1_700_000_000_000_000, [1, -1, 32_767, -32_768, 0, -32_767], 3)


def test_the_first_block_of_a_handle_is_written_as_the_other_implementation_does() -> None:
    assert encode_first_block(FIRST, subscription="a", handle=3) == golden("first")


def test_the_next_block_is_short() -> None:
    following = block(1_700_000_000_012_000, [7, 8], 1)
    assert encode_next_block(following, handle=3) == golden("next")


def test_several_blocks_travel_in_one_message() -> None:
    blocks = [
        encode_first_block(FIRST, subscription="a", handle=3),
        encode_next_block(block(1_700_000_000_012_000, [7, 8], 1), handle=3),
        encode_next_block(block(1_700_000_000_012_000, [9], 1), handle=4),
    ]
    assert bundle([frame_block(one) for one in blocks]) == golden("bundle")
    assert bundle([frame_block(blocks[1])]) == blocks[1]


def test_samples_begin_at_a_multiple_of_four_bytes_of_the_message() -> None:
    message = golden("bundle")
    kind, count = struct.unpack_from("<BH", message)
    assert (kind, count) == (2, 3)
    place = 4
    for _ in range(count):
        (length,) = struct.unpack_from("<I", message, place)
        start = place + 4
        (header_length,) = struct.unpack_from("<H", message, start + 1)
        assert (start + 3 + header_length) % 4 == 0
        place = start + length + (-length % 4)
    assert place == len(message)
