"""Receipts: what storage has committed, as ranges of n for a device and boot.

One message a commit. Its header `bytes` repeats the cumulative bytes of the newest frame batch
that is stored, so that the gateway knows how far behind storage is.
"""

import msgspec


class Receipt(msgspec.Struct, frozen=True, array_like=True):
    """Messages of one device and boot that are stored: inclusive ranges of n."""

    device: int
    boot: int
    ranges: list[tuple[int, int]]


_decoder = msgspec.json.Decoder(list[Receipt])


def encode_receipts(receipts: list[Receipt]) -> bytes:
    """The JSON message of the receipts of one commit."""
    return msgspec.json.encode(receipts)


def decode_receipts(body: bytes) -> list[Receipt]:
    """Read the receipts of one commit.

    Raises
    ------
    msgspec.DecodeError : the bytes are no receipts
    """
    return _decoder.decode(body)
