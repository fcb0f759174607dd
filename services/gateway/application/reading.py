"""What the messages of a chunk say: where their topics lead, and what the codecs make of them.

Nothing here waits, and a chunk may be read twice: a bug in a codec harms only the message that
shows it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from services.gateway.application.arrivals import Arrivals
from services.gateway.application.byte_streams import ByteStreams
from services.gateway.application.refusals import Unusable, read_envelope
from services.gateway.application.routing import Route, Routes, device_of
from services.gateway.core.admission import refuse_message
from services.gateway.core.command_results import read_result
from services.gateway.core.file_parts import FilePart, read_part
from services.gateway.core.messages import MARKS, Device, Incoming
from services.gateway.core.presence import Status, read_status
from shared.contracts.commands import CommandResult
from shared.contracts.decoding import Decoded, Envelope, Refused
from shared.contracts.identity import DeviceId
from shared.contracts.names import UpKind
from shared.contracts.parking import Reason
from shared.runtime.quarantine import Choked, attempt_twice

NO_UNITS: Mapping[str, Device] = MappingProxyType({})


class Heard(NamedTuple):
    """A message that could be read, and where its topic leads.

    ``units`` are the devices behind the names of units in it; ``is_ours`` says that its identity
    was given by the gateway.
    """

    number: int
    message: Incoming
    route: Route
    content: Decoded | Status | CommandResult | FilePart
    units: Mapping[str, Device] = NO_UNITS
    is_ours: bool = False


@dataclass(slots=True)
class Chunk:
    """What was made of the messages of a chunk so far.

    Parameters
    ----------
    deferred : left to come again, by why
    settled : of which nothing more comes
    parts : payloads that hold several messages, or none, by number
    has_pieces : some are pieces of byte streams
    may_have_units : some come from devices that may speak for units behind them
    has_notes : some are to become events
    """

    heard: list[Heard] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    deferred: dict[str, list[int]] = field(default_factory=dict)
    settled: list[int] = field(default_factory=list)
    parts: dict[int, int] = field(default_factory=dict)
    has_pieces: bool = False
    may_have_units: bool = False
    has_notes: bool = False

    def defer(self, number: int, why: str) -> None:
        """Leave a message to come again."""
        self.deferred.setdefault(why, []).append(number)

    def add(self, other: "Chunk") -> None:
        """Take in what was made of other messages."""
        self.heard += other.heard
        self.unusable += other.unusable
        for why, numbers in other.deferred.items():
            self.deferred.setdefault(why, []).extend(numbers)
        self.settled += other.settled
        self.parts |= other.parts
        self.has_pieces |= other.has_pieces
        self.may_have_units |= other.may_have_units
        self.has_notes |= other.has_notes


class Reading:
    """Reads the messages of one MQTT session."""

    def __init__(
        self, routes: Routes, streams: ByteStreams, arrivals: Arrivals, *, identity: str
    ) -> None:
        self._routes = routes
        self._streams = streams
        self._arrivals = arrivals
        self._identity = identity

    async def prepare(self, incoming: Sequence[Incoming]) -> Sequence[Incoming]:
        """Give the messages, each with an identity that its model allows; have rests at hand."""
        if not self._routes.has_native:
            return incoming
        known = self._routes.known
        routes = [known.get(message.topic) for message in incoming]
        found: list[Incoming] = []
        pieces: list[tuple[Route, Envelope]] = []
        for route, message in zip(routes, incoming, strict=True):
            told = message
            if route is not None and route.needs_envelope:
                envelope = read_envelope(message.properties)
                if envelope is None and route.is_arrival:
                    told = self._arrivals.identify(route, message)
                elif envelope is not None and route.is_stream:
                    pieces.append((route, envelope))
            found.append(told)
        if pieces:
            await self._streams.prepare(pieces)
        return found

    def leave(self, incoming: Sequence[Incoming]) -> None:
        """Note that these messages are left to come again unread."""
        for message in incoming:
            route = self._routes.known.get(message.topic)
            if route is not None and route.is_stream:
                envelope = read_envelope(message.properties)
                if envelope is not None:
                    self._streams.leave(route, envelope)

    def read(
        self,
        incoming: Sequence[Incoming],
        numbers: Sequence[int],
        unsure: frozenset[DeviceId],
    ) -> Chunk:
        """Read messages; of ``unsure`` devices nothing can be said now."""
        self._streams.begin()
        read = attempt_twice(
            partial(self._read, incoming, numbers, unsure), loop="ingest", identity=self._identity
        )
        if not isinstance(read, Choked):
            return read
        self._streams.begin()
        chunk = Chunk()
        for number, message in zip(numbers, incoming, strict=True):
            one = attempt_twice(
                partial(self._read, [message], [number], unsure),
                loop="ingest",
                identity=f"device {device_of(message)}",
            )
            if isinstance(one, Choked):
                refusal = Refused(Reason.INTERNAL_ERROR, f"{one.error}\n{one.traceback}")
                chunk.unusable.append(Unusable(number, message, refusal))
            else:
                chunk.add(one)
        return chunk

    def _read(
        self,
        incoming: Sequence[Incoming],
        numbers: Sequence[int],
        unsure: frozenset[DeviceId],
    ) -> Chunk:
        chunk = Chunk()
        known = self._routes.known
        for number, message in zip(numbers, incoming, strict=True):
            route: Route | Refused | None = known.get(message.topic)
            if route is None:
                route = self._routes.find(message.topic)
                if type(route) is Refused:
                    if message.topic.startswith(MARKS):
                        chunk.settled.append(number)  # acknowledged when all before it is
                    elif unsure and device_of(message) in unsure:
                        chunk.defer(number, "unknown_device")
                    else:
                        chunk.unusable.append(Unusable(number, message, route))
                    continue
            assert type(route) is Route
            if route.decoder is None:
                told = _read_other(route, message)
                if isinstance(told, Refused):
                    chunk.unusable.append(Unusable(number, message, told))
                else:
                    chunk.heard.append(Heard(number, message, route, told))
                continue
            self._decode(number, message, route, chunk)
        return chunk

    def _decode(self, number: int, message: Incoming, route: Route, chunk: Chunk) -> None:
        assert route.decoder is not None
        if len(message.payload) > route.largest_bytes:
            refusal = Refused(Reason.TOO_LARGE, f"{len(message.payload)} bytes")
            chunk.unusable.append(Unusable(number, message, refusal))
            return
        envelope = read_envelope(message.properties) if message.properties else None
        is_ours = False
        if route.needs_envelope:
            if envelope is None:
                refusal = Refused(Reason.NO_IDENTITY, f"{route.codec} without b, n and t")
                chunk.unusable.append(Unusable(number, message, refusal))
                return
            is_ours = route.is_arrival and self._arrivals.gave(route, envelope)
        if route.may_have_units:
            chunk.may_have_units = True
        if route.is_stream:
            assert envelope is not None
            chunk.has_pieces = True
            cut = self._streams.cut(
                route, message.payload, envelope, message.arrival_us, is_ours=is_ours
            )
            if cut is None:
                chunk.defer(number, "forerunner")
                return
            found = _parked_once(cut)
        else:
            found = route.decoder.feed(message.payload, envelope)
        if len(found) != 1:
            chunk.parts[number] = len(found)
        # A piece is told stored, whatever had to be passed over in it.
        is_piece = route.is_stream and any(type(content) is Decoded for content in found)
        for content in found:
            if type(content) is Refused:
                chunk.unusable.append(Unusable(number, message, content, not is_piece))
                continue
            assert type(content) is Decoded
            bad = refuse_message(
                content, may_be_empty=route.is_stream, may_have_units=route.may_have_units
            )
            if bad is not None:
                chunk.unusable.append(Unusable(number, message, bad))
                continue
            chunk.has_notes |= bool(content.notes)
            for note in content.notes:
                _ = msgspec.json.encode({**note.data})  # a codec that makes none of it has a bug
            chunk.heard.append(Heard(number, message, route, content, NO_UNITS, is_ours))


def _parked_once(found: Sequence[Decoded | Refused]) -> Sequence[Decoded | Refused]:
    """Give one refusal for all that was passed over in a piece: its bytes are parked once."""
    refused = [one for one in found if type(one) is Refused]
    if len(refused) < 2:
        return found
    detail = f"{len(refused)} stretches, the first: {refused[0].detail}"
    return [
        *(one for one in found if type(one) is Decoded),
        refused[0]._replace(detail=detail),
    ]


def _read_other(route: Route, message: Incoming) -> Status | CommandResult | FilePart | Refused:
    """Read what is no data."""
    if route.kind is UpKind.RESULT:
        return read_result(message.payload)
    if route.kind is UpKind.STATUS:
        return read_status(message.payload)
    if len(message.payload) > route.largest_bytes:
        return Refused(Reason.TOO_LARGE, f"{len(message.payload)} bytes")
    envelope = read_envelope(message.properties)
    return read_part(message.properties, message.payload, route.codec, envelope)
