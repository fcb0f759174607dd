"""A protocol of a few words, as small as one that asks and answers can be."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from shared.contracts.codec import Codec, Constant, Framing
from shared.contracts.commands import Answer
from shared.contracts.decoding import Decoded, Envelope, Note, Refused, Word
from shared.contracts.device_model import DeviceModel
from shared.contracts.dialogue import (
    Effect,
    FilePart,
    Finish,
    NativeCommand,
    Seen,
    Send,
    Tell,
    WantFile,
)
from shared.contracts.events import EventKind
from shared.contracts.identity import MessageId

SWEEP_US = 10_000_000


class TinyDialogue:
    """Sends "status" every ten seconds. ``identify`` may be done twice, ``clear`` may not: it asks
    what there is, waits until that message is stored, and only then sends the second half.
    """

    def __init__(self, constants: Mapping[str, float]) -> None:
        self.letter = chr(int(constants["letter"]))
        self.next_us = 0
        self.open: dict[str, NativeCommand] = {}
        self.announced: dict[str, MessageId] = {}

    def heard(self, words: Sequence[Word], identity: MessageId, now_us: int) -> list[Effect]:
        effects: list[Effect] = []
        for word in words:
            match word.name:
                case "ended":
                    self.open.pop(word.data["command"], None)
                    effects.append(
                        Finish(word.data["command"], Answer(word.data["outcome"]), "so\x00it is")
                    )
                case "announced":
                    self.announced |= dict.fromkeys(self.open, identity)
                case "unit":
                    effects.append(Seen(word.unit, "tiny", word.data["online"], {}))
                case "fault":
                    note = Note(EventKind.CARD_ERROR, unit=word.unit, data={"at": now_us})
                    effects.append(Tell(note))
                case "file":
                    effects += [WantFile("a.txt", 2), FilePart("a.txt", 0, 2, b"hi")]
                case "bug":
                    raise RuntimeError("a bug")
                case _:
                    pass
        return effects

    def ask(self, command: NativeCommand, now_us: int) -> list[Effect]:
        assert now_us < command.expires_us
        if command.name == "bug":
            raise RuntimeError("a bug")
        if command.name == "clear":
            if command.again:
                return []
            self.open[command.id] = command
            return [Send(b"ask")]
        self.open[command.id] = command
        return [Send(f"{self.letter} {command.name} {command.unit} {command.id}".encode())]

    def withdraw(self, command: str) -> None:
        self.open.pop(command, None)
        self.announced.pop(command, None)

    def stored(self, boot: int, ranges: Sequence[tuple[int, int]], now_us: int) -> list[Effect]:
        assert now_us
        ready = [
            command
            for command, message in self.announced.items()
            if message.boot == boot and any(low <= message.n <= high for low, high in ranges)
        ]
        for command in ready:
            del self.announced[command]
        return [Send(f"clear {command}".encode()) for command in ready]

    def tick(self, now_us: int) -> list[Effect]:
        self.next_us = now_us + SWEEP_US
        return [Send(b"status")]

    def due_us(self) -> int | None:
        return self.next_us


class _NoDecoder:
    def feed(self, data: bytes, envelope: Envelope | None) -> list[Decoded | Refused]:
        raise NotImplementedError

    def remainder(self) -> bytes:
        raise NotImplementedError

    def resume(self, rest: bytes) -> None:
        raise NotImplementedError


CODECS = {
    "tiny": Codec(
        name="tiny",
        framing=Framing.MESSAGE,
        largest_bytes=100,
        new_decoder=lambda _: _NoDecoder(),
        constants=MappingProxyType({"letter": Constant(ord("a"), "1", "this test")}),
        new_dialogue=TinyDialogue,
    )
}
MODELS = {
    "vw-monitor": DeviceModel(label="Monitor", maker="vitalwire", codecs=("packed",)),
    "tiny-hub": DeviceModel(
        label="Hub",
        maker="vitalwire",
        codecs=("tiny",),
        dialogue="tiny",
        constants={"tiny": {"letter": ord("h")}},
    ),
    "tiny-unit": DeviceModel(label="Unit", maker="vitalwire", codecs=("tiny",), behind_hub=True),
}
