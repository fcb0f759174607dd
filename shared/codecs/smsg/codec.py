"""The codec ``smsg``: the home hub's stream of messages. Format and decisions in README.md.

Hot path (``make bench``): ECG comes in messages of ten samples, so what is done for each message is
a few operations on bytes; samples are turned by numpy, once for each unit and MQTT message.
"""

import struct
from collections.abc import Mapping

from shared.codecs.smsg.dialogue import SmsgDialogue
from shared.codecs.smsg.layout import HEAD, HEADER, LARGEST_MESSAGE, size_at
from shared.codecs.smsg.reading import CONSTANTS, MOST_REMEMBERED, Head, Numbers, Reading
from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoded, Envelope, Refused
from shared.contracts.oximeter_status import QUIET_STATUS, STATUS_MASK
from shared.contracts.parking import Reason

LARGEST_BYTES = 65_536
"""Of one MQTT message, as in codec `packed`."""
STATUS = struct.Struct(">IH")
"""In a rest: an oximeter and its status word."""
_LETTERS = [HEADER[at : at + 1] for at in range(len(HEADER))]
LARGEST_REST = 1 + MOST_REMEMBERED * STATUS.size + LARGEST_MESSAGE + HEAD.size


class SmsgDecoder:
    """Cuts the stream of one hub into messages, and finds its way again after anything else.

    A header is believed if what follows it can be a message; and a message in whose payload
    another believable header stands was none itself: so what follows a broken one is not lost with
    it. Nothing that has a message's length is waited for longer than that.
    """

    __slots__ = ("_numbers", "_rest", "_status")

    def __init__(self, constants: Mapping[str, float]) -> None:
        self._numbers = Numbers.of(constants)
        self._rest = b""
        self._status: dict[int, int] = {}

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give what ends in ``data``, and a refusal for each stretch that is no message."""
        if envelope is None:
            return [Refused(Reason.NO_IDENTITY, "smsg bytes have no identity of their own")]
        reading = Reading(self._numbers, self._status, envelope.t_us)
        if len(data) > LARGEST_BYTES:
            self._rest = b""
            detail = f"{len(data)} bytes, at most {LARGEST_BYTES}"
            reading.refused.append(Refused(Reason.TOO_LARGE, detail))
        else:
            self._rest = _cut(self._rest + data, reading)
        return [reading.finish(envelope), *reading.refused]

    def remainder(self) -> bytes:
        """Give the status words that are not quiet, and the bytes of the unfinished message."""
        if not self._rest and not self._status:
            return b""
        words = [STATUS.pack(*one) for one in self._status.items()]
        return bytes([len(words)]) + b"".join(words) + self._rest

    def resume(self, rest: bytes) -> None:
        """Go on where that decoder stopped; what no decoder left is forgotten."""
        self._rest, self._status = b"", {}
        count = rest[0] if rest else 0
        end = 1 + count * STATUS.size
        if count > MOST_REMEMBERED or not end <= len(rest) <= LARGEST_REST:
            return
        for unit, status in STATUS.iter_unpack(rest[1:end]):
            if status & STATUS_MASK != QUIET_STATUS:
                self._status[unit] = status & STATUS_MASK
        self._rest = rest[end:]


def _cut(buffer: bytes, reading: Reading) -> bytes:
    """Read the messages of ``buffer``, and give what may still become one."""
    heads: dict[bytes, Head] = {}
    words, length = reading.words, len(buffer)
    done = 0  # all before is read or told
    start = buffer.find(HEADER)
    while start >= 0:
        body = start + HEAD.size
        raw = buffer[start:body]
        head = heads.get(raw)
        if head is None:
            size = size_at(buffer, start)
            if size == 0:
                start = buffer.find(HEADER, start + 1)
                continue
            if size < 0:
                break
            head = heads[raw] = reading.head(raw, size)
        size, samples, said, _, _ = head
        end = start + size
        after = buffer.find(HEADER, start + 1)
        if 0 <= after <= end - len(HEADER):
            inner = _believable(buffer, after, end)
            if inner == length:
                break
            if inner >= 0:
                start = inner
                continue
            after = buffer.find(HEADER, end)
        elif 0 <= after < end:
            after = buffer.find(HEADER, end)
        if end > length:
            break
        if done < start:
            _tell(reading, start - done)
        if samples is None:
            reading.take(head, buffer[body:end])
        elif after == end and (count := _run(buffer, start, raw, size)):
            end = start + count * size
            samples.append(buffer[start:end].replace(raw, b""))
            words += said * count
            after = buffer.find(HEADER, end)
        else:
            samples.append(buffer[body:end])
            words += said
        done = end
        start = after
    else:
        start = length - _begun(buffer, done)
    if done < start:
        _tell(reading, start - done)
    return buffer[start:]


def _run(buffer: bytes, start: int, raw: bytes, size: int) -> int:
    """How many messages of this head and size follow one another, or 0 where that is not plain.

    A unit that sends its ECG is the common case, and is read without looking at each message: as
    many headers as messages, each at its place, and each with this head.
    """
    if not (buffer.startswith(raw, start + size) and buffer.startswith(raw, start + 3 * size)):
        return 0
    count = (len(buffer) - start) // size
    for at, letter in enumerate(_LETTERS, start):
        column = buffer[at : start + count * size : size]
        count = len(column) - len(column.lstrip(letter))
    count = buffer.count(raw, start, start + count * size)  # behind them may be another head
    end = start + count * size
    is_plain = buffer.count(HEADER, start, end) == count == buffer.count(raw, start, end)
    return count if is_plain else 0


def _believable(buffer: bytes, at: int, end: int) -> int:
    """Where the first header is that can be one, from ``at`` and whole before ``end``.

    -1: there is none; the length of the buffer: that cannot be said yet.
    """
    while at >= 0:
        size = size_at(buffer, at)
        if size:
            return at if size > 0 else len(buffer)
        at = buffer.find(HEADER, at + 1, end)
    return -1


def _begun(buffer: bytes, since: int) -> int:
    """How many of the last bytes may be the beginning of a header."""
    for count in range(min(len(HEADER) - 1, len(buffer) - since), 0, -1):
        if buffer.endswith(HEADER[:count]):
            return count
    return 0


def _tell(reading: Reading, count: int) -> None:
    detail = f"{count} bytes that are no message were passed over"
    reading.refused.append(Refused(Reason.GARBAGE, detail))


CODEC = Codec(
    name="smsg",
    framing=Framing.STREAM,
    largest_bytes=LARGEST_BYTES,
    new_decoder=SmsgDecoder,
    constants=CONSTANTS,
    needs_envelope=True,
    largest_rest=LARGEST_REST,
    new_dialogue=SmsgDialogue,
)
