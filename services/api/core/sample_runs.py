"""Frames of a batch as runs: samples that follow each other without a hole, as one array. Pure.

A frame is a second of a device, and an array operation costs as much for a second as for a minute:
so frames that continue each other are looked at together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.api.core.decimation import Samples
from shared.contracts.frames import (
    FRAME,
    SAMPLE_DTYPES,
    FrameBatch,
    RawSamples,
    SampleFormat,
    physical,
)

_SLACK = 0.5  # of a sample interval, by which frames of one run may be off


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """Samples as the device counted them; value = raw * scale + offset."""

    t0_us: int
    end_us: float
    """Where the last frame ends; differs from the sum of the intervals by less than one."""
    interval_ns: int
    raw: RawSamples
    """(samples, channels)"""
    scale: float
    offset: float

    @property
    def format(self) -> SampleFormat:
        """The layout of the samples."""
        return next(
            SampleFormat(form) for form, dtype in SAMPLE_DTYPES.items() if dtype == self.raw.dtype
        )

    def values(self) -> Samples:
        """The samples in the unit of their stream, NaN where missing: (channels, samples)."""
        return physical(self.raw.T, scale=self.scale, offset=self.offset)


def batch_of(columns: dict[str, Sequence[int | float]], samples: Sequence[bytes]) -> FrameBatch:
    """The batch of frames that are given as columns of `FRAME`."""
    table = np.zeros(len(samples), dtype=FRAME)
    for name, values in columns.items():
        table[name] = values
    table["size"] = [len(one) for one in samples]
    table["start"] = np.cumsum(table["size"], dtype=np.int64) - table["size"]
    return FrameBatch(table, memoryview(b"".join(samples)))


def runs(batch: FrameBatch, *, interval_ns: int, channels: int) -> Iterator[Run]:
    """The runs of those frames that have this interval and so many channels.

    Parameters
    ----------
    batch : in the order of time, samples without a hole, as `join_frames` gives it
    """
    table = batch.table
    if not len(table):
        return
    width = np.array([_WIDTHS[int(form) & 0xFF] for form in table["format"]], dtype=np.int64)
    n_samples = table["size"] // np.maximum(width * channels, 1)
    wanted = (table["interval_ns"] == interval_ns) & (table["channels"] == channels)
    wanted &= (width > 0) & (n_samples > 0)
    interval_us = interval_ns / 1_000
    after_us = table["t0"] + n_samples * interval_us
    starts = np.ones(len(table), dtype=np.bool_)
    starts[1:] = np.abs(table["t0"][1:] - after_us[:-1]) > _SLACK * interval_us
    for name in ("format", "scale", "offset"):
        starts[1:] |= table[name][1:] != table[name][:-1]
    starts[1:] |= wanted[1:] != wanted[:-1]
    # What is off by little in each frame must not add up: the run begins anew after half a sample.
    drift = table["t0"] - (np.cumsum(n_samples) - n_samples) * interval_us
    starts[1:] |= _steps(drift / interval_us)[1:] != _steps(drift / interval_us)[:-1]
    firsts = np.flatnonzero(starts)
    for first, last in zip(firsts.tolist(), [*firsts[1:].tolist(), len(table)], strict=True):
        if wanted[first]:
            yield _run(batch, first, last, float(after_us[last - 1]), channels)


_WIDTHS = [SAMPLE_DTYPES[form].itemsize if form in SAMPLE_DTYPES else 0 for form in range(256)]


def _steps(drift: NDArray[np.float64]) -> NDArray[np.float64]:
    relative: NDArray[np.float64] = np.rint((drift - drift[:1]) / (2 * _SLACK))
    return relative


def _run(batch: FrameBatch, first: int, last: int, end_us: float, channels: int) -> Run:
    record, end = batch.table[first], batch.table[last - 1]
    octets = batch.samples[int(record["start"]) : int(end["start"]) + int(end["size"])]
    raw = np.frombuffer(octets, dtype=SAMPLE_DTYPES[int(record["format"])])
    return Run(
        t0_us=int(record["t0"]),
        end_us=end_us,
        interval_ns=int(record["interval_ns"]),
        raw=raw.reshape(-1, channels),
        scale=float(record["scale"]),
        offset=float(record["offset"]),
    )
