"""The codecs against bytes that another implementation wrote (vectors/)."""

import struct
from pathlib import Path

import numpy as np

from shared.codecs.json_frames.codec import decode as decode_json
from shared.codecs.packed.codec import decode, encode
from shared.contracts.decoding import Decoded, DecodedFrame
from shared.contracts.frames import MISSING_INT16, MISSING_INT32

VECTORS = Path(__file__).parent / "vectors"


def golden(name: str) -> bytes:
    return bytes.fromhex((VECTORS / "packed" / f"{name}.hex").read_text())


def test_packed_v1_one_frame_both_ways() -> None:
    message = decode(golden("v1_one_frame"))
    data = struct.pack("<4h", 1, -2, 300, -32768)
    scale = struct.unpack("<f", struct.pack("<f", 0.005))[0]
    expected = DecodedFrame(1, 1, 1, 4, 4_000_000, -12_000, 1, scale, 0.0, data)
    assert message == Decoded(0x1F3A90C2, 17, 1_700_000_000_000_000, 0, [expected])
    assert encode(message) == golden("v1_one_frame")


def test_packed_v1_every_format_is_widened_to_one_that_a_batch_holds() -> None:
    message = decode(golden("v1_every_format"))
    assert isinstance(message, Decoded)
    assert message[:4] == (0xFFFFFFFE, 0xFFFFFFFF, -1, 0b1011)
    int16, int24, int32, float32, delta = message.frames
    assert np.frombuffer(int16.data, "<i2").tolist() == [1, 2, 3, 4]
    assert (int24.format, int24.scale, int24.offset) == (3, 0.25, -8.0)
    assert np.frombuffer(int24.data, "<i4").tolist() == [1, -1, MISSING_INT32, 8_388_607]
    assert np.frombuffer(int32.data, "<i4").tolist() == [-(2**31), 2**31 - 1]
    assert (float32.interval_ns, struct.unpack("<f", float32.data)) == (0, (36.5,))
    assert delta.format == 1
    # two channels: -1, -1+0, -1+32768, 32767-32768 and 5, 65, -5, 65
    assert np.frombuffer(delta.data, "<i2").reshape(-1, 2).T.tolist() == [
        [-1, -1, 32_767, -1],
        [5, 65, -5, 65],
    ]


def test_json_v1_is_read_as_documented() -> None:
    first, second = decode_json((VECTORS / "json_frames" / "v1.json").read_bytes())
    assert isinstance(first, Decoded)
    assert first[:4] == (0x1F3A90C2, 17, 1_700_000_000_000_000, 1)
    ecg, ppg = first.frames
    assert ecg[:9] == (1, 0, 1, 4, 4_000_000, 0, 1, 0.001, 0.0)
    assert np.frombuffer(ecg.data, "<i2").tolist() == [1, 2, MISSING_INT16, -4]
    assert ppg[:9] == (2, 5, 2, 2, 10_000_000, 0, 3, 1.0, 0.0)
    assert np.frombuffer(ppg.data, "<i4").tolist() == [70_000, 1, 70_001, 2]
    assert isinstance(second, Decoded)
    assert second[:4] == (0x1F3A90C2, 18, 1_700_000_001_000_000, 0)
    assert second.frames[0][:9] == (5, 0, 1, 1, 0, 0, 4, 1.0, 0.0)
