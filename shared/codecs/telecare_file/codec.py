"""The codec ``telecare_file``: continuous blocks by MQTT, and the text files. See README.md."""

from collections.abc import Mapping

from shared.codecs.telecare_file.blocks import LARGEST_BYTES, decode_block
from shared.codecs.telecare_file.leads import CONSTANTS, check_constants
from shared.codecs.telecare_file.text import read_file
from shared.contracts.codec import Codec, Framing
from shared.contracts.decoding import Decoded, Decoder, Envelope, Refused
from shared.contracts.parking import Reason

NAME = "telecare_file"


class BlockDecoder:
    """Reads blocks; each MQTT message is one, so nothing is kept between them."""

    __slots__ = ("_constants",)

    def __init__(self, constants: Mapping[str, float]) -> None:
        self._constants = constants

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        """Give the one message that ``data`` is."""
        if envelope is None:
            return [Refused(Reason.NO_IDENTITY, "a block says nothing of its identity")]
        return [decode_block(data, envelope, self._constants)]

    def remainder(self) -> bytes:
        """Give nothing: no block runs across MQTT messages."""
        return b""

    def resume(self, rest: bytes) -> None:
        """Do nothing: there is never a rest."""


def _new_decoder(constants: Mapping[str, float]) -> Decoder:
    check_constants(constants)
    return BlockDecoder(constants)


CODEC = Codec(
    name=NAME,
    framing=Framing.MESSAGE,
    largest_bytes=LARGEST_BYTES,
    new_decoder=_new_decoder,
    constants=CONSTANTS,
    needs_envelope=True,
    read_file=read_file,
)
