"""A byte stream of the tests: short messages with a checksum, all that a stream decoder has to do.

``02 | unit | size | bytes | sum``: the size is even, the bytes are samples of an ECG. Unit 0 is the
sender itself. A message without bytes is a word; one whose first byte is FF and that has two is a
note.
"""

from collections.abc import Mapping

from shared.contracts.codec import Codec, Constant, Framing
from shared.contracts.decoding import (
    Decoded,
    DecodedFrame,
    Decoder,
    Envelope,
    Note,
    Refused,
    Word,
)
from shared.contracts.device_model import DeviceModel, Identity, ModelStream, ModelUnit
from shared.contracts.events import EventKind
from shared.contracts.parking import Reason

START_BYTE = 0x02


def toy_message(data: bytes, unit: int = 0) -> bytes:
    """One message; ``data`` holds no 02, so that no message stands in another."""
    body = bytes([unit, len(data)]) + data
    return bytes([START_BYTE]) + body + bytes([sum(body) & 0xFF | 0x80])


class ToyDecoder:
    """Implements `Decoder`."""

    def __init__(self, constants: Mapping[str, float]) -> None:
        self._scale = constants["scale"]
        self._rest = b""

    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        assert envelope is not None
        decoded = Decoded(envelope.boot, envelope.n, envelope.t_us, 0, [], notes := [], words := [])
        found: list[Decoded | Refused] = [decoded]
        left = self._rest + data
        garbage = 0
        while left:
            if left[0] != START_BYTE:
                left, garbage = left[1:], garbage + 1
                continue
            if len(left) < 3 or len(left) < 4 + left[2]:
                break
            size = left[2]
            unit, body = left[1], left[3 : 3 + size]
            if left[3 + size] != sum(left[1 : 3 + size]) & 0xFF | 0x80 or size % 2:
                left, garbage = left[1:], garbage + 1
                continue
            name = f"u{unit}" if unit else ""
            if not size:
                words.append(Word("ping", name))
            elif size == 2 and body[0] == 0xFF:
                notes.append(Note(EventKind.LEAD_OFF, 0, name, {"lead": body[1]}))
            else:
                decoded.frames.append(
                    DecodedFrame(1, 1, 1, size // 2, 4_000_000, 0, 1, self._scale, 0.0, body, name)
                )
            left = left[4 + size :]
        self._rest = left
        if garbage:
            found.append(Refused(Reason.GARBAGE, f"{garbage} bytes", envelope.boot, envelope.n))
        return found

    def remainder(self) -> bytes:
        return self._rest

    def resume(self, rest: bytes) -> None:
        self._rest = rest


def _new_decoder(constants: Mapping[str, float]) -> Decoder:
    return ToyDecoder(constants)


TOY = Codec(
    name="toy",
    framing=Framing.STREAM,
    largest_bytes=65_536,
    new_decoder=_new_decoder,
    constants={"scale": Constant(0.5, "mV", "this test")},
    needs_envelope=True,
    largest_rest=512,
)
CODECS = {"toy": TOY}
HUB = DeviceModel(
    label="Hub", maker="test", codecs=("toy",), stale_after_s=30.0,
    units=(ModelUnit(kind="ecg", model="toy-ecg"),),
)  # fmt: skip
ECG = DeviceModel(
    label="ECG unit", maker="test", codecs=("toy",), streams=(ModelStream(key="ecg"),),
    behind_hub=True,
)  # fmt: skip
ALONE = DeviceModel(label="Alone", maker="test", codecs=("toy",), constants={"toy": {"scale": 2}})
NAMELESS = DeviceModel(
    label="Nameless", maker="test", codecs=("toy",), identity=Identity.ARRIVAL, stale_after_s=20.0
)
MODELS = {"toy-hub": HUB, "toy-ecg": ECG, "toy-alone": ALONE, "toy-nameless": NAMELESS}
