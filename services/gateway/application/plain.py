"""The quick way of messages that nothing is special about, many at once.

Nearly all that devices send is one frame of a known stream from a device whose clock is settled.
Such messages of a chunk are read as columns, and only what belongs to a device is looked at one
by one. Whatever is otherwise is left to `Ingest`, with all else of the same device in the chunk,
so that the order of a device's messages stays.

Hot path: about 3 us a message without MQTT (``make bench``), half of what the other way costs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from services.gateway.application.clocks import Clocks
from services.gateway.application.outlet import Outlet
from services.gateway.application.routing import Route, Routes
from services.gateway.core.admission import (
    FRAME_FLAG_COLUMN,
    LATE_US,
    TimeLimits,
    admits_plain,
)
from services.gateway.core.clock_map import PLAUSIBLE_FROM_US, PLAUSIBLE_UNTIL_US, ClockMap
from services.gateway.core.messages import Incoming
from shared.contracts.decoding import PlainMessages
from shared.contracts.frames import FRAME
from shared.contracts.identity import DeviceKey
from shared.contracts.quality import FrameFlag, MessageFlag
from shared.contracts.records import Table
from shared.runtime.quarantine import Choked, attempt_twice

QUICK_FROM = 12
"""Messages from which the columns cost less than they save."""
_LATE = int(FrameFlag.LATE)
_SIMULATED = int(FrameFlag.SIMULATED)
_RECEIPT_WANTED = int(MessageFlag.RECEIPT_WANTED)


class _Chunk(NamedTuple):
    """The messages of a chunk that may be plain: which they are, whose, and what is in them."""

    at: list[int]
    routes: list[Route]
    read: PlainMessages


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainWay:
    """Moves the plain messages of one MQTT session.

    Parameters
    ----------
    receipt_wanted : told of devices that ask for their receipts now
    identity : of the lane, for the log
    taken : counts the messages of each device
    """

    routes: Routes
    clocks: Clocks
    outlet: Outlet
    limits: TimeLimits
    receipt_wanted: Callable[[DeviceKey], None]
    identity: str
    taken: dict[DeviceKey, int] = field(default_factory=dict)

    def move(
        self, incoming: Sequence[Incoming], numbers: Sequence[int], now_us: int
    ) -> tuple[Sequence[Incoming], Sequence[int]]:
        """Hand the plain messages to the outlet; gives those that are left, in their order."""
        if len(incoming) < QUICK_FROM:
            return incoming, numbers
        read = attempt_twice(partial(self._read, incoming), loop="ingest", identity=self.identity)
        if read is None or isinstance(read, Choked):
            return incoming, numbers
        moved = self._move(read, incoming, numbers, now_us)
        if len(moved) == len(incoming):
            return (), ()
        left = [index for index in range(len(incoming)) if index not in moved]
        return [incoming[index] for index in left], [numbers[index] for index in left]

    def _read(self, incoming: Sequence[Incoming]) -> _Chunk | None:
        """Read what may be plain; None where nothing should be. Safe to do again."""
        known = self.routes.known
        routes: list[Route] = []
        for message in incoming:
            route = known.get(message.topic)
            if route is None:
                return None  # a new topic: whose it is, is not known here
            routes.append(route)
        readers = dict.fromkeys([route.read_plain for route in routes])
        reader = next((one for one in readers if one is not None), None)
        if reader is None:
            return None
        at = list(range(len(routes)))
        if len(readers) > 1:
            special = {route.device.key for route in routes if route.read_plain is not reader}
            at = [index for index in at if routes[index].device.key not in special]
        read = reader([incoming[index].payload for index in at])
        usable = read.is_plain & admits_plain(read.heads)
        if not usable.all():
            bad = np.flatnonzero(~usable).tolist()
            special = {routes[at[index]].device.key for index in bad}
            kept = [i for i, index in enumerate(at) if routes[index].device.key not in special]
            at = [at[i] for i in kept]
            read = PlainMessages(
                read.is_plain[kept], read.heads[kept], [read.data[i] for i in kept]
            )
        return _Chunk(at, [routes[index] for index in at], read) if at else None

    def _move(
        self, chunk: _Chunk, incoming: Sequence[Incoming], numbers: Sequence[int], now_us: int
    ) -> set[int]:
        """Place messages in time and hand them on; gives which are done."""
        heads = chunk.read.heads
        earliest_us = now_us - self.limits.back_us
        latest_us = now_us + self.limits.ahead_us
        late_before_us = now_us - LATE_US
        spans_us = (
            (heads["samples"].astype(np.int64) - 1) * heads["interval_ns"].astype(np.int64) // 1_000
        )
        columns = (heads[name].tolist() for name in ("boot", "n", "t_us", "dt_us"))
        are_plausible = bool(
            ((heads["t_us"] >= PLAUSIBLE_FROM_US) & (heads["t_us"] < PLAUSIBLE_UNTIL_US)).all()
        )
        # A plain tuple is the same key, and a third of the time to make.
        held = cast("Mapping[tuple[int, int], ClockMap]", self.clocks.held)
        taken = self.taken
        moved: set[int] = set()
        left: set[DeviceKey] = set()
        rows: list[int] = []
        placed: list[tuple[int, int, int, int]] = []
        late: list[bool] = []
        for row, (index, route, span_us, boot, n, t_us, dt_us) in enumerate(
            zip(chunk.at, chunk.routes, spans_us.tolist(), *columns, strict=True)
        ):
            device = route.device
            key = device.key
            clock = held.get((key, boot))
            segment = None
            if clock is not None and clock.settled:
                segment = (are_plausible and clock.only) or clock.find(n, t_us)
            if clock is None or segment is None or key in left:
                left.add(key)
                continue
            start_us = t_us + segment.offset_us
            t0_us = start_us + dt_us
            if not earliest_us <= t0_us <= latest_us:
                left.add(key)
                continue
            moved.add(index)
            clock.note_placed(n, start_us)
            taken[key] = taken.get(key, 0) + 1
            flags = segment.flags | device.frame_flags
            if device.simulated:
                flags |= _SIMULATED
            rows.append(row)
            placed.append((key, t0_us, incoming[index].arrival_us, flags))
            late.append(t0_us + span_us < late_before_us)
        if rows:
            self._hand_on(chunk, numbers, rows, _records(heads, rows, placed), np.array(late))
        return moved

    def _hand_on(
        self,
        chunk: _Chunk,
        numbers: Sequence[int],
        rows: list[int],
        records: Table,
        late: NDArray[np.bool_],
    ) -> None:
        read, at = chunk.read, chunk.at
        ways = ((False, ~late), (True, late)) if late.any() else ((False, None),)
        records["flags"] |= np.where(late, np.uint32(_LATE), np.uint32(0))
        for is_late, mask in ways:
            mine = rows if mask is None else [rows[i] for i in np.flatnonzero(mask).tolist()]
            self.outlet.add_rows(
                records if mask is None else records[mask],
                [read.data[row] for row in mine],
                [numbers[at[row]] for row in mine],
                late=is_late,
            )
        wanted = (read.heads["flags"] & _RECEIPT_WANTED).nonzero()[0]
        if len(wanted):
            done = set(rows)
            for row in wanted.tolist():
                if row in done:
                    self.receipt_wanted(chunk.routes[row].device.key)


def _records(
    heads: Table, rows: Sequence[int], placed: Sequence[tuple[int, int, int, int]]
) -> Table:
    """Records of frames; their place among the samples is the batch's to say."""
    chosen = heads if len(rows) == len(heads) else heads[np.array(rows)]
    records = np.zeros(len(chosen), FRAME)
    device, t0, received, flags = np.array(placed, np.int64).T
    records["device"] = device
    records["t0"] = t0
    records["received"] = received
    records["flags"] = FRAME_FLAG_COLUMN[chosen["flags"]] | flags.astype(np.uint32)
    for name in ("boot", "n", "stream", "interval_ns", "channels", "format", "place"):
        records[name] = chosen[name]
    records["scale"] = chosen["scale"]
    records["offset"] = chosen["offset"]
    return records
