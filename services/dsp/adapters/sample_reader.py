"""Samples and beats read back from storage, for late data."""

from collections.abc import Sequence

import numpy as np

from services.dsp.core.exchange import Span
from shared.contracts.beats import BEAT
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.contracts.records import BadBatch, Table
from shared.database.pool import Database
from shared.database.statements import Statements
from shared.errors import Invalid

LONGEST_USUAL_US = 60_000_000  # a frame that begins so much before the span still reaches into it


class SampleReader:
    """Implements `StoredSamples`."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._frames = statements["stored_frames"]
        self._beats = statements["stored_beats"]

    async def frames(self, span: Span) -> FrameBatch | None:
        """All frames of the stream in that time, by time; None when there are none.

        Raises
        ------
        Invalid : a stored row is no frame
        """
        start_us = span.start_us - LONGEST_USUAL_US
        async with self._database.session() as session:
            rows = await session.fetch(
                self._frames, span.device, span.stream, start_us, span.end_us
            )
        if not rows:
            return None
        batch = decode_frames(encode_frames([Frame(*row.values()) for row in rows]))
        if isinstance(batch, BadBatch):
            raise Invalid(f"stored frames of device {span.device}: {batch.detail}")
        return batch

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
