"""The codec ``chipox``: an oximeter that sends the packets of its ChipOx module itself."""

import struct
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from shared.codecs.chipox.packets import (
    CONSTANTS,
    LARGEST_PACKET,
    LARGEST_VALUE,
    Framing,
    MessageId,
    Packet,
    read_packet,
)
from shared.contracts import codec as contract
from shared.contracts.decoding import Decoded, DecodedFrame, Envelope, Note, Refused, Word
from shared.contracts.events import EventKind
from shared.contracts.frames import SampleFormat
from shared.contracts.oximeter_status import QUIET_STATUS, STATUS_MASK, status_changes
from shared.contracts.parking import Reason
from shared.contracts.streams import Place, Stream

LARGEST_BYTES = 65_536
REST = struct.Struct(">BH")
"""Before the unfinished bytes: whether all is passed over until a flag, and the status word."""
LARGEST_REST = REST.size + LARGEST_PACKET
MOST = {Stream.SPO2: 100, Stream.PULSE_RATE: 300}
_SIZES = {
    MessageId.SPO2: range(1, 2),
    MessageId.PULSE: range(2, 3),
    MessageId.STATUS: range(2, 3),
    MessageId.REALTIME: range(1, LARGEST_VALUE + 1),
    MessageId.UNKNOWN_MESSAGE: range(LARGEST_VALUE + 1),
}
_ONE = struct.Struct("<i")


class ChipoxDecoder:
    """Cuts the stream at its flags; what stands between two of them is a packet or it is not."""

    __slots__ = ("_framing", "_is_lost", "_reading_us", "_realtime_ns", "_rest", "_status")

    def __init__(self, constants: Mapping[str, float]) -> None:
        for name in ("reading_rate_hz", "realtime_rate_hz"):
            if not 1e-3 <= constants[name] <= 1e5:
                raise ValueError(f"{name} of chipox is from 0.001 to 100,000")
        self._framing = Framing.of(constants)
        self._reading_us = 1e6 / constants["reading_rate_hz"]
        self._realtime_ns = round(1e9 / constants["realtime_rate_hz"])
        self._rest = b""
        self._is_lost = False
        self._status = QUIET_STATUS

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give what ends in ``data``, and a refusal for each stretch that is no packet."""
        if envelope is None:
            return [Refused(Reason.NO_IDENTITY, "chipox bytes have no identity of their own")]
        message = Decoded(*envelope, 0, [], [], [])
        if len(data) > LARGEST_BYTES:
            self._rest, self._is_lost = b"", False
            detail = f"{len(data)} bytes, at most {LARGEST_BYTES}"
            return [message, Refused(Reason.TOO_LARGE, detail)]
        packets, refused = self._cut(self._rest + data)
        return [self._read(packets, envelope, refused), *refused]

    def remainder(self) -> bytes:
        """Give the status word, unless it is the quiet one, and the unfinished packet."""
        if not self._rest and not self._is_lost and self._status == QUIET_STATUS:
            return b""
        return REST.pack(self._is_lost, self._status) + self._rest

    def resume(self, rest: bytes) -> None:
        """Go on where that decoder stopped; what no decoder left is forgotten."""
        self._rest, self._is_lost, self._status = b"", False, QUIET_STATUS
        if REST.size <= len(rest) <= LARGEST_REST:
            is_lost, status = REST.unpack_from(rest)
            self._is_lost, self._status = bool(is_lost), status & STATUS_MASK
            self._rest = rest[REST.size :]

    def _cut(self, buffer: bytes) -> tuple[list[Packet], list[Refused]]:
        """Give the packets of a buffer; what no flag has ended yet is kept."""
        framing = self._framing
        if framing.end != framing.start:
            buffer = buffer.replace(framing.end, framing.start)
        *parts, rest = buffer.split(framing.start)
        packets: list[Packet] = []
        refused: list[Refused] = []
        lost: list[int] = []  # lengths of what is no packet, one behind the other
        for part in parts:
            if not part:
                self._is_lost = False
                continue
            packet = None
            if not self._is_lost and len(part) <= LARGEST_PACKET:
                packet = read_packet(part, framing)
            self._is_lost = False
            if packet is None:
                lost.append(len(part))
                continue
            _tell(lost, refused)
            packets.append(packet)
        if len(rest) > LARGEST_PACKET or (rest and self._is_lost):
            self._is_lost = True
            lost.append(len(rest))
            rest = b""
        _tell(lost, refused)
        self._rest = rest
        return packets, refused

    def _read(self, packets: list[Packet], envelope: Envelope, refused: list[Refused]) -> Decoded:
        frames: list[DecodedFrame] = []
        notes: list[Note] = []
        words: list[Word] = []
        realtime: list[bytes] = []
        n_readings = {Stream.SPO2: 0, Stream.PULSE_RATE: 0}
        for packet in packets:
            problem = self._problem(packet)
            if problem is not None:
                refused.append(problem)
                continue
            number = int.from_bytes(packet.value, "big")
            match packet.message:
                case MessageId.SPO2 | MessageId.PULSE:
                    is_spo2 = packet.message == MessageId.SPO2
                    stream = Stream.SPO2 if is_spo2 else Stream.PULSE_RATE
                    dt_us = int(n_readings[stream] * self._reading_us)
                    n_readings[stream] += 1
                    if number > MOST[stream]:
                        detail = f"{stream.name.lower()} of {number}, at most {MOST[stream]}"
                        refused.append(Refused(Reason.MALFORMED, detail))
                    elif number:  # the module says 0 while it has none
                        frames.append(_reading(stream, number, dt_us))
                case MessageId.STATUS:
                    status = number & STATUS_MASK
                    for name, on in status_changes(self._status, status):
                        data = MappingProxyType({"status": name, "on": on})
                        notes.append(Note(EventKind.STATUS_CHANGED, 0, "", data))
                    self._status = status
                case MessageId.REALTIME:
                    realtime.append(packet.value)
                case _:
                    said = MappingProxyType({"value": packet.value.hex()})
                    words.append(Word("unknown_message", "", said))
        if realtime:
            frames.insert(0, self._plethysmogram(b"".join(realtime)))
        return Decoded(*envelope, 0, frames, notes, words)

    def _problem(self, packet: Packet) -> Refused | None:
        """Why a packet with a right checksum says nothing."""
        if packet.channel != self._framing.channel:
            return Refused(Reason.WRONG_TYPE, f"a packet of channel {packet.channel}")
        sizes = _SIZES.get(MessageId(packet.message)) if packet.message in _IDS else None
        if sizes is None:
            return Refused(Reason.WRONG_TYPE, f"a packet of message id {packet.message:#04x}")
        if len(packet.value) not in sizes:
            detail = f"message id {packet.message:#04x} with {len(packet.value)} bytes"
            return Refused(Reason.MALFORMED, detail)
        return None

    def _plethysmogram(self, octets: bytes) -> DecodedFrame:
        samples = np.frombuffer(octets, np.uint8).astype("<i2")
        return DecodedFrame(
            int(Stream.PPG), int(Place.FINGER), 1, len(samples), self._realtime_ns, 0,
            int(SampleFormat.INT16), 1.0, 0.0, samples.tobytes(),
        )  # fmt: skip


_IDS = {int(message) for message in MessageId}


def _reading(stream: Stream, value: int, dt_us: int) -> DecodedFrame:
    return DecodedFrame(
        int(stream), int(Place.FINGER), 1, 1, 0, dt_us, int(SampleFormat.INT32), 1.0, 0.0,
        _ONE.pack(value),
    )  # fmt: skip


def _tell(lost: list[int], refused: list[Refused]) -> None:
    """Refuse the stretch that these lengths make up, and begin another."""
    if lost:
        one = len(lost) == 1 and lost[0] <= LARGEST_PACKET
        reason = Reason.BAD_CHECKSUM if one else Reason.GARBAGE
        refused.append(Refused(reason, f"{sum(lost)} bytes between flags are no packet"))
        lost.clear()


CODEC = contract.Codec(
    name="chipox",
    framing=contract.Framing.STREAM,
    largest_bytes=LARGEST_BYTES,
    new_decoder=ChipoxDecoder,
    constants=CONSTANTS,
    needs_envelope=True,
    largest_rest=LARGEST_REST,
)
