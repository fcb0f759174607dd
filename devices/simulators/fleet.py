"""Many devices in one process, each with its own connection and journal, paced by the clock."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, final

import structlog

from devices.sdk import Connected, Device, Disconnected, Durability, Refused, SetAside
from devices.sdk.happened import Happened
from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.obedience import Obedience
from shared.contracts.identity import DeviceId

log = structlog.get_logger()

CATCH_UP_MOST_S = 30  # a machine that slept longer leaves a gap, as a real device would
SECOND_US = 1_000_000


class Source(Protocol):
    """What a simulated device sends, second by second."""

    def second(self, second: int, start_us: int) -> list[Outgoing]:
        """Messages of one second; `start_us` is the device's clock at its beginning."""

    def is_disconnected(self, time_s: float) -> bool:
        """Whether the device has no network then."""

    def set_ecg_rate(self, hz: int) -> bool:
        """Sample the ECG so often from the next second on; false where it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMember:
    """A device of the fleet: who it is and what it sends."""

    device: DeviceId
    secret: str
    source: Source
    reported: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the fleet connects, and where its journals lie."""

    host: str
    port: int
    journals: Path


@final
class Fleet:
    """Runs all members until the stop. Their seconds are spread evenly over each real second.

    Parameters
    ----------
    start_us : UTC at second 0 of every source
    on_sent : told how many messages a device sent for a second, and how late it was (us)
    """

    def __init__(
        self,
        members: Sequence[FleetMember],
        broker: Broker,
        *,
        start_us: int,
        on_sent: Callable[[int, int], None],
    ) -> None:
        self._members = members
        self._broker = broker
        self._start_us = start_us
        self._on_sent = on_sent

    async def run(self, stop: asyncio.Event) -> None:
        """Send until the stop. Cancel-safe: what was not stored is in the journals."""
        async with asyncio.TaskGroup() as tasks:
            for index, member in enumerate(self._members):
                phase_us = index * SECOND_US // max(1, len(self._members))
                tasks.create_task(self._speak_for(member, phase_us, stop), name=member.device)

    async def _speak_for(self, member: FleetMember, phase_us: int, stop: asyncio.Event) -> None:
        def heard(happened: Happened) -> None:
            log_happened(member.device, happened)

        def report(**facts: object) -> None:
            device.report(**facts)

        obedience = Obedience(member.source, report)
        device = Device(
            member.device,
            host=self._broker.host,
            port=self._broker.port,
            secret=member.secret,
            journal=self._broker.journals / member.device,
            firmware="simulator",
            simulated=True,
            durability=Durability.PROCESS,  # a hundred flushes a second would hold up everything
            on_happened=heard,
            on_command=obedience.obey,
            on_configuration=obedience.configure,
        )
        async with device:
            device.report(**member.reported)
            second, is_cut = 0, False
            while await until(self._start_us + (second + 1) * SECOND_US + phase_us, stop):
                behind_us = utc_us() - (self._start_us + (second + 1) * SECOND_US + phase_us)
                if behind_us > CATCH_UP_MOST_S * SECOND_US:
                    skipped = behind_us // SECOND_US
                    log.warning("simulator_skips", device=member.device, seconds=skipped)
                    second += skipped
                wants_cut = member.source.is_disconnected(float(second))
                if wants_cut != is_cut:
                    (device.interrupt if wants_cut else device.resume)()
                    is_cut = wants_cut
                messages = member.source.second(second, self._start_us + second * SECOND_US)
                for message in messages if obedience.is_measuring else ():
                    await device.publish(message.frames, lead_off=message.lead_off)
                self._on_sent(len(messages), behind_us)
                second += 1


async def until(due_us: int, stop: asyncio.Event) -> bool:
    """Wait for a time; False once the stop is set."""
    wait_s = (due_us - utc_us()) / SECOND_US
    if wait_s > 0:
        try:
            async with asyncio.timeout(wait_s):
                await stop.wait()
        except TimeoutError:
            return True
    return not stop.is_set()


def log_happened(device: DeviceId, happened: Happened) -> None:
    """Tell what a device was told, where it is worth a line."""
    match happened:
        case Connected():
            log.info("device_connected", device=device)
        case Disconnected(reason):
            log.info("device_disconnected", device=device, reason=reason)
        case Refused(key, reason) | SetAside(key, reason):
            log.warning("message_not_taken", device=device, boot=key.boot, n=key.n, reason=reason)
        case _:
            pass


def utc_us() -> int:
    """The true time."""
    return time.time_ns() // 1000
