"""The codec ``wellness_ecg``: a marker and a 10-bit word for each sample, as a stream of bytes.

Format, source and decisions in README.md; cost: ``make bench WHAT=codecs``. The rhythm of the
markers is looked for in all bytes at once: no step of Python for each sample. A message without a
break, the common case, is cut by slices of bytes alone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contracts.codec import Codec, Constant, Framing
from shared.contracts.decoding import Decoded, DecodedFrame, Decoder, Envelope, Refused
from shared.contracts.frames import SampleFormat
from shared.contracts.parking import Reason
from shared.contracts.streams import Place, Stream

LARGEST_BYTES = 65_536
MARKER = 0x0A
STEP = 3
"""Bytes of a sample: the marker, and a word of which the low byte comes first."""
_TOP = 4  # the high byte of a word below 1024
_TOPS = bytes(range(_TOP))
_PENDING = 2 * STEP - 1
SEARCHING = b"\0"
"""Before the rest of a decoder that has lost the rhythm; a marker stands before any other rest."""
MOST_FRAMES = 64
"""A message with more breaks than that is noise: what comes behind them is passed over."""

Run = tuple[int, bytes]
"""Where samples begin that follow one another, and their words, little-endian."""


class WellnessEcgDecoder:
    """Finds the samples in a stream of bytes.

    In rhythm, a sample follows a sample. Out of it, two samples behind one another are a rhythm:
    inside a good stream no other place looks like that, since a marker is no high byte.
    """

    __slots__ = ("_in_rhythm", "_interval_ns", "_offset", "_pending", "_scale")

    def __init__(self, rate_hz: float, scale: float, offset: float) -> None:
        self._interval_ns = round(1e9 / rate_hz)
        self._scale = scale
        self._offset = offset
        self._pending = b""
        self._in_rhythm = True

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give the samples that end in ``data``; the first of them was taken at its time."""
        boot, n, t_us = (None, None, None) if envelope is None else envelope
        found: list[Decoded | Refused] = []
        runs: list[Run] = []
        if len(data) > LARGEST_BYTES:
            detail = f"{len(data)} bytes, at most {LARGEST_BYTES}"
            found.append(Refused(Reason.TOO_LARGE, detail, boot, n))
            self._pending, self._in_rhythm = b"", False
        elif data:
            n_pending = len(self._pending)
            buffer = self._pending + data
            plain = _plain(buffer) if self._in_rhythm else None
            if plain is None:
                runs, garbage = self._cut(np.frombuffer(buffer, np.uint8))
            else:
                runs, garbage = ([(0, plain)] if plain else []), []
                self._pending = buffer[len(buffer) // STEP * STEP :]
            if garbage:
                n_bytes = sum(end - start for start, end in garbage)
                first = max(garbage[0][0] - n_pending, 0)
                detail = f"{n_bytes} bytes passed over, the first of them at byte {first}"
                found.append(Refused(Reason.GARBAGE, detail, boot, n))
            runs = [(start - n_pending, samples) for start, samples in runs]
        if boot is not None and n is not None and t_us is not None:
            found.insert(0, Decoded(boot, n, t_us, 0, self._frames(runs)))
        elif runs:
            found.append(Refused(Reason.NO_IDENTITY, "give b, n and t beside the bytes"))
        return found

    def remainder(self) -> bytes:
        """Give the bytes of an unfinished sample, and before them whether the rhythm is lost."""
        return self._pending if self._in_rhythm else SEARCHING + self._pending

    def resume(self, rest: bytes) -> None:
        """Take the place of the decoder that left ``rest``."""
        self._in_rhythm = not rest.startswith(SEARCHING)
        self._pending = (rest if self._in_rhythm else rest[1:])[-_PENDING:]

    def _cut(self, octets: NDArray[np.uint8]) -> tuple[list[Run], list[tuple[int, int]]]:
        """Give the stretches of samples with their beginning, and those of garbage; keep the rest.

        A sample at place p is one if it looks like one and follows one (or a rhythm begins there).
        """
        size = len(octets)
        is_marker = octets == MARKER
        looks = np.zeros(size, np.bool_)
        looks[:-2] = is_marker[:-2] & (octets[2:] < _TOP)
        doubled = np.zeros(size, np.bool_)
        doubled[:-STEP] = looks[:-STEP] & looks[STEP:]
        begins = np.flatnonzero(doubled)
        # Where a chain of samples ends: the first place of its own residue that is none.
        chain_ends = [np.flatnonzero(~looks[residue::STEP]) for residue in range(STEP)]
        runs: list[Run] = []
        garbage: list[tuple[int, int]] = []
        at = 0
        while True:
            if self._in_rhythm:
                residue, step = at % STEP, at // STEP
                ends = chain_ends[residue]
                which = int(np.searchsorted(ends, step))
                stop = int(ends[which]) * STEP + residue if which < len(ends) else size
                stop = min(stop, at + (size - at) // STEP * STEP)
                if stop > at:
                    triples = octets[at:stop].reshape(-1, STEP)
                    runs.append((at, triples[:, 1:].tobytes()))
                at = stop
                if size - at < STEP and not _breaks(octets[at:]):
                    break
                self._in_rhythm = False
            which = int(np.searchsorted(begins, at))
            if which < len(begins) and len(runs) < MOST_FRAMES:
                start = int(begins[which])
                self._in_rhythm = True
            else:
                start = _possible(octets, at)
            if start > at:
                garbage.append((at, start))
            at = start
            if not self._in_rhythm:
                break
        self._pending = octets[at:].tobytes()
        return runs, garbage

    def _frames(self, runs: list[Run]) -> list[DecodedFrame]:
        """Give a frame for each stretch, its time counted in bytes from the first that ends."""
        if not runs:
            return []
        begin = runs[0][0]
        first = begin if begin + STEP > 0 else begin + STEP
        interval_us = self._interval_ns / 1_000
        layout = int(SampleFormat.INT16)
        return [
            DecodedFrame(
                int(Stream.ECG), int(Place.CHEST), 1, len(samples) // 2, self._interval_ns,
                round((start - first) / STEP * interval_us), layout,
                self._scale, self._offset, samples,
            )
            for start, samples in runs
        ]  # fmt: skip


def _plain(buffer: bytes) -> bytes | None:
    """Give the words of a buffer in which sample follows sample, or None if it is no such one."""
    count, tail = divmod(len(buffer), STEP)
    end = count * STEP
    if tail and buffer[end] != MARKER:
        return None
    high = buffer[2:end:STEP]
    if buffer[:end:STEP].count(MARKER) != count or high.translate(None, _TOPS):
        return None
    words = bytearray(2 * count)
    words[::2] = buffer[1:end:STEP]
    words[1::2] = high
    return bytes(words)


def _breaks(tail: NDArray[np.uint8]) -> bool:
    """Whether these bytes, fewer than a sample, begin none."""
    return len(tail) > 0 and int(tail[0]) != MARKER


def _possible(octets: NDArray[np.uint8], at: int) -> int:
    """Give the first place from ``at`` on where two samples may begin that are not whole yet."""
    size = len(octets)
    for start in range(max(at, size - _PENDING), size):
        tail = octets[start:]
        if all(
            (int(octet) == MARKER if index % STEP == 0 else index % STEP == 1 or int(octet) < _TOP)
            for index, octet in enumerate(tail)
        ):
            return start
    return size


def encode(words: NDArray[np.integer[Any]]) -> bytes:
    """Give the bytes of samples as the converter gives them.

    Raises
    ------
    ValueError : a word has more than 10 bits
    """
    if words.size and not 0 <= int(words.min()) <= int(words.max()) < _TOP << 8:
        raise ValueError("a word has 10 bits")
    octets = np.full((len(words), STEP), MARKER, np.uint8)
    octets[:, 1:] = words.astype("<u2").view(np.uint8).reshape(-1, 2)
    return octets.tobytes()


_SOURCE = "ECE4600 2015 (wellness network), ECG node"
CONSTANTS = {
    "rate_hz": Constant(360.0, "Hz", _SOURCE),
    "adc_reference_v": Constant(3.3, "V", _SOURCE),
    "adc_bits": Constant(10.0, "bit", _SOURCE),
    "gain": Constant(500.0, "1", "the same: 200 to above 500 as built; the middle is decided"),
    "bias_v": Constant(1.65, "V", "half of the reference: the source is silent"),
}


def _new_decoder(constants: Mapping[str, float]) -> Decoder:
    if not 1 <= constants["rate_hz"] <= 10_000 or not 1 <= constants["adc_bits"] <= 16:
        raise ValueError("wellness_ecg: rate_hz is from 1 to 10,000, adc_bits from 1 to 16")
    if not (0 < constants["adc_reference_v"] <= 100 and 1e-3 <= constants["gain"] <= 1e6):
        raise ValueError("wellness_ecg: adc_reference_v is to 100, gain from 0.001 to a million")
    if not abs(constants["bias_v"]) <= 100:
        raise ValueError("wellness_ecg: bias_v is from -100 to 100")
    step_mv = 1e3 * constants["adc_reference_v"] / 2 ** constants["adc_bits"]
    return WellnessEcgDecoder(
        rate_hz=constants["rate_hz"],
        scale=step_mv / constants["gain"],
        offset=-1e3 * constants["bias_v"] / constants["gain"],
    )


CODEC = Codec(
    name="wellness_ecg",
    framing=Framing.STREAM,
    largest_bytes=LARGEST_BYTES,
    new_decoder=_new_decoder,
    constants=CONSTANTS,
    needs_envelope=True,
    largest_rest=len(SEARCHING) + _PENDING,
)
