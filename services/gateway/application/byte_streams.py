"""Byte streams cut into messages, the same way whenever and wherever their pieces are read.

What a stream has left after message n is a row before that message is acknowledged and before a
frame that rests on it goes out. So a piece is always cut behind the rest of the piece before it:
a decoder keeps nothing here, it is resumed for each piece. An empty rest is no row.

A piece whose forerunner nobody knows is read without it where it plainly begins a message: whole
messages end in it, and nothing of it is garbage. (The forerunner left nothing, or it would be
known.) Any other is left to come again, once: a device sends its oldest first, so what is missing
comes before it. The second time it is read as it is, unless the forerunner came meanwhile and had
to be left itself. Either way a row then says so for ever.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import structlog

from services.gateway.application.ports import RestTable
from services.gateway.application.routing import Route
from services.gateway.core.messages import RestRow, StreamKey
from services.gateway.core.rests import RestMemory
from services.gateway.metrics import GatewayMetrics
from shared.contracts.decoding import Decoded, Envelope, Refused
from shared.contracts.identity import DeviceKey
from shared.contracts.instants import DAY
from shared.errors import Unavailable
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

MOST_DOUBTED = 20_000
"""Messages remembered as left to come again; one that is forgotten is left once more."""
LARGEST_REST_BYTES = 1 << 20
TABLE_TIMEOUT_S = 2.0
AWAY_S = 3.0
"""After a failure PostgreSQL is left alone so long: a lane must not wait for it each time."""
FORGET_EVERY_S = 10.0
KEEP_NEWEST = 2_000
"""Rows kept of a device: far more than it has in flight."""
KEEP_US = DAY

Piece = tuple[StreamKey, int]


class _Cut(NamedTuple):
    """How a piece was cut. ``before`` is None where its forerunner is not known.

    What has its identity from us (``is_ours``) never comes again by it: it needs no row.
    """

    before: bytes | None
    rest: bytes
    received_us: int
    is_ours: bool


class ByteStreams:
    """The byte streams of a lane.

    One chunk goes through `prepare`, `begin`, `cut` of each piece, `keep`. What `cut` finds
    counts only when `keep` is done, so that a chunk may be read twice.
    """

    def __init__(self, table: RestTable, clock: Clock, metrics: GatewayMetrics, lane: str) -> None:
        self._table = table
        self._clock = clock
        self._metrics = metrics
        self._lane = lane
        self._memory = RestMemory()
        self._away_until_s = 0.0
        self._loaded: dict[Piece, bytes] = {}
        self._unasked: set[Piece] = set()
        self._cuts: dict[Piece, _Cut] = {}
        self._doubts: dict[Piece, None] = {}
        self._left: set[Piece] = set()
        self._doubted: dict[Piece, None] = {}
        self._written: set[DeviceKey] = set()

    async def prepare(self, pieces: Iterable[tuple[Route, Envelope]]) -> None:
        """Have the rests at hand behind which these pieces are cut, if PostgreSQL answers."""
        self._loaded, self._unasked = {}, set()
        missing: dict[Piece, None] = {}
        coming: set[Piece] = set()
        for route, envelope in pieces:
            stream = _stream_of(route, envelope)
            before = (stream, envelope.n - 1)
            if envelope.n and before not in coming and self._memory.find(*before) is None:
                missing[before] = None
            coming.add((stream, envelope.n))
        if not missing:
            return
        if not self._is_away():
            try:
                async with asyncio.timeout(TABLE_TIMEOUT_S):
                    self._loaded = dict(await self._table.load(missing))
            except (Unavailable, TimeoutError) as error:
                self._note_away(error)
            else:
                return
        self._unasked = set(missing)

    def begin(self) -> None:
        """Say that the pieces of a chunk are read now, from the first on."""
        self._cuts, self._doubts, self._left = {}, {}, set()

    def cut(
        self, route: Route, data: bytes, envelope: Envelope, received_us: int, *, is_ours: bool
    ) -> Sequence[Decoded | Refused] | None:
        """Give what ends in a piece; None where it is to come again. Safe to do again.

        Parameters
        ----------
        is_ours : its identity was given by the gateway

        Raises
        ------
        ValueError : the decoder keeps more than it may: a bug
        """
        assert route.decoder is not None
        stream = _stream_of(route, envelope)
        piece = (stream, envelope.n)
        before = self._before(stream, envelope.n)
        if before is None and is_ours:
            before = b""
        if before is None and (stream, envelope.n - 1) in self._unasked:
            self._left.add(piece)
            return None
        route.decoder.resume(before or b"")
        found = route.decoder.feed(data, envelope)
        if before is None and not _begins_a_message(found):
            behind_one_that_is_left = (stream, envelope.n - 1) in self._left
            if behind_one_that_is_left or piece not in self._doubted:
                self._doubts[piece] = None
                self._left.add(piece)
                return None
        rest = route.decoder.remainder()
        if len(rest) > LARGEST_REST_BYTES:
            raise ValueError(f"{route.codec} keeps {len(rest)} bytes: more than a row may hold")
        self._cuts[piece] = _Cut(before, rest, received_us, is_ours)
        return found

    async def keep(self) -> frozenset[Piece]:
        """Make durable what the pieces of the chunk left; give those that have to come again."""
        for stream, n in self._left:
            self._leave(stream, n)
        for piece in self._doubts:
            self._doubted[piece] = None
        while len(self._doubted) > MOST_DOUBTED:
            del self._doubted[next(iter(self._doubted))]
        if not self._cuts:
            return frozenset()
        rows = self._rows()
        stood = await self._write(rows) if rows else {}
        again: set[Piece] = set()
        given = {(row.stream, row.n) for row in rows}
        for piece, cut in self._cuts.items():
            stream, n = piece
            before = (stream, n - 1)
            if stood is None:
                unsure = piece in given or before in given or before in again
            else:
                behind = cut.before or b""
                unsure = before in again or stood.get(before, behind) != behind
            if unsure:
                again.add(piece)
                self._leave(stream, n)
                continue
            self._doubted.pop(piece, None)
            if cut.before is None:
                self._memory.put(stream, n - 1, b"")
            self._memory.put(stream, n, cut.rest)
        for piece, rest in (stood or {}).items():
            self._memory.put(*piece, rest)
        self._metrics.held_streams.labels(self._lane).set(len(self._memory))
        return frozenset(again)

    def leave(self, route: Route, envelope: Envelope) -> None:
        """Note that a piece is left to come again unread: the one behind it waits for it."""
        self._leave(_stream_of(route, envelope), envelope.n)

    def leave_all(self) -> None:
        """Note that pieces of unknown devices are left to come again unread."""
        self._doubted.clear()

    async def run(self, stop: asyncio.Event) -> None:
        """Remove rows that nobody will ask for any more, until the stop."""
        while not await pause(stop, FORGET_EVERY_S):
            self._metrics.loop_turns.labels("rests").inc()
            written, self._written = self._written, set()
            try:
                async with asyncio.timeout(TABLE_TIMEOUT_S):
                    if written:
                        await self._table.forget(written, but_newest=KEEP_NEWEST)
                    await self._table.forget_before(self._clock.now_us() - KEEP_US)
            except (Unavailable, TimeoutError) as error:
                self._written |= written
                self._metrics.loop_errors.labels("rests").inc()
                log.warning("rests_unavailable", lane=self._lane, error=str(error))

    # ------------------------------------------------------------------ within

    def _leave(self, stream: StreamKey, n: int) -> None:
        self._doubted.pop((stream, n + 1), None)

    def _before(self, stream: StreamKey, n: int) -> bytes | None:
        """Give what the forerunner of a piece left, None where nobody knows."""
        if n == 0:
            return b""
        cut = self._cuts.get((stream, n - 1))
        if cut is not None:
            return cut.rest
        held = self._memory.find(stream, n - 1)
        return self._loaded.get((stream, n - 1)) if held is None else held

    def _rows(self) -> list[RestRow]:
        """Rows that are missing before the chunk may go on."""
        rows: dict[Piece, RestRow] = {}
        for (stream, n), cut in self._cuts.items():
            if cut.is_ours:
                continue
            if cut.before is None:
                rows[stream, n - 1] = RestRow(stream, n - 1, b"", cut.received_us)
            if cut.rest and self._memory.find(stream, n) != cut.rest:
                rows[stream, n] = RestRow(stream, n, cut.rest, cut.received_us)
        return list(rows.values())

    async def _write(self, rows: Sequence[RestRow]) -> dict[Piece, bytes] | None:
        """Write rows; give what stands now, None if nothing could be written."""
        if self._is_away():
            return None
        try:
            async with asyncio.timeout(TABLE_TIMEOUT_S):
                stood = await self._table.keep(rows)
        except (Unavailable, TimeoutError) as error:
            self._note_away(error)
            return None
        self._written.update(row.stream.device for row in rows)
        self._metrics.rests.labels(self._lane).inc(len(rows))
        return dict(stood)

    def _is_away(self) -> bool:
        return self._clock.monotonic_s() < self._away_until_s

    def _note_away(self, error: Exception) -> None:
        self._away_until_s = self._clock.monotonic_s() + AWAY_S
        self._metrics.loop_errors.labels("rests").inc()
        log.warning("rests_unavailable", lane=self._lane, error=str(error))


def _stream_of(route: Route, envelope: Envelope) -> StreamKey:
    return StreamKey(route.device.key, route.codec, envelope.boot)


def _begins_a_message(found: Sequence[Decoded | Refused]) -> bool:
    """Whether whole messages end in a piece, and nothing of it had to be passed over."""
    return all(type(one) is Decoded for one in found) and any(
        type(one) is Decoded and (one.frames or one.notes or one.words) for one in found
    )
