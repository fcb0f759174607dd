"""Samples of the frames of a batch in the unit of their stream, all frames of one shape at once.

Hot path: a dozen array operations a frame cost more than what is then computed from it.
"""

import numpy as np

from services.dsp.core.windows import Samples
from shared.contracts.frames import (
    MISSING_INT32,
    SAMPLE_DTYPES,
    RawSamples,
    SampleFormat,
)
from shared.contracts.records import Table

IMPOSSIBLE = 1e9  # no stream has such values in its unit: the widest converter gives 2^24 counts
RAIL_INT16 = 32_767  # a saturated amplifier measures nothing; below minus that stands "missing"


def frame_values(table: Table, samples: memoryview) -> list[Samples]:
    """(channels, samples) of each frame, NaN where missing or the converter stood at its end.

    Parameters
    ----------
    table, samples : of a `FrameBatch`; `table` may be a part of it
    """
    shapes = zip(*(table[name].tolist() for name in ("format", "channels", "size")), strict=True)
    alike: dict[tuple[int, int, int], list[int]] = {}
    for row, shape in enumerate(shapes):
        alike.setdefault(shape, []).append(row)
    starts = table["start"].tolist()
    found: dict[int, Samples] = {}
    for (sample_format, n_channels, size), rows in alike.items():
        records = table if len(rows) == len(table) else table[rows]
        octets = b"".join([samples[starts[row] : starts[row] + size] for row in rows])
        raw = np.frombuffer(octets, dtype=SAMPLE_DTYPES[sample_format])
        raw = raw.reshape(len(rows), -1, n_channels).transpose(0, 2, 1)
        found.update(zip(rows, _in_their_unit(raw, records), strict=True))
    return [found[row] for row in range(len(table))]


def _in_their_unit(raw: RawSamples, records: Table) -> Samples:
    """(frames, channels, samples) of one format as values; computed in doubles."""
    scale, offset = (
        records[name].astype(np.float64)[:, None, None] for name in ("scale", "offset")
    )
    values: Samples = raw.astype(np.float64)
    values *= scale
    values += offset
    sample_format = int(records["format"][0])
    if sample_format == SampleFormat.INT16:
        values[(raw >= RAIL_INT16) | (raw <= -RAIL_INT16)] = np.nan
        if (np.abs(scale) * (RAIL_INT16 + 1) + np.abs(offset) < IMPOSSIBLE).all():
            return values
    elif sample_format == SampleFormat.INT32:
        values[raw == MISSING_INT32] = np.nan
    values[~(np.abs(values) < IMPOSSIBLE)] = np.nan
    return values
