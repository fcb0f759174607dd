"""Devices with protocols of their own beside the others: their bytes, and what must come of them.

The ledger names a message by device, boot and n; of a hub, by each unit that has frames in it. What
the frames must be is said by the codec, fed in the order of n as the gateway promises to.
"""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from devices.sdk import Device, Durability, Key, Refused, Stored
from devices.sdk.happened import Happened
from devices.simulators.native_source import NativeBytes, NativeSource
from devices.simulators.systems import SimulatedDevice, simulated_devices
from shared.codecs.modbus.codec import NAME as MODBUS
from shared.codecs.register import load_codecs
from shared.contracts.decoding import Decoded, Decoder, Envelope
from shared.contracts.identity import UNIT_MARK
from shared.device_models.catalogue import load_device_models
from tests.chaos.ledger import Content, digest_of

SECOND_US = 1_000_000
SEED = 11
SYSTEMS = ("ppg_terminal", "telecare", "radar", "smsg", "wellness")


def native_devices(count: int) -> dict[str, SimulatedDevice]:
    """So many patients of each system by device id; what speaks `packed` is left to the others."""
    made = simulated_devices(SYSTEMS, count=count, seed=SEED)
    return {one.device: one for one in made if one.model != "wellness-motion"}


class Expectation:
    """What a device's messages must become: a digest for each name that has frames in one."""

    def __init__(self, model: str) -> None:
        self._constants = load_device_models()[model].constants
        self._decoders: dict[str, Decoder] = {}

    def of(self, device: str, codec: str, body: bytes, envelope: Envelope) -> dict[str, str]:
        """Digest by name of the device, or of its unit."""
        if codec not in self._decoders:
            known = load_codecs()[codec]
            settings = known.with_constants(self._constants.get(codec, {}))
            self._decoders[codec] = known.new_decoder(settings)
        contents: dict[str, list[Content]] = {}
        for message in self._decoders[codec].feed(body, envelope):
            assert isinstance(message, Decoded), message
            for frame in message.frames:
                name = f"{device}{UNIT_MARK}{frame.unit}" if frame.unit else device
                contents.setdefault(name, []).append(
                    Content(
                        frame.stream,
                        message.t_us + frame.dt_us,
                        frame.interval_ns,
                        frame.channels,
                        frame.format,
                        frame.place,
                        frame.scale,
                        frame.offset,
                        frame.data,
                    )
                )
        return {name: digest_of(parts) for name, parts in contents.items()}


@dataclass
class NativeSpeaker:
    """One device: publishes its seconds in time and writes what it hears."""

    made: SimulatedDevice
    secret: str
    host: str
    port: int
    journals: str
    resend_after_s: float
    seconds: int
    ledger: BinaryIO
    names: dict[Key, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.made.device

    async def run(
        self,
        devices: list[Device],
        start: asyncio.Future[int],
        sent: asyncio.Event,
        stored: asyncio.Event,
    ) -> None:
        """Connect, wait for the start, publish, and stay until all is stored."""
        source: NativeSource = self.made.source
        expected = Expectation(self.made.model)
        async with Device(
            self.name,
            host=self.host,
            port=self.port,
            secret=self.secret,
            journal=Path(self.journals) / self.name,
            simulated=True,
            resend_after_s=self.resend_after_s,
            durability=Durability.PROCESS,
            on_happened=self._heard,
            on_native=_unheard,
        ) as device:
            devices.append(device)
            began_us = await asyncio.shield(start)
            for second in range(self.seconds):
                start_us = began_us + second * SECOND_US
                await asyncio.sleep(max(0.0, (start_us + SECOND_US) / SECOND_US - time.time()))
                for message in source.second(second, start_us):
                    if isinstance(message, NativeBytes) and message.codec != MODBUS:
                        await self._publish(device, message, expected)
            sent.set()
            await stored.wait()

    async def _publish(self, device: Device, message: NativeBytes, expected: Expectation) -> None:
        codec, body, t_us = message
        key = await device.publish_native(codec, body, t_us=t_us)
        digests = expected.of(self.name, codec, body, Envelope(key.boot, key.n, t_us))
        assert digests, "each message of this test has frames"
        self.names[key] = list(digests)
        lines = [f"S {name} {key.boot} {key.n} {digest}\n" for name, digest in digests.items()]
        self.ledger.write("".join(lines).encode())

    def _heard(self, happened: Happened) -> None:
        match happened:
            case Stored(keys):
                told = [
                    f"T {name} {key.boot} {key.n}\n" for key in keys for name in self.names[key]
                ]
                self.ledger.write("".join(told).encode())
            case Refused(key, reason):
                self.ledger.write(f"R {self.name} {key.boot} {key.n} {reason}\n".encode())
            case _:
                pass


def _unheard(_data: bytes) -> None:
    """What the server asks in native bytes is not answered here: only data is counted."""
