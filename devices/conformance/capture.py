"""What was heard of a device, and the file in which it is kept: a JSON object a line."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec


class Heard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One MQTT message of a device.

    ``at`` is when it came (us UTC), ``hex`` its payload, ``properties`` its user properties.
    """

    topic: str
    hex: str
    at: Annotated[int, msgspec.Meta(ge=0)] = 0
    properties: list[tuple[str, str]] = []
    retain: bool = False

    @property
    def payload(self) -> bytes:
        """The bytes."""
        return bytes.fromhex(self.hex)


_decoder = msgspec.json.Decoder(Heard)


def write_line(heard: Heard) -> bytes:
    """One line of a capture."""
    return msgspec.json.encode(heard) + b"\n"


def read_capture(lines: Iterable[bytes]) -> Iterator[Heard]:
    """The messages of a capture.

    Raises
    ------
    ValueError : a line is none; the text names it
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            heard = _decoder.decode(line)
            heard.payload  # noqa: B018 - hex digits, or a ValueError
        except (msgspec.MsgspecError, ValueError) as error:
            raise ValueError(f"line {number}: {error}") from error
        yield heard
