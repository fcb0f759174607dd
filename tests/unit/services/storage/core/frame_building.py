"""Frames for the tests of storage."""

import numpy as np

from services.storage.core.frame_rows import FrameRows, gather
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames

T0 = 1_700_000_000_000_000


def frame(
    device: int = 1,
    boot: int = 7,
    n: int = 0,
    *,
    part: int = 0,
    t0: int | None = None,
    samples: bytes | None = None,
    received: int = T0 + 50,
    scale: float = 0.001,
    flags: int = 0,
) -> Frame:
    return Frame(
        device=device,
        boot=boot,
        n=n,
        part=part,
        stream=1,
        t0=T0 + n * 1_000_000 if t0 is None else t0,
        interval_ns=4_000_000,
        received=received,
        flags=flags,
        channels=1,
        format=1,
        place=0,
        scale=scale,
        offset=0.0,
        samples=np.array([n % 30_000, device, 3], "<i2").tobytes() if samples is None else samples,
    )


def batch(*frames: Frame) -> FrameBatch:
    decoded = decode_frames(encode_frames(frames))
    assert isinstance(decoded, FrameBatch)
    return decoded


def rows(*frames: Frame) -> FrameRows:
    return gather([batch(*frames)])
