"""Frames for the tests, with bytes that tell their identity."""

import struct
import time

from shared.contracts.frames import Frame

NOW_US = time.time_ns() // 1_000
BOOT = 0xFFFF_FFF0  # beyond 31 bits, as half of all boots


def frame(
    n: int,
    *,
    device: int = 1,
    boot: int = BOOT,
    part: int = 0,
    t0: int | None = None,
    samples: bytes | None = None,
) -> Frame:
    return Frame(
        device=device,
        boot=boot,
        n=n,
        part=part,
        stream=1,
        t0=NOW_US + n * 1_000 if t0 is None else t0,
        interval_ns=4_000_000,
        received=NOW_US,
        flags=0,
        channels=1,
        format=1,
        place=0,
        scale=0.001,
        offset=0.0,
        samples=struct.pack("<ihI", device, part, n) if samples is None else samples,
    )


def expected(*frames: Frame) -> list[tuple[int, int, int, int, bytes]]:
    return sorted((f.device, f.boot, f.n, f.part, f.samples) for f in frames)
