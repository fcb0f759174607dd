"""Signals of a recording cut into pieces of equal time, as they go into messages."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contracts.decoding import DecodedFrame
from shared.contracts.file_reading import FilePiece, ReadFile
from shared.contracts.frames import SampleFormat
from shared.contracts.streams import Stream

LONGEST_S = 10.0
"""Of a piece: as long as what an estimator looks at, so that late work goes in steps."""
LARGEST_BYTES = 40_960
"""Of samples: a piece has at most 48 KiB, and windows differ by a sample."""
_FORMATS = {"i2": SampleFormat.INT16, "i4": SampleFormat.INT32, "f4": SampleFormat.FLOAT32}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """One stream without a hole. Value = samples * scale + offset.

    Parameters
    ----------
    t0_us : UTC of the first sample
    interval_us : between samples, as exact as the file tells it
    samples : (samples, channels) of int16, int32 or float32
    """

    stream: Stream
    t0_us: float
    interval_us: float
    samples: NDArray[Any]
    scale: float = 1.0
    offset: float = 0.0
    place: int = 0


def identity_of(form: str, data: bytes, options: Mapping[str, Any]) -> str:
    """What a file is by its content, with the options that change what is read from it."""
    told = "".join(f" {name}={options[name]}" for name in sorted(options))
    return f"{form} {hashlib.sha256(data).hexdigest()}{told}"


def read_file_of(
    tracks: Sequence[Track], *, key: str, maker_id: str = "", personal: Mapping[str, str]
) -> ReadFile:
    """The file of these tracks.

    Raises
    ------
    ValueError : there is no sample
    """
    tracks = [track for track in tracks if len(track.samples)]
    if not tracks:
        raise ValueError("no samples")
    origin_us = math.floor(min(track.t0_us for track in tracks))
    window_us = _window_us(tracks)
    cuts = [_cut(track, origin_us, window_us) for track in tracks]
    windows = np.unique(np.concatenate([cut.windows for cut in cuts]))

    def pieces() -> Iterator[FilePiece]:
        places = [0] * len(tracks)
        for window in windows.tolist():
            t_us = origin_us + round(window * window_us)
            frames = []
            for index, (track, cut) in enumerate(zip(tracks, cuts, strict=True)):
                at = places[index]
                if at < len(cut.windows) and cut.windows[at] == window:
                    places[index] = at + 1
                    frames.append(_frame(track, int(cut.firsts[at]), int(cut.ends[at]), t_us))
            yield FilePiece(t_us, frames)

    return ReadFile(
        key=key, maker_id=maker_id, pieces=pieces, n_pieces=len(windows), personal=personal
    )


class _Cut(NamedTuple):
    """Windows in which a track has samples, ascending: [firsts, ends) of them."""

    windows: NDArray[np.int64]
    firsts: NDArray[np.int64]
    ends: NDArray[np.int64]


def _cut(track: Track, origin_us: int, window_us: float) -> _Cut:
    n, begins_us = len(track.samples), track.t0_us - origin_us
    if track.interval_us > window_us:  # each sample alone
        numbers = np.arange(n)
        windows = np.floor((begins_us + numbers * track.interval_us) / window_us)
        return _Cut(windows.astype(np.int64), numbers, numbers + 1)
    lasts_us = begins_us + (n - 1) * track.interval_us
    windows = np.arange(int(begins_us // window_us), int(lasts_us // window_us) + 2)
    edges = np.ceil((windows * window_us - begins_us) / track.interval_us)
    edges = np.clip(edges, 0, n).astype(np.int64)
    edges[0], edges[-1] = 0, n
    filled = edges[1:] > edges[:-1]
    return _Cut(windows[:-1][filled], edges[:-1][filled], edges[1:][filled])


def _frame(track: Track, first: int, end: int, t_us: int) -> DecodedFrame:
    samples = track.samples[first:end]
    return DecodedFrame(
        stream=int(track.stream),
        place=track.place,
        channels=samples.shape[1],
        samples=len(samples),
        interval_ns=round(track.interval_us * 1_000) if len(samples) > 1 else 0,
        dt_us=round(track.t0_us + first * track.interval_us) - t_us,
        format=int(_FORMATS[samples.dtype.str[1:]]),
        scale=track.scale,
        offset=track.offset,
        data=samples.astype(samples.dtype.newbyteorder("<"), copy=False).tobytes(),
    )


def _window_us(tracks: Sequence[Track]) -> float:
    """How long a piece lasts, so that all that is measured in it fits."""
    rates: dict[tuple[int, int, int, float], float] = {}
    for track in tracks:  # those of one kind follow each other in time
        kind = (track.stream, track.place, track.samples.shape[1], track.interval_us)
        rates[kind] = track.samples[:1].nbytes / track.interval_us
    return min(LONGEST_S * 1e6, LARGEST_BYTES / sum(rates.values()))
