"""Any bytes, in every codec, through a running gateway: each is accounted for, and nothing stops.

A message comes out as a frame, an event or a receipt, or it is parked with its reason. The short
form belongs to `make test`; the long one, of 10,000 messages a codec and a million bytes of garbage
a stream, is ``VITALWIRE_ANY_BYTES=10000 pytest tests/integration/gateway/test_any_bytes.py``; some
codecs only: ``VITALWIRE_ANY_CODECS=smsg,chipox``.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import psutil
import pytest

from shared.codecs.json_frames import codec as json_frames
from shared.codecs.packed import codec as packed_codec
from shared.contracts.codec import Framing
from shared.contracts.decoding import Decoded, Envelope, Refused
from shared.contracts.identity import DeviceId, shard_of
from shared.contracts.parking import Reason
from shared.device_models.catalogue import load_device_models
from tests.harness.codecs import CODECS, CodecSamples, load_samples, new_decoder
from tests.harness.eventually import eventually
from tests.integration.gateway.system import DeviceSpeaker, System, now_us, packed

MESSAGES = int(os.environ.get("VITALWIRE_ANY_BYTES", "80"))
"""For each codec."""
GARBAGE_BYTES = 100 * MESSAGES
"""For each codec that is a stream."""
PIECE_BYTES = 2_000
AT_ONCE = 200
BOOT = 0x1F
ROUNDS = 2 if MESSAGES < 1_000 else 4
MEMORY_MORE_MB = 8.0
"""From the middle on: caches are full by then."""
CHOSEN = {name for name in os.environ.get("VITALWIRE_ANY_CODECS", "").split(",") if name}
SAMPLES = {name: one for name, one in load_samples().items() if name in CHOSEN or not CHOSEN}
MODELS = load_device_models()
REASONS = frozenset(reason.value for reason in Reason if reason is not Reason.INTERNAL_ERROR)
"""For a bug of ours is no reason to refuse anything."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of a device, with what travels beside it."""

    codec: str
    payload: bytes
    beside: Envelope


def model_of(codec: str) -> str:
    """A model that speaks the codec, of a device that is a client of its own."""
    return next(
        name
        for name, model in MODELS.items()
        if codec in model.codecs and not model.behind_hub and not model.simulated
    )


def good(codec: str, samples: CodecSamples, chance: random.Random, t_us: int) -> bytes:
    """A message as it should be; of our own codecs one of now."""
    message = chance.choice(samples.messages)
    if codec not in {"packed", "json"}:
        return message
    told = samples.told[samples.messages.index(message)]
    fresh = told._replace(t_us=t_us, boot=BOOT, n=chance.randrange(2**32))
    return packed_codec.encode(fresh) if codec == "packed" else json_frames.encode(fresh)


def changed(message: bytes, samples: CodecSamples, chance: random.Random) -> bytes:
    """A message with some bytes changed, taken away, put in, or doubled."""
    octets = bytearray(message)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(octets) + 1)
        match chance.randrange(5):
            case 0:
                octets[at : at + 1] = chance.randbytes(1)
            case 1:
                del octets[at : at + chance.randint(1, 9)]
            case 2:
                octets[at:at] = chance.choice([*samples.tokens, b"\0"])
            case 3:
                octets[at:at] = octets[: chance.randint(1, 40)]
            case _:
                if at < len(octets):
                    octets[at] ^= 1 << chance.randrange(8)
    data = bytes(octets)
    return samples.seal(data) if samples.seal is not None and chance.random() < 0.7 else data


def any_messages(codec: str, boot: int, first: int, count: int) -> Iterator[Sent]:
    """Good, changed and random messages of a codec, numbered from ``first``."""
    chance = random.Random(f"{codec} {boot}")
    samples = SAMPLES[codec]
    for n in range(first, first + count):
        t_us = now_us()
        how = chance.random()
        if how < 0.2:
            payload = good(codec, samples, chance, t_us)
        elif how < 0.8:
            payload = changed(good(codec, samples, chance, t_us), samples, chance)
        else:
            payload = chance.randbytes(chance.randrange(400))
        yield Sent(codec, payload, Envelope(boot, n, t_us))


def garbage(codec: str, boot: int, first: int) -> Iterator[Sent]:
    """Bytes that are no stream, and bytes that nearly are one."""
    chance = random.Random(f"{codec} garbage {boot}")
    samples = SAMPLES[codec]
    for n in range(first, first + -(-GARBAGE_BYTES // ROUNDS // PIECE_BYTES)):
        payload = chance.randbytes(PIECE_BYTES)
        if n % 2:
            words = [*samples.tokens, b"\0", *samples.messages, chance.randbytes(5)]
            payload = b"".join(chance.choices(words, k=PIECE_BYTES // 4))[:PIECE_BYTES]
        yield Sent(codec, payload, Envelope(boot, n, now_us()))


class Due(NamedTuple):
    """What has to become of a message: it comes out under these identities, or is parked."""

    message: Sent
    identities: set[tuple[int, int]]
    must_be_parked: bool


class Account:
    """What became of the messages of one device, all of one boot and in order."""

    def __init__(self, system: System, device: DeviceSpeaker, sent: Sequence[Sent]) -> None:
        self._system = system
        self._device = device
        self.n_sent = len(sent)
        decoder = new_decoder(CODECS[sent[0].codec])
        self._left: list[Due] = []
        for one in sent:
            found = decoder.feed(one.payload, one.beside)
            own = {(message.boot, message.n) for message in found if isinstance(message, Decoded)}
            is_refused = any(isinstance(message, Refused) for message in found)
            self._left.append(Due(one, own or {one.beside[:2]}, is_refused))

    def missing(self) -> list[Sent]:
        """Messages of which nothing came out and that are not parked."""
        seen = self._system.seen
        came = {(boot, n) for _, boot, n, _ in seen.frames}
        came |= {(boot, n) for boot, ns in self._device.stored.items() for n in ns}
        came |= {
            (event.message.boot, event.message.n)
            for event in seen.events
            if event.message is not None
        }
        parked = {body for headers, body in seen.parked if headers["device"] == self._device.name}
        self._left = [
            due
            for due in self._left
            if due.message.payload not in parked
            and (due.must_be_parked or not due.identities <= came)
        ]
        return [due.message for due in self._left]


async def send(device: DeviceSpeaker, sent: Sequence[Sent]) -> None:
    """Send as a device does: in order, many under way."""
    device.client.pending_calls_threshold = AT_ONCE  # the library warns of more
    for at in range(0, len(sent), AT_ONCE):
        async with asyncio.TaskGroup() as group:
            for one in sent[at : at + AT_ONCE]:
                boot, n, t_us = one.beside
                beside = [("b", f"{boot:x}"), ("n", str(n)), ("t", str(t_us))]
                group.create_task(device.send(one.payload, codec=one.codec, properties=beside))


async def all_accounted(account: Account, device: DeviceSpeaker) -> None:
    """Wait until nothing is missing; send what is left to come again once more, as devices do."""
    for _ in range(4):
        try:
            await eventually(lambda: not account.missing(), within_s=10, every_s=0.2)
        except AssertionError:
            await send(device, account.missing())
        else:
            return
    left = account.missing()
    assert not left, f"{len(left)} of {account.n_sent} are nowhere: {left[:3]}"


async def register(system: System, codec: str) -> DeviceId:
    name = DeviceId(f"any-{codec.replace('_', '-')}")
    connection = await system.sql()
    try:
        system.keys[name] = await connection.fetchval(
            "insert into registry.device (device, shard, model, simulated) "
            "values ($1, $2, $3, true) returning id",
            name, shard_of(name), model_of(codec),
        )  # fmt: skip
    finally:
        await connection.close()
    return name


def rss_mb(process: Any) -> float:
    return float(psutil.Process(process.pid).memory_info().rss / 1e6)


@pytest.mark.timeout(60 + MESSAGES)
async def test_any_bytes_are_stored_or_parked_and_stop_nobody(system: System) -> None:
    (well,) = await system.register("monitor-1")
    names = {codec: await register(system, codec) for codec in sorted(SAMPLES)}
    gateway = system.start(
        LOG_LEVEL="info", GATEWAY_MESSAGES_PER_S="100000", GATEWAY_MESSAGES_BURST="100000"
    )
    await system.ready()
    memory_mb: list[float] = []
    n_sent = 0
    async with AsyncExitStack() as stack:

        async def connect(name: DeviceId) -> DeviceSpeaker:
            one = system.device(name, max_inflight_messages=AT_ONCE)
            return await stack.enter_async_context(one)

        neighbour = await connect(well)
        devices = {codec: await connect(name) for codec, name in names.items()}
        n_well = 0
        for turn in range(ROUNDS):
            accounts: list[tuple[Account, DeviceSpeaker]] = []
            for index, (codec, device) in enumerate(devices.items()):
                # a boot for each round: each begins anew with its numbers
                boot = 0x1000 * (turn + 1) + index
                sent = list(any_messages(codec, boot, 0, MESSAGES // ROUNDS))
                if CODECS[codec].framing is Framing.STREAM:
                    sent += garbage(codec, boot, len(sent))
                await send(device, sent)
                n_sent += len(sent)
                accounts.append((Account(system, device, sent), device))
                n_well += 1
                await neighbour.send(packed(BOOT, n_well))
                await eventually(system.came(neighbour.key, {(BOOT, n_well)}))
            for account, device in accounts:
                await all_accounted(account, device)
            memory_mb.append(rss_mb(gateway.process))
    assert gateway.process.poll() is None
    told = Counter(headers["reason"] for headers, _ in system.seen.parked)
    bugs = [
        (headers["device"], headers["detail"], body)
        for headers, body in system.seen.parked
        if headers["reason"] not in REASONS
    ]
    assert not bugs, (told, bugs[:3])
    assert len(told) >= (1 if CHOSEN else 4), told
    print(f"{n_sent} sent, parked {dict(told)}, memory {memory_mb} MB")
    assert len(system.seen.parked) <= 1.05 * n_sent, "a message is parked once"
    assert memory_mb[-1] - memory_mb[ROUNDS // 2 - 1] < MEMORY_MORE_MB, memory_mb
