"""The MQTT session of a lane: a thin protocol over the codec ``mqtt5``, nothing between.

Hot path: about 5 us a message at 8,000/s (``make bench``), since PUBACKs are ours to send, in one
write, when RabbitMQ has confirmed. What is bounded: the size of a packet (told to the broker in
CONNECT and checked before more of it is buffered), messages not acknowledged (receive maximum),
messages read and not taken (then the socket is not read until they are).
"""

import asyncio
import fcntl
import sys
import termios
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

import mqtt5
import numpy as np
import structlog
from typing_extensions import override

from services.gateway.core.messages import MARKS, Incoming, SessionEnded
from shared.errors import Dependency, Misconfigured, Unavailable
from shared.runtime.clock import Clock

log = structlog.get_logger()
Answer = TypeVar("Answer")

FILTERS_A_PACKET = 64
INBOX_MOST_MESSAGES = 2_048
INBOX_MOST_BYTES = 8 * 1024 * 1024
GATHERED_MESSAGES = 512
GATHERED_BYTES = 262_144
"""A batch's worth: the taker is not made to wait for more."""
REST_S = 0.020
"""So long the socket is left alone after a read while a batch is gathered for longer than twice
that: one read then brings many messages, where each would have woken the process by itself."""
REST_MOST_BYTES = 32_768
"""Of one read: after more there is a queue, and nothing to wait for."""
MORE_BYTES = 8_192
"""Left in the socket after a read at the end of a window: less has only just come."""
CAUGHT_UP_AFTER_S = 2.0
"""A queue that the broker kept for us comes at once after CONNACK, in whole batches; so long after
the last such piece, what comes is new."""
WRITE_MOST_BYTES = 1024 * 1024
"""Down traffic that the broker has not taken: above, QoS 0 is left out and repeated later."""
_PINGREQ = mqtt5.PingReqPacket().write()
_PUBLISH = mqtt5.PublishPacket


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttOptions:
    """How a lane's session is opened.

    Parameters
    ----------
    session_expiry_s : how long the broker keeps session and messages while no gateway is there
    receive_max : messages that the broker sends before the first is acknowledged
    packet_most_bytes : the longest packet that is read; the broker drops longer ones
    """

    host: str
    port: int
    user: str
    password: bytes = field(repr=False)
    keep_alive_s: int = 10
    session_expiry_s: int = 86_400
    receive_max: int = 4_096
    packet_most_bytes: int = 16 * 1024 * 1024
    timeout_s: float = 10.0


@dataclass(slots=True)
class _Mark:
    """A place in the queue of a session: what it was published under, until it is acknowledged."""

    topic: str
    passed: asyncio.Future[None]
    packet_id: int = 0

    def look_for(self, taken: Sequence[Incoming]) -> None:
        """See whether the mark is among messages that are taken."""
        for message in taken:
            if message.topic == self.topic:
                self.packet_id = message.packet_id

    def note_acknowledged(self, packet_ids: Sequence[int]) -> None:
        """See whether it is among those that are acknowledged."""
        if self.packet_id in packet_ids and not self.passed.done():
            self.passed.set_result(None)


class MqttSession(asyncio.Protocol):
    """One network connection of a session. Made by `open_session`.

    The broker's messages wait in an inbox until they are taken; the connection's end reaches
    the taker as `SessionEnded`, after what was read before it.
    """

    def __init__(self, options: MqttOptions, client_id: str, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._client_id = client_id
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._rest = bytearray()
        self._inbox: list[Incoming] = []
        self._inbox_bytes = 0
        self._taker: asyncio.Future[None] | None = None
        self._gather_s = 0.0
        self._at_once = False
        self._gathering: asyncio.TimerHandle | None = None
        self._had_plenty = False
        self._woken = False
        self._resting: asyncio.TimerHandle | None = None
        self._paused = False
        self._is_open = False  # until then all is read: SUBACK may stand behind a long backlog
        self._ended: SessionEnded | None = None
        self._connack: asyncio.Future[mqtt5.ConnAckPacket] = self._loop.create_future()
        self._subacks: dict[int, asyncio.Future[mqtt5.SubAckPacket]] = {}
        self._next_id = 1
        self._heard_s = self._loop.time()
        self._queued_s = self._loop.time()  # when what came was last out of a queue
        self._ping_timer: asyncio.TimerHandle | None = None
        self._mark: _Mark | None = None
        self.session_present = False
        self.closed: asyncio.Future[None] = self._loop.create_future()

    # ------------------------------------------------------------------ for the loops

    @property
    def is_caught_up(self) -> bool:
        """Whether messages come as they are sent, not out of the broker's queue."""
        return not self._paused and self._loop.time() - self._queued_s > CAUGHT_UP_AFTER_S

    async def take(self, gather_s: float, *, at_once: bool = False) -> list[Incoming]:
        """Wait for a message and so long for more, then give all; after `wake` it may be none.

        A full batch of them is given at once. One turn of the taker for many messages is what
        makes a lane cheap. Cancel-safe: cancelled, the messages stay.

        Parameters
        ----------
        at_once : look into the socket once, at the end of the time, instead of each 20 ms; the
            arrival of a message is then later by up to the time. Not done while more waits than
            one look brings.

        Raises
        ------
        SessionEnded : the connection is gone and everything read from it was given
        """
        if not (self._woken or self._ended or self._is_plenty()):
            self._gather_s = gather_s
            self._taker = self._loop.create_future()
            self._at_once = at_once and not self._had_plenty
            if self._at_once:
                self._leave_alone(gather_s)
            elif self._inbox:
                self._gather()
            try:
                await self._taker
            finally:
                self._taker = None
                self._at_once = False
                if self._gathering is not None:
                    self._gathering.cancel()
                    self._gathering = None
        self._woken = False
        self._had_plenty = self._is_plenty()
        if not self._inbox and self._ended is not None:
            raise self._ended
        taken, self._inbox = self._inbox, []
        self._inbox_bytes = 0
        if self._mark is not None:
            self._mark.look_for(taken)
        if len(taken) >= GATHERED_MESSAGES:
            self._queued_s = self._loop.time()
        if self._paused and self._transport is not None:
            self._paused = False
            self._queued_s = self._heard_s = self._loop.time()
            if self._resting is None:
                self._transport.resume_reading()
        return taken

    def wake(self) -> None:
        """Make `take` return, with or without messages."""
        self._woken = True
        self._release()

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Send PUBACKs in this order; nothing if the connection is gone."""
        if self._transport is not None and self._ended is None and packet_ids:
            # A PUBACK of MQTT 5 that tells success is four bytes.
            packets = np.full((len(packet_ids), 2), 0x4002, ">u2")
            packets[:, 1] = packet_ids
            self._transport.write(packets.tobytes())
            if self._mark is not None:
                self._mark.note_acknowledged(packet_ids)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Send to a device with QoS 0; false where it could not leave (it will be repeated)."""
        transport = self._transport
        if transport is None or self._ended is not None:
            return False
        if transport.get_write_buffer_size() > WRITE_MOST_BYTES:
            return False
        transport.write(_PUBLISH(topic, payload, retain=retain).write())
        return True

    async def settle_queue(self) -> None:
        """Wait until all is acknowledged that the broker had for this session at the call.

        We publish a mark to ourselves: it stands in the queue behind all that came before it,
        and PUBACKs leave in order. Cancel-safe: a mark that comes later is acknowledged.

        Raises
        ------
        Unavailable : the connection is gone
        """
        topic = f"{MARKS}{self._options.user or 'gateway'}/up/{self._client_id}"
        await self.subscribe([topic])
        self._mark = mark = _Mark(topic, self._loop.create_future())
        packet_id, self._next_id = self._next_id, self._next_id % 65_535 + 1
        packet = _PUBLISH(topic, b"", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id)
        self._write(packet.write())
        try:
            await mark.passed
        finally:
            self._mark = None

    async def close(self) -> None:
        """Leave the session to its next owner: DISCONNECT without ending it. Twice is harmless."""
        if self._transport is not None and self._ended is None:
            self._transport.write(mqtt5.DisconnectPacket().write())
        self._end(SessionEnded("closed by us"))
        async with asyncio.timeout(self._options.timeout_s):
            await asyncio.shield(self.closed)

    def abandon(self) -> None:
        """Drop the connection without a word."""
        self._end(SessionEnded("abandoned"))
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------------------ opening

    async def connect(self) -> None:
        """Say CONNECT and wait for the answer.

        Raises
        ------
        Unavailable : the broker does not answer or is not ready
        Misconfigured : it refuses user or password
        """
        options = self._options
        self._write(
            mqtt5.ConnectPacket(
                self._client_id,
                username=options.user or None,
                password=options.password or None,
                clean_start=False,  # a session opened with it set is never persisted by mosquitto
                keep_alive=options.keep_alive_s,
                session_expiry_interval=options.session_expiry_s,
                receive_max=options.receive_max,
                max_packet_size=options.packet_most_bytes,
            ).write()
        )
        answer = await self._connack
        if answer.reason_code in (
            mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD,
            mqtt5.ConnAckReasonCode.NOT_AUTHORIZED,
        ):
            raise Misconfigured(f"the MQTT broker refuses user {options.user!r}")
        if answer.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            raise Unavailable(Dependency.MQTT, f"CONNACK {answer.reason_code.name}")
        self.session_present = answer.session_present
        self._queued_s = self._loop.time()
        self._keep_alive(float(answer.server_keep_alive or options.keep_alive_s))

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe to all filters, some in a packet.

        It is done on every connection: a gateway killed between CONNACK and SUBSCRIBE leaves a
        session without subscriptions, which says 'session present' all the same. Repeating a
        filter replaces it, and retained messages come for new filters only.

        Raises
        ------
        Unavailable : the broker refuses a filter
        """
        waiting: list[asyncio.Future[mqtt5.SubAckPacket]] = []
        for start in range(0, len(filters), FILTERS_A_PACKET):
            packet_id, self._next_id = self._next_id, self._next_id % 65_535 + 1
            answer: asyncio.Future[mqtt5.SubAckPacket] = self._loop.create_future()
            self._subacks[packet_id] = answer
            waiting.append(answer)
            self._write(
                mqtt5.SubscribePacket(
                    packet_id,
                    [
                        mqtt5.TopicFilter(
                            pattern,
                            max_qos=mqtt5.QoS.AT_LEAST_ONCE,
                            retain_as_published=False,
                            retain_handling=mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS,
                        )
                        for pattern in filters[start : start + FILTERS_A_PACKET]
                    ],
                ).write()
            )
        for answer in waiting:
            codes = (await answer).reason_codes
            refused = [code.name for code in codes if code.value >= 0x80]
            if refused:
                raise Unavailable(Dependency.MQTT, f"SUBACK {refused[0]}")
        self._is_open = True

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._ended is not None:
            raise Unavailable(Dependency.MQTT, "the connection is gone")
        self._transport.write(data)

    # ------------------------------------------------------------------ asyncio's side

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is none of asyncio's classes, though it does all that they do.
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._heard_s = self._loop.time()
        if self._rest:
            self._rest += data
            data = bytes(self._rest) if self._is_whole() else b""
            if not data:
                return
            self._rest.clear()
        view = memoryview(data)
        at = 0
        size = len(data)
        inbox = self._inbox
        arrival_us = self._clock.now_us()
        while at < size:
            try:
                packet, used = mqtt5.read(view[at:])
            except IndexError:  # the last packet is incomplete
                self._rest += view[at:]
                if not self._is_bounded():
                    self._end(SessionEnded("the broker sends a packet longer than agreed"))
                break
            except BaseException as error:  # noqa: BLE001 - see _pass_over
                at += self._pass_over(view[at:], error, arrival_us)
                continue
            at += used
            if type(packet) is _PUBLISH:
                payload = packet.payload
                self._inbox_bytes += len(payload)
                inbox.append(
                    Incoming(
                        packet.topic,
                        payload,
                        packet.packet_id or 0,
                        packet.retain,
                        packet.user_properties,
                        arrival_us,
                    )
                )
            else:
                self._answer(packet)
        if inbox:
            if len(inbox) >= INBOX_MOST_MESSAGES or self._inbox_bytes >= INBOX_MOST_BYTES:
                self._pause()
            if self._is_plenty() or (self._at_once and not self._has_more()):
                self._release()
                return
            if self._gathering is None:
                self._gather()
            if size < REST_MOST_BYTES and self._gather_s > 2 * REST_S and not self._at_once:
                self._leave_alone(REST_S)

    @override
    def eof_received(self) -> bool:
        return False  # close the transport

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(SessionEnded(f"connection lost: {exc}" if exc else "connection closed"))
        if not self.closed.done():
            self.closed.set_result(None)

    # ------------------------------------------------------------------ within

    def _is_plenty(self) -> bool:
        return len(self._inbox) >= GATHERED_MESSAGES or self._inbox_bytes >= GATHERED_BYTES

    def _gather(self) -> None:
        if self._taker is not None:
            self._gathering = self._loop.call_later(self._gather_s, self._release)

    def _release(self) -> None:
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    def _is_whole(self) -> bool:
        """Whether the kept rest holds its first packet, so that parsing again is worth it."""
        length = _packet_length(self._rest)
        return length is None or len(self._rest) >= length

    def _pass_over(self, data: memoryview, error: BaseException, arrival_us: int) -> int:
        """Give the bytes of a packet that the codec cannot read, so that the next one can be.

        A PUBLISH becomes a message without a topic: it is parked and acknowledged, else the
        broker would send it again on every connection. The codec's panics (on text that is no
        UTF-8) are no `Exception`, and their class cannot be imported.
        """
        if not isinstance(error, ValueError) and type(error).__name__ != "PanicException":
            raise error
        log.error("mqtt_unreadable", client_id=self._client_id, error=str(error))
        length = _packet_length(data[:5])
        packet_id = None if length is None else _packet_id(data[:length])
        if length is None or length > len(data) or packet_id is None:
            self._disconnect(mqtt5.DisconnectReasonCode.MALFORMED_PACKET)
            self._end(SessionEnded(f"malformed packet: {error}"))
            return len(data)
        self._inbox_bytes += length
        self._inbox.append(
            Incoming(
                topic="",
                payload=bytes(data[:length]),
                packet_id=packet_id,
                retained=False,
                properties=(),
                arrival_us=arrival_us,
            )
        )
        return length

    def _is_bounded(self) -> bool:
        length = _packet_length(self._rest)
        return length is None or length <= self._options.packet_most_bytes

    def _pause(self) -> None:
        if not self._is_open:
            return  # the broker sends no more than Receive Maximum meanwhile
        if not self._paused and self._transport is not None and self._ended is None:
            self._paused = True
            if self._resting is None:
                self._transport.pause_reading()

    def _leave_alone(self, for_s: float) -> None:
        """Leave the socket alone for so long from now; what comes meanwhile is read at once."""
        if self._paused or self._transport is None or self._ended is not None:
            return
        if self._resting is None:
            self._transport.pause_reading()
        else:
            self._resting.cancel()
        self._resting = self._loop.call_later(for_s, self._rested)

    def _rested(self) -> None:
        self._resting = None
        if not self._paused and self._transport is not None and self._ended is None:
            self._transport.resume_reading()
            if self._at_once and self._inbox and self._gathering is None:
                self._gathering = self._loop.call_later(REST_S, self._release)  # if nothing comes

    def _has_more(self) -> bool:
        """Whether the socket holds more than what came while the last read was looked at."""
        link = None if self._transport is None else self._transport.get_extra_info("socket")
        if link is None or self._ended is not None:
            return False
        n_bytes = bytearray(4)
        fcntl.ioctl(link.fileno(), termios.FIONREAD, n_bytes)
        return int.from_bytes(n_bytes, sys.byteorder) >= MORE_BYTES

    def _answer(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PingRespPacket):
            return
        if isinstance(packet, mqtt5.ConnAckPacket):
            if not self._connack.done():
                self._connack.set_result(packet)
        elif isinstance(packet, mqtt5.SubAckPacket):
            answer = self._subacks.pop(packet.packet_id, None)
            if answer is not None and not answer.done():
                answer.set_result(packet)
        elif isinstance(packet, mqtt5.DisconnectPacket):
            taken_over = packet.reason_code == mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
            self._end(SessionEnded(f"DISCONNECT {packet.reason_code.name}", taken_over=taken_over))

    def _disconnect(self, reason: mqtt5.DisconnectReasonCode) -> None:
        if self._transport is not None and self._ended is None:
            self._transport.write(mqtt5.DisconnectPacket(reason_code=reason).write())

    def _keep_alive(self, keep_alive_s: float) -> None:
        """Send PINGREQ at half the time, and take silence for the end; not while we do not read."""
        if self._ended is not None or self._transport is None:
            return
        silent_s = self._loop.time() - self._heard_s
        if silent_s > 1.5 * keep_alive_s and not self._paused:
            self._end(SessionEnded(f"the broker is silent for {silent_s:.0f} s"))
            return
        self._transport.write(_PINGREQ)
        self._ping_timer = self._loop.call_later(keep_alive_s / 2, self._keep_alive, keep_alive_s)

    def _end(self, reason: SessionEnded) -> None:
        if self._ended is not None:
            return
        self._ended = reason
        for timer in (self._ping_timer, self._resting):
            if timer is not None:
                timer.cancel()
        unavailable = Unavailable(Dependency.MQTT, str(reason))
        _fail(self._connack, unavailable)
        for answer in self._subacks.values():
            _fail(answer, unavailable)
        if self._mark is not None:
            _fail(self._mark.passed, unavailable)
        self._release()
        if self._transport is not None:
            self._transport.close()


async def open_session(
    options: MqttOptions, client_id: str, filters: Sequence[str], clock: Clock
) -> MqttSession:
    """Connect and subscribe. Cancel-safe: a half-open connection is closed.

    Raises
    ------
    Unavailable : the broker does not answer in time, or refuses for now
    Misconfigured : it refuses user or password
    """
    session = MqttSession(options, client_id, clock)
    try:
        async with asyncio.timeout(options.timeout_s):
            await asyncio.get_running_loop().create_connection(
                lambda: session, options.host, options.port
            )
            await session.connect()
            await session.subscribe(filters)
    except (OSError, TimeoutError) as error:
        session.abandon()
        raise Unavailable(Dependency.MQTT, f"opening session {client_id}: {error!r}") from error
    except BaseException:
        session.abandon()
        raise
    return session


def _fail(answer: asyncio.Future[Answer], error: Unavailable) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # seen: nobody may be waiting


def _packet_length(data: bytearray | memoryview) -> int | None:
    """Give the length of the packet that begins here; None while its head is incomplete."""
    length = 0
    for position in range(1, min(len(data), 5)):
        length |= (data[position] & 0x7F) << 7 * (position - 1)
        if data[position] < 0x80:
            return position + 1 + length
    return None


def _packet_id(packet: memoryview) -> int | None:
    """Give the packet id of a whole PUBLISH, 0 with QoS 0; None if it is none, or too short."""
    kind, qos = packet[0] >> 4, packet[0] >> 1 & 3
    if kind != 3 or qos == 3:
        return None
    at = next(index for index in range(1, 5) if packet[index] < 0x80) + 1
    if len(packet) < at + 2:
        return None
    at += 2 + int.from_bytes(packet[at : at + 2], "big")
    if qos == 0:
        return 0
    return int.from_bytes(packet[at : at + 2], "big") if len(packet) >= at + 2 else None
