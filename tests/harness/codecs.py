"""What the tests of all codecs share: samples of each, and what holds of anything that one gives.

To bring a codec into the suite (and the fuzzing, the bench, the gateway's test of any bytes), add a
module ``tests/harness/codec_samples/<codec>.py`` with one ``SAMPLES``.
"""

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from shared.codecs.register import load_codecs
from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoded, Decoder, Envelope, Note, Refused, Word
from shared.contracts.events import EventKind
from shared.contracts.frames import SAMPLE_DTYPES
from shared.contracts.parking import Reason
from tests.harness import codec_samples

ENVELOPE = Envelope(boot=0x1F3A90C2, n=17, t_us=1_700_000_000_000_000)
"""What stands beside native bytes in all tests of codecs."""
CODECS: Mapping[str, Codec] = load_codecs()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecSamples:
    """Short messages of one codec and what they say.

    Parameters
    ----------
    messages : by the encoder of the codec; at most some 300 bytes each, for every bit of them is
        turned once. With `Framing.MESSAGE` each is an MQTT message, and no part of one is another;
        with `Framing.STREAM` they follow one another, and each begins and ends in itself
    told : with `Framing.MESSAGE`, what each gives, beside `ENVELOPE`; with `Framing.STREAM`, the
        one thing that all of them give when they come in one piece
    checksummed : no single changed bit goes unnoticed
    unguarded : places of the messages that nevertheless have no checksum
    tokens : short bytes that mean something in the format (markers, heads), for fuzzing
    seal : gives bytes the checksum that they should have, so that fuzzing comes past it
    """

    messages: tuple[bytes, ...]
    told: tuple[Decoded, ...]
    checksummed: bool
    unguarded: tuple[int, ...] = ()
    tokens: tuple[bytes, ...] = ()
    seal: Callable[[bytes], bytes] | None = None

    @property
    def stream(self) -> bytes:
        """All messages behind one another."""
        return b"".join(self.messages)


def load_samples() -> Mapping[str, CodecSamples]:
    """Give the samples of each codec that has some."""
    found: dict[str, CodecSamples] = {}
    for module in pkgutil.iter_modules(codec_samples.__path__):
        samples = importlib.import_module(f"{codec_samples.__name__}.{module.name}").SAMPLES
        assert isinstance(samples, CodecSamples), module.name
        found[module.name] = samples
    return MappingProxyType(found)


def new_decoder(codec: Codec) -> Decoder:
    """A decoder with the constants that the codec has by default."""
    return codec.new_decoder(codec.with_constants())


def of_framing(framing: Framing) -> list[str]:
    """The names of the codecs that are cut in this way."""
    return sorted(name for name, codec in CODECS.items() if codec.framing is framing)


def check_sound(codec: Codec, decoder: Decoder, found: Sequence[Decoded | Refused]) -> None:
    """Fail if a codec gave what no codec may give, whatever the bytes were."""
    messages = [one for one in found if isinstance(one, Decoded)]
    for one in found:
        if isinstance(one, Refused):
            assert isinstance(one.reason, Reason)
            assert len(one.detail) <= 400, "a refusal is a sentence"
            assert (one.boot is None) == (one.n is None), "half an identity is none"
    if codec.framing is Framing.STREAM:
        assert [message[:3] for message in messages] == [tuple(ENVELOPE)], "one of the envelope"
    else:
        assert found, "every message is something"
    assert len(decoder.remainder()) <= codec.largest_rest
    for message in messages:
        assert 0 <= message.boot < 2**32
        assert 0 <= message.n < 2**32
        assert -(2**63) <= message.t_us < 2**63
        assert len(message.frames) < 2**15, "the number of a part is an int16"
        for frame in message.frames:
            assert 0 <= frame.stream < 256
            assert 0 <= frame.place < 256
            assert 0 <= frame.interval_ns < 2**63
            assert type(frame.data) is bytes
            width = SAMPLE_DTYPES[frame.format].itemsize
            assert len(frame.data) == frame.samples * frame.channels * width
            if codec.needs_envelope or codec.framing is Framing.STREAM:
                # in ours a device writes what it likes here, and admission looks at it
                assert abs(frame.dt_us) < 2**45, "a memory may hold results of a year"
                assert math.isfinite(frame.scale)
                assert math.isfinite(frame.offset)
        for note in message.notes:
            assert isinstance(note, Note)
            assert isinstance(note.kind, EventKind)
        assert all(isinstance(word, Word) for word in message.words)


def content(found: Iterable[Decoded | Refused]) -> tuple[Any, ...]:
    """What a stream decoder gave, however the stream was cut into MQTT messages.

    Samples of one kind behind one another, notes and words in order. Times are left out: they are
    counted from the time of a message, and that depends on the cut.
    """
    samples: dict[tuple[Any, ...], bytes] = {}
    notes: list[Any] = []
    words: list[Any] = []
    for one in found:
        if not isinstance(one, Decoded):
            continue
        for frame in one.frames:
            kind = (
                frame.unit, frame.stream, frame.place, frame.channels, frame.interval_ns,
                frame.format, frame.scale, frame.offset,
            )  # fmt: skip
            samples[kind] = samples.get(kind, b"") + frame.data
        notes += [(note.kind, note.unit, dict(note.data)) for note in one.notes]
        words += [(word.name, word.unit, dict(word.data)) for word in one.words]
    return samples, notes, words
