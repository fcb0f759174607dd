"""Holds what a device says against the rules, message by message. Pure."""

import itertools
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Annotated, Any, final

import msgspec

from devices.conformance.byte_places import find_place
from devices.conformance.capture import Heard
from devices.conformance.findings import (
    MOST_PLACES,
    SENTENCES,
    Finding,
    Place,
    Rule,
    Verdict,
)
from shared.codecs.register import load_codecs
from shared.contracts.codec import Framing
from shared.contracts.commands import Answer
from shared.contracts.decoding import Decoded, Decoder, Envelope, Refused
from shared.contracts.device_model import DeviceModel, Identity
from shared.contracts.identity import MAX_UINT32, shard_of
from shared.contracts.names import UpKind, UpTopic, parse_up_topic
from shared.contracts.streams import STREAMS_BY_KEY, Stream

PLAUSIBLE_US = (1_577_836_800_000_000, 2_114_380_800_000_000)  # 2020 to 2037
RATE_TOLERANCE = 0.01


class _Status(msgspec.Struct):
    online: bool
    boot: Annotated[int, msgspec.Meta(ge=0, le=MAX_UINT32)] | None = None
    t: int | None = None
    firmware: str = ""
    battery: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    rssi: Annotated[float, msgspec.Meta(ge=-200, le=50)] | None = None
    buffered: Annotated[int, msgspec.Meta(ge=0)] | None = None
    reported: dict[str, Any] = {}


class _Result(msgspec.Struct):
    command: str
    outcome: Answer
    detail: str = ""


@final
class Examination:
    """All that is known of one device; `take` each message, then ask for the `findings`.

    Parameters
    ----------
    device : its id; None: that of the first message
    model : what it is said to be; rules on codecs and rates need it
    """

    def __init__(self, device: str | None = None, model: DeviceModel | None = None) -> None:
        self._device, self._model = device, model
        self._codecs = load_codecs()
        self._decoders: dict[str, Decoder] = {}
        self._looked: Counter[Rule] = Counter()
        self._wrong: Counter[Rule] = Counter()
        self._places: dict[Rule, list[Place]] = defaultdict(list)
        self._count = 0
        self._topic = ""
        self.seen: dict[tuple[int, int], int] = {}
        """CRC-32 of each message by boot and n."""
        self.times_seen: Counter[tuple[int, int]] = Counter()
        self.results: dict[str, list[str]] = defaultdict(list)
        self._boots_told: set[int] = set()
        self._last_t: dict[int, tuple[int, int]] = {}
        self._ends_us: dict[tuple[int, int, int, str], int] = {}
        self.online: bool | None = None

    def take(self, heard: Heard) -> UpTopic | None:
        """Look at the next message; gives its topic where it has one."""
        self._count += 1
        self._topic = heard.topic
        topic = parse_up_topic(heard.topic)
        if topic is None:
            self._refuse_topic(heard.topic)
            return None
        self._device = self._device or topic.device
        if not self.hold(
            Rule.TOPIC, topic.device == self._device, f"another device than {self._device}"
        ):
            return None
        match topic.kind:
            case UpKind.STATUS:
                self._take_status(heard)
            case UpKind.RESULT:
                self._take_result(heard)
            case UpKind.DATA:
                self._take_data(topic.codec, heard)
            case UpKind.FILE:
                names = {name for name, _ in heard.properties}
                needed = {"file", "offset", "total", "crc32"}
                self.hold(Rule.ENVELOPE, needed <= names, f"a part of a file needs {needed}")
        return topic

    def hold(self, rule: Rule, is_right: bool, what: str, place: Place | None = None, /) -> bool:
        """Count one look at a rule, and where it does not hold."""
        self._looked[rule] += 1
        if not is_right:
            self._wrong[rule] += 1
            if len(self._places[rule]) < MOST_PLACES:
                self._places[rule].append(
                    place or Place(message=self._count, what=what, topic=self._topic)
                )
        return is_right

    def findings(self) -> list[Finding]:
        """One for each rule; gaps are looked for now."""
        gaps = self._gaps()
        found: list[Finding] = []
        for rule in Rule:
            looked, wrong = self._looked[rule], self._wrong[rule]
            places = list(self._places[rule])
            if rule is Rule.NUMBERS:
                looked, wrong = len(self.seen), wrong + len(gaps)
                places = (places + gaps)[:MOST_PLACES]
            verdict = Verdict.WRONG if wrong else Verdict.RIGHT if looked else Verdict.NOT_SEEN
            found.append(
                Finding(
                    rule=rule, verdict=verdict, says=SENTENCES[rule],
                    looked=looked, wrong=wrong, places=places,
                )
            )  # fmt: skip
        return found

    def _refuse_topic(self, topic: str) -> None:
        parts = topic.split("/")
        expected, found = "vw1/{shard}/{device}/up/{d/codec, file/codec, status or result}", topic
        if len(parts) > 3 and parts[0] == "vw1" and parts[3] == "up":
            shard = f"{shard_of(parts[2]):02x}" if parts[2].isascii() else ""  # type: ignore[arg-type]  # any text has a checksum
            if shard and parts[1] != shard:
                expected, found = f"shard {shard}", parts[1]
        place = Place(
            message=self._count, what="no topic of a device", topic=topic,
            expected=expected, found=found,
        )  # fmt: skip
        self.hold(Rule.TOPIC, False, "", place)

    def _take_status(self, heard: Heard) -> None:
        try:
            status = msgspec.json.decode(heard.payload, type=_Status)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.hold(Rule.STATUS, False, str(error))
            return
        if not status.online:
            self.online = False
            self.hold(
                Rule.LAST_WILL,
                status.boot is not None and status.t is None,
                "boot, and no t: nobody knows when the broker will send it",
            )
            return
        self.online = True
        has_identity = status.boot is not None and status.t is not None
        if self.hold(Rule.STATUS, has_identity, "boot and t are needed while online"):
            assert status.boot is not None
            assert status.t is not None
            self._boots_told.add(status.boot)
            self.hold(
                Rule.TIMES,
                PLAUSIBLE_US[0] <= status.t < PLAUSIBLE_US[1],
                f"t = {status.t} us is no time between 2020 and 2037: placed by arrival",
            )

    def _take_result(self, heard: Heard) -> None:
        try:
            result = msgspec.json.decode(heard.payload, type=_Result)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.hold(Rule.COMMANDS, False, str(error))
            return
        self.results[result.command].append(result.outcome)

    def _take_data(self, name: str, heard: Heard) -> None:
        codec = self._codecs.get(name)
        known = codec is not None and (self._model is None or name in self._model.codecs)
        self.hold(Rule.CODEC, known, f"codec {name!r} is none, or none of the model")
        if codec is None:
            return
        envelope = self._read_envelope(heard, needed=codec.needs_envelope)
        if codec.needs_envelope and envelope is None:
            return
        if name not in self._decoders:
            settings = {} if self._model is None else self._model.constants.get(name, {})
            self._decoders[name] = codec.new_decoder(codec.with_constants(settings))
        data = heard.payload
        if codec.framing is Framing.STREAM and envelope is not None:
            repeated = (envelope.boot, envelope.n) in self.seen
            if repeated:  # it was read when it came first
                self._identify(envelope.boot, envelope.n, data)
                return
        for message in self._decoders[name].feed(data, envelope):
            if isinstance(message, Refused):
                self._refuse_bytes(name, data, message)
                continue
            self.hold(Rule.BYTES, True, "")
            if not self._identify(message.boot, message.n, data):
                continue
            self._check_times(message)

    def _read_envelope(self, heard: Heard, *, needed: bool) -> Envelope | None:
        values = dict(heard.properties)
        if not needed and not {"b", "n", "t"} & values.keys():
            return None
        missing = {"b", "n", "t"} - values.keys()
        if missing:
            by_arrival = self._model is not None and self._model.identity is Identity.ARRIVAL
            what = f"no user property {', '.join(sorted(missing))}"
            self.hold(Rule.ENVELOPE, by_arrival, what)
            return None
        try:
            envelope = Envelope(int(values["b"], 16), int(values["n"]), int(values["t"]))
        except ValueError:
            envelope = Envelope(-1, -1, 0)
        good = 0 <= envelope.boot <= MAX_UINT32 and 0 <= envelope.n <= MAX_UINT32
        what = "b is hex digits of 32 bits, n and t are decimal"
        return envelope if self.hold(Rule.ENVELOPE, good, what) else None

    def _refuse_bytes(self, codec: str, data: bytes, refused: Refused) -> None:
        where = find_place(codec, data)
        place = Place(
            message=self._count,
            topic=self._topic,
            what=f"{refused.reason}: {refused.detail}",
            offset=None if where is None else where.offset,
            expected="" if where is None else where.expected,
            found="" if where is None else where.found,
        )
        self.hold(Rule.BYTES, False, "", place)

    def _identify(self, boot: int, n: int, data: bytes) -> bool:
        """Take note of an identity; false where it was there before."""
        checksum = zlib.crc32(data)
        self.times_seen[boot, n] += 1
        before = self.seen.get((boot, n))
        if before is not None:
            self.hold(Rule.REPEATS, before == checksum, f"boot {boot:08x}, n {n}: other bytes")
            return False
        if not any(known == boot for known, _ in self.seen):
            self.hold(
                Rule.STATUS_FIRST, boot in self._boots_told, f"no status of boot {boot:08x} yet"
            )
        self.seen[boot, n] = checksum
        return True

    def _check_times(self, message: Decoded) -> None:
        last = self._last_t.get(message.boot)
        if last is not None and message.n > last[0]:
            what = f"t = {message.t_us} at n {message.n}, {last[1]} at n {last[0]}"
            self.hold(Rule.TIMES, message.t_us >= last[1], what)
        if last is None or message.n > last[0]:
            self._last_t[message.boot] = (message.n, message.t_us)
        rates = self._rates()
        for frame in message.frames:
            if frame.interval_ns <= 0:
                continue
            key = (message.boot, frame.stream, frame.place, frame.unit)
            start_us = message.t_us + frame.dt_us
            end_us = start_us + frame.samples * frame.interval_ns // 1_000
            before_us = self._ends_us.get(key)
            if before_us is not None:
                overlap_us = before_us - start_us
                self.hold(
                    Rule.RATES,
                    overlap_us <= frame.interval_ns / 1_000,
                    f"{Stream(frame.stream).name.lower()} begins {overlap_us} us before the end "
                    f"of what came before",
                )
            self._ends_us[key] = end_us
            wanted = rates.get(frame.stream)
            if wanted:
                hz = 1e9 / frame.interval_ns
                near = any(abs(hz / one - 1) <= RATE_TOLERANCE for one in wanted)
                name = Stream(frame.stream).name.lower()
                self.hold(Rule.RATES, near, f"{name} at {hz:g} Hz, the model says {wanted}")

    def _rates(self) -> Mapping[int, list[float]]:
        if self._model is None:
            return {}
        rates: dict[int, list[float]] = defaultdict(list)
        for stream in self._model.streams:
            if stream.rate_hz:
                rates[int(STREAMS_BY_KEY[stream.key].id)].append(stream.rate_hz)
        adjustable = [
            [float(one) for one in value.choices if isinstance(one, int | float)]
            for command in self._model.commands
            for value in command.args
            if value.unit == "Hz"
        ]
        choices = [hz for some in adjustable for hz in some]
        return {stream: [*wanted, *choices] for stream, wanted in rates.items()}

    def _gaps(self) -> list[Place]:
        """Numbers that never came, by boot; the first seen of a boot may be a later one."""
        places: list[Place] = []
        by_boot: dict[int, list[int]] = defaultdict(list)
        for boot, n in self.seen:
            by_boot[boot].append(n)
        for boot, numbers in by_boot.items():
            numbers.sort()
            for before, after in itertools.pairwise(numbers):
                if after != before + 1:
                    what = f"boot {boot:08x}: n {before + 1} to {after - 1} never came"
                    places.append(
                        Place(
                            message=self._count, what=what,
                            expected=str(before + 1), found=str(after),
                        )
                    )  # fmt: skip
        return places
