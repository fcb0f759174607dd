"""What must hold of a codec whatever bytes come: what the fuzzer calls, and the findings again."""

import zlib

from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoded, Refused
from shared.contracts.file_reading import ReadFile
from shared.contracts.identity import Boot, DeviceKey, MessageId
from tests.harness.codecs import CODECS, ENVELOPE, check_sound, content, new_decoder

NOW_US = ENVELOPE.t_us
MANY_FRAMES = 64
"""A decoder may bound what one message becomes; then another cut gives something else."""
_IDENTITY = MessageId(DeviceKey(1), Boot(ENVELOPE.boot), ENVELOPE.n)


def check(name: str, data: bytes) -> None:
    """Fail if the codec does with these bytes what no codec may do."""
    codec = CODECS[name]
    decoder = new_decoder(codec)
    found = decoder.feed(data, ENVELOPE)
    check_sound(codec, decoder, found)
    if codec.framing is Framing.STREAM:
        _check_cut(codec, data, found, decoder.remainder())
    else:
        assert repr(decoder.feed(data, ENVELOPE)) == repr(found), "it gives the same again"
        for one in new_decoder(codec).feed(data, None):
            assert isinstance(one, Refused) or not codec.needs_envelope, "no identity"
    if codec.read_plain is not None and codec.framing is Framing.MESSAGE:
        plain = codec.read_plain([data])
        if plain.is_plain[0]:
            (message,) = found
            assert isinstance(message, Decoded)
            assert plain.data[0] == message.frames[0].data
    if codec.new_dialogue is not None:
        dialogue = codec.new_dialogue(codec.with_constants())
        for one in found:
            if isinstance(one, Decoded):
                dialogue.heard(one.words, _IDENTITY, NOW_US)
        dialogue.tick(NOW_US + 20_000_000)
    if codec.read_file is not None:
        file = codec.read_file(data, {})
        if isinstance(file, ReadFile):
            assert sum(1 for _ in file.pieces()) == file.n_pieces


def _check_cut(codec: Codec, data: bytes, found: list[Decoded | Refused], remainder: bytes) -> None:
    """Fail if the stream says something else when it is cut, or read on by another decoder."""
    n_frames = sum(len(one.frames) for one in found if isinstance(one, Decoded))
    if not data or n_frames >= MANY_FRAMES:
        return
    first, second = sorted((zlib.crc32(data) % len(data), zlib.adler32(data) % len(data)))
    decoder = new_decoder(codec)
    again: list[Decoded | Refused] = []
    for piece in (data[:first], data[first:second], data[second:]):
        rest = decoder.remainder()
        decoder = new_decoder(codec)
        decoder.resume(rest)
        again += decoder.feed(piece, ENVELOPE)
    assert content(again) == content(found), "another cut, another content"
    assert decoder.remainder() == remainder, "another cut, another rest"
