r"""``vitalwire replay``: sends a capture as a device would that kept it in its journal.

    vitalwire replay --capture capture.jsonl --device ward3-bed4 --host broker.example \
        --secret-file secret

Each message goes out until the server tells that it is stored. Exit status: 0 all stored, 1 some
not, 2 could not send.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.conformance.capture import Heard, read_capture
from shared.codecs.register import load_codecs
from shared.contracts.decoding import Decoder, Refused
from shared.contracts.identity import DeviceId, parse_device_id
from shared.contracts.names import DownKind, UpKind, device_root, down_topic, parse_up_topic

RESEND_AFTER_S = 20.0  # as the SDK: a message without a receipt comes again
MOST_SENDINGS = 4
CANNOT = 2
Key = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """As whom to send, and where.

    Parameters
    ----------
    device : it is this device that sends, whatever device the capture is of
    """

    device: DeviceId
    host: str
    port: int
    secret: str
    resend_after_s: float = RESEND_AFTER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of a replay: messages sent, and boot and n of those without a receipt."""

    sent: int
    stored: int
    unstored: Sequence[Key]


class _Ranges(msgspec.Struct):
    boot: int
    ranges: list[tuple[int, int]]


async def replay(capture: Iterable[Heard], target: Target) -> Replayed:
    """Send all messages in order, those without a receipt again, and wait for the last receipt.

    What a status tells of the device's clock is moved by the time since it was heard: a clock
    that was right then is right now, so that what was measured keeps its times.

    Raises
    ------
    ValueError : a topic of the capture is none
    aiomqtt.MqttError : the broker cannot be reached, or does not let us in
    """
    client = aiomqtt.Client(
        target.host,
        target.port,
        username=target.device,
        password=target.secret,
        identifier=target.device,
        protocol=aiomqtt.ProtocolVersion.V5,
    )
    messages = list(capture)
    keys = keys_of(messages)
    async with client:
        await client.subscribe(down_topic(target.device, DownKind.STORED), qos=1)
        receipts = _Receipts({key for key in keys if key is not None})
        listening = asyncio.create_task(receipts.listen(client))
        try:
            for heard in messages:
                await _send(client, target, heard)
            for _ in range(MOST_SENDINGS - 1):
                if await receipts.come_within(target.resend_after_s):
                    break
                for heard, key in zip(messages, keys, strict=True):
                    if key in receipts.missing:
                        await _send(client, target, heard)
            else:
                await receipts.come_within(target.resend_after_s)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return Replayed(
        sent=len(messages),
        stored=len(receipts.expected) - len(receipts.missing),
        unstored=sorted(receipts.missing),
    )


class _Receipts:
    """What was told to be stored, of what is expected."""

    def __init__(self, expected: set[Key]) -> None:
        self.expected = frozenset(expected)
        self.missing = expected
        self._all = asyncio.Event()
        self._look()

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            told = msgspec.json.decode(bytes(message.payload), type=_Ranges)
            self.missing -= {
                (boot, n)
                for boot, n in self.missing
                if boot == told.boot and any(first <= n <= last for first, last in told.ranges)
            }
            self._look()

    async def come_within(self, seconds: float) -> bool:
        """Whether nothing is missing before the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._all.wait()
        except TimeoutError:
            return False
        return True

    def _look(self) -> None:
        if not self.missing:
            self._all.set()


def keys_of(messages: Sequence[Heard]) -> list[Key | None]:
    """Boot and n of each message that is to be stored; None of the others."""
    codecs = load_codecs()
    decoders: dict[str, Decoder] = {}

    def key_of(heard: Heard) -> Key | None:
        topic = parse_up_topic(heard.topic)
        if topic is None or topic.kind is not UpKind.DATA or topic.codec not in codecs:
            return None
        envelope = dict(heard.properties)
        if {"b", "n"} <= envelope.keys():
            return int(envelope["b"], 16), int(envelope["n"])
        if topic.codec not in decoders:
            codec = codecs[topic.codec]
            decoders[topic.codec] = codec.new_decoder(codec.with_constants({}))
        for message in decoders[topic.codec].feed(heard.payload, None):
            if not isinstance(message, Refused):
                return message.boot, message.n
        return None

    return [key_of(heard) for heard in messages]


async def _send(client: aiomqtt.Client, target: Target, heard: Heard) -> None:
    topic = parse_up_topic(heard.topic)
    if topic is None:
        raise ValueError(f"{heard.topic!r} is no topic on which a device sends")
    tail = heard.topic.removeprefix(device_root(topic.device))
    is_status = topic.kind is UpKind.STATUS
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if heard.properties:
        properties.UserProperty = heard.properties
    await client.publish(
        device_root(target.device) + tail,
        _as_of_now(heard) if is_status else heard.payload,
        qos=1,
        retain=is_status,
        properties=properties,
    )


def _as_of_now(heard: Heard) -> bytes:
    """A status whose clock has gone on since it was heard."""
    body: dict[str, Any] = msgspec.json.decode(heard.payload)
    if heard.at and isinstance(body.get("t"), int):
        body["t"] += time.time_ns() // 1_000 - heard.at
    return msgspec.json.encode(body)


def main(arguments: Sequence[str] | None = None) -> int:
    """Send a capture; gives the exit status."""
    options = _parser().parse_args(arguments)
    device = parse_device_id(options.device)
    if device is None:
        return _cannot(f"{options.device!r} is no id of a device")
    try:
        with options.capture.open("rb") as lines:
            messages = list(read_capture(lines))
        target = Target(
            device=device,
            host=options.host,
            port=options.port,
            secret=options.secret_file.read_text().strip(),
        )
        done = asyncio.run(replay(messages, target))
    except (OSError, ValueError, aiomqtt.MqttError) as error:
        return _cannot(str(error))
    sys.stdout.write(f"{done.sent} messages sent, {done.stored} told stored\n")
    for boot, n in done.unstored:
        sys.stdout.write(f"not stored: boot {boot:08x}, n {n}\n")
    return 1 if done.unstored else 0


def _cannot(why: str) -> int:
    sys.stderr.write(f"vitalwire replay: {why}\n")
    return CANNOT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vitalwire replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--capture", type=Path, required=True, help="written by conformance --keep")
    parser.add_argument("--device", required=True, help="id of the device as which to send")
    parser.add_argument("--secret-file", type=Path, required=True, help="holds its secret")
    parser.add_argument("--host", default="127.0.0.1", help="of the broker")
    parser.add_argument("--port", type=int, default=1883)
    return parser


if __name__ == "__main__":
    sys.exit(main())
