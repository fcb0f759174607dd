"""A whole recording through the estimators of the service."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from services.dsp.core.estimators import ESTIMATORS, companions_of
from services.dsp.core.gaps import SECOND_US
from services.dsp.core.recomputation import (
    AFTER_US,
    Stretch,
    all_of,
    recompute_in_parts,
    warm_up_us,
)
from shared.contracts.events import Event
from shared.contracts.frames import FrameBatch
from shared.contracts.records import Table
from shared.contracts.sample_block import LONGEST_FRAME_US

PIECE_US = 3600 * SECOND_US
"""Computed at once: an hour in parts side by side is quick and fits into memory."""
BEFORE_US = 2 * SECOND_US
AFTER_LAST_US = 4 * SECOND_US  # values speak of up to that before they are given


class Analysis(NamedTuple):
    """All that came out: rows of `VITAL` and `BEAT` by time, events."""

    vitals: Table
    beats: Table
    events: list[Event]


def analysed(frames: FrameBatch) -> Analysis:
    """Compute everything that the service would give of these frames, in its final revision."""
    vitals: list[Table] = []
    beats: list[Table] = []
    events: dict[str, Event] = {}
    mains = sorted({int(estimator.stream) for estimator in ESTIMATORS})
    for device in np.unique(frames.table["device"]).tolist():
        for stream in mains:
            for piece in _pieces(frames, device, stream):
                (computed,) = recompute_in_parts([piece], only=stream)
                vitals += computed.vitals
                beats += computed.beats
                events |= {event.id: event for event in computed.events}
    values, found = all_of(vitals), all_of(beats, beats=True)
    return Analysis(
        values[np.lexsort((values["method"], values["measure"], values["device"], values["t"]))],
        _judged(found),
        sorted(events.values(), key=lambda event: (event.t, event.id)),
    )


def _pieces(frames: FrameBatch, device: int, stream: int) -> Iterator[Stretch]:
    """Frames of one stream and its companions, an hour and what its values rest on at a time."""
    table = frames.table
    mine = (table["device"] == device) & np.isin(table["stream"], [stream, *companions_of(stream)])
    table = table[mine]
    main = table[table["stream"] == stream]
    if not len(main):
        return
    first = int(main["t0"].min()) // SECOND_US * SECOND_US - BEFORE_US
    last = int(main["received"].max()) // SECOND_US * SECOND_US + AFTER_LAST_US
    for start_us in range(first, last, PIECE_US):
        end_us = min(start_us + PIECE_US, last)
        read_us = start_us - warm_up_us(stream) - LONGEST_FRAME_US
        near = (table["t0"] >= read_us) & (table["t0"] < end_us + AFTER_US)
        if near.any():
            yield Stretch(FrameBatch(table[near], frames.samples), start_us, end_us)


def _judged(beats: Table) -> Table:
    """Each beat once, by time; of one that was told twice the one with a class."""
    order = np.lexsort((beats["class"] == 0, beats["kind"], beats["t"], beats["device"]))
    beats = beats[order]
    key = beats[["device", "t", "kind"]]
    first = np.ones(len(beats), dtype=np.bool_)
    first[1:] = key[1:] != key[:-1]
    once = beats[first]
    by_time: Table = once[np.lexsort((once["kind"], once["device"], once["t"]))]
    return by_time
