"""Vital signs and beats: what is kept of the live values, and every revision.

Thinning remembers the newest values. After a restart it reads the last messages before its
position once more, without writing them, so that it decides as if it had never stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.storage.application.frames import TimeBounds
from services.storage.application.ports import Parking, Partitions, VitalTable
from services.storage.core.beat_rows import beat_rows
from services.storage.core.erased import Fence
from services.storage.core.partitions import Partitioned, admitted, partition_starts
from services.storage.core.positions import Advance, StreamMessage
from services.storage.core.vital_rows import Thinning, emissions
from services.storage.metrics import StorageMetrics
from shared.contracts.beats import BEAT, BeatBatch, decode_beats
from shared.contracts.formats import BEATS_V1, VITALS_V1
from shared.contracts.parking import Reason
from shared.contracts.records import BadBatch, BatchFault, Table
from shared.contracts.vitals import VITAL, VitalBatch, decode_vitals
from shared.errors import Invalid
from shared.runtime.clock import Clock

WARM_MESSAGES = 1_000
"""Messages read again at a start: they hold more than the five seconds that thinning needs."""


@dataclass(slots=True)
class VitalWork:
    """Writes what ``vitals.{lane}`` carries."""

    bounds: TimeBounds
    table: VitalTable
    partitions: Partitions
    parking: Parking
    clock: Clock
    metrics: StorageMetrics
    thinning: Thinning
    fence: Fence
    _decided: dict[int, Table] = field(default_factory=dict, init=False)

    async def commit(self, messages: Sequence[StreamMessage], advance: Advance) -> None:
        """Make values and beats durable with the position."""
        values: list[Table] = []
        beats: list[Table] = []
        for message in messages:
            read = _read(message)
            if isinstance(read, VitalBatch):
                values.append(self._kept(message, read.table, advance))
            elif message.offset <= advance.decided_to:
                continue
            elif isinstance(read, BeatBatch):
                beats.append(read.table)
            else:
                await self._park(message, advance, *read)
        if advance.is_warming:
            return  # read again to warm up only
        await self._write(values, beats, advance)
        for offset in [one for one in self._decided if one <= advance.to_offset]:
            del self._decided[offset]

    def _kept(self, message: StreamMessage, table: Table, advance: Advance) -> Table:
        """The values of a message that are kept: decided once, also if the commit is repeated."""
        decided = self._decided.get(message.offset)
        if decided is None:
            decided = table[self.thinning.keep(table)]
            if message.offset <= advance.decided_to:
                decided = decided[:0]
            else:
                self.metrics.thinned.labels("vitals").inc(len(table) - len(decided))
            self._decided[message.offset] = decided
        return decided

    async def _write(self, values: list[Table], beats: list[Table], advance: Advance) -> None:
        value_table = self._timely(np.concatenate([np.empty(0, VITAL), *values]), "vital")
        value_table = self._let_in(value_table, self.fence.erased.of_patients(value_table), "vital")
        beat_table = self._timely(np.concatenate([np.empty(0, BEAT), *beats]), "beat")
        gone = self.fence.erased.of_devices(beat_table["device"], beat_table["t"])
        beat_table = beat_rows(self._let_in(beat_table, gone, "beat"))
        rows = emissions(value_table)
        for _ in range(2):
            await self._ensure(value_table, beat_table)
            try:
                await self.table.append(rows, beat_table, advance)
            except Invalid as error:
                if "no partition" not in str(error):
                    raise
                self.partitions.forget()
            else:
                break
        else:
            raise Invalid(f"{advance.position.stream}: a partition vanishes while it is made")
        self.metrics.rows.labels("vital").inc(len(rows))
        self.metrics.rows.labels("beat").inc(len(beat_table))
        self.metrics.rows_a_commit.labels("vitals").observe(len(rows) + len(beat_table))
        if len(value_table):
            newest = int(value_table["received"].max())
            self.metrics.lag_s.labels("vitals").observe(
                max(0.0, (self.clock.now_us() - newest) / 1_000_000)
            )

    async def _ensure(self, values: Table, beats: Table) -> None:
        for table, times in ((Partitioned.VITAL, values["t"]), (Partitioned.BEAT, beats["t"])):
            await self.partitions.ensure(table, partition_starts(table, times))

    def _let_in(self, table: Table, gone: NDArray[np.bool_], kind: str) -> Table:
        """Rows that are not of an erased patient."""
        self.metrics.fenced.labels(kind).inc(int(gone.sum()))
        rows: Table = table[~gone]
        return rows

    def _timely(self, table: Table, kind: str) -> Table:
        """Rows within the bounds. The others come from frames that were not let in either."""
        timely = admitted(
            table["t"],
            now_us=self.clock.now_us(),
            back_us=self.bounds.back_us,
            ahead_us=self.bounds.ahead_us,
        )
        if not timely.all():
            self.metrics.refused.labels(kind, Reason.BAD_TIME).inc(int((~timely).sum()))
        rows: Table = table[timely]
        return rows

    async def _park(
        self, message: StreamMessage, advance: Advance, reason: Reason, detail: str
    ) -> None:
        stream = advance.position.stream
        await self.parking.park(message, stream=stream, reason=reason, detail=detail)
        self.metrics.parked.labels("vitals", reason).inc()


def _read(message: StreamMessage) -> VitalBatch | BeatBatch | tuple[Reason, str]:
    read: VitalBatch | BeatBatch | BadBatch
    if message.type == VITALS_V1.name:
        read = decode_vitals(message.body)
    elif message.type == BEATS_V1.name:
        read = decode_beats(message.body)
    else:
        return Reason.UNSUPPORTED_VERSION, f"format {message.type!r}"
    if isinstance(read, BadBatch):
        version = read.fault is BatchFault.UNSUPPORTED_VERSION
        reason = Reason.UNSUPPORTED_VERSION if version else Reason.BAD_BATCH
        return reason, f"{read.fault}: {read.detail}"
    return read
