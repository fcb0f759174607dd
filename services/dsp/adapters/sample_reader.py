"""Samples and beats read back from storage, for late data."""

import asyncio
from collections.abc import Sequence

import numpy as np

from services.dsp.core.exchange import Span
from shared.contracts.beats import BEAT
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.contracts.records import BadBatch, Table
from shared.contracts.sample_block import (
    LONGEST_FRAME_US,
    block_start,
    decode_block,
    join_frames,
)
from shared.contracts.vitals import vital_table
from shared.database.pool import Database
from shared.database.statements import Statements
from shared.errors import Invalid


class SampleReader:
    """Implements `StoredSamples`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._frames = statements["stored_frames"]
        self._blocks = statements["stored_blocks"]
        self._beats = statements["stored_beats"]
        self._values = statements["stored_values"]

    async def frames(self, span: Span) -> FrameBatch | None:
        """All frames of the stream in that time, by time; None when there are none.

        Hot ones are asked for first: what is moved to blocks in between is met twice.

        Raises
        ------
        Invalid : a stored row is no frame, or a block cannot be read
        """
        start_us = span.start_us - LONGEST_FRAME_US
        async with self._database.session() as session:
            rows = await session.fetch(
                self._frames, span.device, span.stream, start_us, span.end_us
            )
            blocks = await session.fetch(
                self._blocks, span.device, span.stream, block_start(start_us), span.end_us
            )
        if not rows and not blocks:
            return None
        hot = [Frame(*row.values()) for row in rows]
        cold = [bytes(row["content"]) for row in blocks]
        return await asyncio.to_thread(_joined, hot, cold, span)

    async def values(self, patient: int, measures: Sequence[int], span: Span) -> Table:
        """Values of a patient in that time, of all devices, in their highest revision."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._values, patient, span.start_us, span.end_us, [int(one) for one in measures]
            )
        return vital_table(tuple(row.values()) for row in rows)

    async def beats(self, device: int, kinds: Sequence[int], span: Span) -> Table:
        """The beats that count in that time."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._beats, device, span.start_us, span.end_us, [int(kind) for kind in kinds]
            )
        table = np.zeros(len(rows), dtype=BEAT)
        for index, row in enumerate(rows):
            table[index] = (
                row["t"], row["device_id"], row["rr_ms"], row["quality"], row["revision"],
                row["kind"], row["class"],
            )  # fmt: skip
        return table


def _joined(hot: Sequence[Frame], cold: Sequence[bytes], span: Span) -> FrameBatch | None:
    """Frames from both tables, each once, without those that begin outside of the time asked."""
    read = [decode_frames(encode_frames(hot))] if hot else []
    read += [decode_block(content) for content in cold]
    batches: list[FrameBatch] = []
    for one in read:
        if isinstance(one, BadBatch):
            raise Invalid(f"stored samples of device {span.device}: {one.detail}")
        batches.append(one)
    joined = join_frames(batches)
    if joined is None:
        return None
    t0 = joined.table["t0"]
    asked = (t0 >= span.start_us - LONGEST_FRAME_US) & (t0 < span.end_us)
    return FrameBatch(joined.table[asked], joined.samples) if asked.any() else None
