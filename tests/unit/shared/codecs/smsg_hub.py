"""A home hub in memory: units with their memories, and a link that loses, repeats and is restarted.

It numbers its messages, keeps each until it is told that it is stored, and sends what is not stored
again, oldest first, as our own devices do.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.codecs.smsg import layout
from shared.codecs.smsg.codec import CODEC
from shared.codecs.smsg.layout import DeviceType, Message, Result
from shared.contracts.decoding import Decoded, Envelope, Word
from shared.contracts.identity import Boot, DeviceKey, MessageId

BEGAN = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - the local time of a unit
HUB = DeviceKey(1)


@dataclass(slots=True)
class SpirometerUnit:
    """Keeps results until they are cleared, and clears only what it announced and nothing since."""

    unit: int = 0x53
    memory: list[Result] = field(default_factory=list)
    announced: tuple[int, int] | None = None
    n_blown: int = 0
    cleared: list[Result] = field(default_factory=list)

    def blow(self) -> None:
        taken = BEGAN + timedelta(minutes=self.n_blown)
        self.n_blown += 1
        self.memory.append(Result(len(self.memory), taken, pef_l_min=300 + self.n_blown))
        self.announced = None

    def hear(self, message: Message) -> list[bytes]:
        match message.message_type:
            case layout.Spirometer.RESULT_HEADER:
                (ask,) = layout.ASK.unpack(message.payload)
                return self._announce(ask) + [
                    layout.encode_result(self.unit, result) for result in self.memory
                ]
            case layout.Spirometer.CLEAR:
                count, ask = layout.ANNOUNCED.unpack(message.payload)
                if self.announced == (count, ask):
                    self.cleared += self.memory
                    self.memory = []
                return self._announce(ask)
            case _:
                return []

    def _announce(self, ask: int) -> list[bytes]:
        self.announced = len(self.memory), ask
        return [layout.encode_result_header(self.unit, len(self.memory), ask)]


@dataclass(slots=True)
class Hub:
    """One hub with a spirometer and an ECG unit."""

    spirometer: SpirometerUnit = field(default_factory=SpirometerUnit)
    ecg: int = 0xA1B2
    is_measuring: bool = False
    boot: int = 7
    n: int = 0
    journal: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def say(self, *messages: bytes) -> None:
        """Put messages into the journal, each as one of the hub."""
        for message in messages:
            self.journal[self.boot, self.n] = message
            self.n += 1

    def reboot(self) -> None:
        """Begin with another boot; the journal stays."""
        self.boot += 1
        self.n = 0

    def hear(self, data: bytes) -> None:
        for message in layout.split(data):
            if message.message_type == layout.IDENTIFIER:
                self._identify(message.destination)
            elif message.destination == self.spirometer.unit:
                self.say(*self.spirometer.hear(message))
            elif message.destination == self.ecg and message.device_type == DeviceType.ECG:
                self.is_measuring = message.message_type == layout.Ecg.START

    def measure(self) -> None:
        if self.is_measuring:
            self.say(layout.encode_ecg(self.ecg, bytes(20)))

    def _identify(self, asked: int) -> None:
        if asked == layout.CORE:
            self.say(layout.encode_identifier(DeviceType.CORE, layout.CORE, "core 1"))
        if asked in {layout.CORE, self.spirometer.unit}:
            unit = self.spirometer.unit
            self.say(layout.encode_identifier(DeviceType.SPIROMETER, unit, "am1"))
        if asked in {layout.CORE, self.ecg}:
            self.say(layout.encode_identifier(DeviceType.ECG, self.ecg, "ecg 2"))


def words_of(data: bytes, boot: int, n: int) -> tuple[list[Word], MessageId]:
    """What a gateway hands to a dialogue of one message that holds whole ones."""
    decoder = CODEC.new_decoder(CODEC.with_constants())
    (found,) = decoder.feed(data, Envelope(boot, n, 1_767_323_045_000_000))
    assert isinstance(found, Decoded)
    return list(found.words), MessageId(HUB, Boot(boot), n)
