"""The codec ``smsg``: the home hub's stream of messages. Format and decisions in README.md.

Hot path (``make bench``): ECG comes in messages of ten samples, so what is done for each message is
a few operations on bytes; samples are turned by numpy, once for each unit and MQTT message.
"""

import struct
from collections.abc import Mapping

from shared.codecs.smsg.dialogue import SmsgDialogue
from shared.codecs.smsg.layout import HEAD, HEADER, LARGEST_MESSAGE, size_at
from shared.codecs.smsg.numbers import CONSTANTS, Numbers
from shared.codecs.smsg.reading import MOST_REMEMBERED, Head, Reading
from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoded, Envelope, Refused
from shared.contracts.oximeter_status import QUIET_STATUS, STATUS_MASK
from shared.contracts.parking import Reason

LARGEST_BYTES = 65_536
"""Of one MQTT message, as in codec `packed`."""
STATUS = struct.Struct(">IH")
"""In a rest: an oximeter and its status word. Before them one octet: how many there are, and, four
bits up, how many of the bytes behind them a message has used already."""
_LETTERS = [HEADER[at : at + 1] for at in range(len(HEADER))]
LARGEST_REST = 1 + MOST_REMEMBERED * STATUS.size + LARGEST_MESSAGE + HEAD.size


class SmsgDecoder:
    """Cuts the stream of one hub into messages, and finds its way again after anything else.

    A header is believed if what follows it can be a message; and a message in whose payload
    another believable one stands whole was none itself; one that begins in the last bytes of a
    message is tried too. So what follows a broken message is not lost with it, and no message waits
    for the next.
    """

    __slots__ = ("_n_used", "_numbers", "_rest", "_status")

    def __init__(self, constants: Mapping[str, float]) -> None:
        self._numbers = Numbers.of(constants)
        self._rest = b""
        self._n_used = 0
        self._status: dict[int, int] = {}

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give what ends in ``data``, and a refusal for each stretch that is no message."""
        if envelope is None:
            return [Refused(Reason.NO_IDENTITY, "smsg bytes have no identity of their own")]
        reading = Reading(self._numbers, self._status, envelope.t_us)
        if len(data) > LARGEST_BYTES:
            self._rest, self._n_used = b"", 0
            detail = f"{len(data)} bytes, at most {LARGEST_BYTES}"
            reading.refused.append(Refused(Reason.TOO_LARGE, detail))
        else:
            self._rest, self._n_used = _cut(self._rest + data, self._n_used, reading)
        return [reading.finish(envelope), *reading.refused]

    def remainder(self) -> bytes:
        """Give the status words that are not quiet, and the bytes of the unfinished message."""
        if not self._rest and not self._status:
            return b""
        words = [STATUS.pack(*one) for one in self._status.items()]
        return bytes([len(words) | self._n_used << 4]) + b"".join(words) + self._rest

    def resume(self, rest: bytes) -> None:
        """Go on where that decoder stopped; what no decoder left is forgotten."""
        self._rest, self._n_used, self._status = b"", 0, {}
        n_used, count = divmod(rest[0], 16) if rest else (0, 0)
        end = 1 + count * STATUS.size
        if count > MOST_REMEMBERED or not end + n_used <= len(rest) <= LARGEST_REST:
            return
        for unit, status in STATUS.iter_unpack(rest[1:end]):
            if status & STATUS_MASK != QUIET_STATUS:
                self._status[unit] = status & STATUS_MASK
        self._rest, self._n_used = rest[end:], n_used


def _cut(buffer: bytes, n_used: int, reading: Reading) -> tuple[bytes, int]:
    """Read the messages of ``buffer``, of which the first bytes have been used already.

    Gives what may still become a message, and how many bytes of that are used.
    """
    heads: dict[bytes, Head] = {}
    words, length = reading.words, len(buffer)
    done = n_used  # all before is read or told
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
        if 0 <= after <= end - HEAD.size:
            inner = _believable(buffer, after, end)
            if inner >= 0:
                start = inner
                continue
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
            after = 0
        else:
            samples.append(buffer[body:end])
            words += said
        done = end
        # A header that begins in the last bytes may be true: then the end of this message was lost.
        least = end - HEAD.size + 1
        start = after if after < 0 or after >= least else buffer.find(HEADER, max(body, least))
    else:
        start = length - _begun(buffer, max(0, done - len(HEADER) + 1))
    if done < start:
        _tell(reading, start - done)
    return buffer[start:], max(0, done - start)


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
    """Where the first head is that can be one, from ``at`` and whole before ``end``; else -1."""
    while 0 <= at <= end - HEAD.size:
        if size_at(buffer, at) > 0:
            return at
        at = buffer.find(HEADER, at + 1)
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
