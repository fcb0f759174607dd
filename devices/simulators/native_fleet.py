"""Runs simulated devices with protocols of their own, and does to them what was asked for."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import final

import structlog
from paho.mqtt.reasoncodes import ReasonCode

from devices.sdk import Device, Durability, Frame
from devices.sdk.happened import Happened
from devices.sdk.link import Address, Link
from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.faults_on_request import Fault
from devices.simulators.faulty_link import FaultyLink
from devices.simulators.fleet import CATCH_UP_MOST_S, SECOND_US, Broker, log_happened, until, utc_us
from devices.simulators.native_source import JsonObedience, NativeBytes
from devices.simulators.physiology.variation import generator
from devices.simulators.systems import SimulatedDevice
from shared.contracts.identity import DeviceId

log = structlog.get_logger()

MOST_UNHEARD = 64
"""Commands in native bytes that wait for the next turn of a device."""


@final
class NativeFleet:
    """Runs all members until the stop; see `devices.simulators.fleet.Fleet`."""

    def __init__(
        self,
        members: Sequence[SimulatedDevice],
        secrets: Mapping[DeviceId, str],
        broker: Broker,
        *,
        start_us: int,
        on_sent: Callable[[int, int], None],
    ) -> None:
        self._members = members
        self._secrets = secrets
        self._broker = broker
        self._start_us = start_us
        self._on_sent = on_sent

    async def run(self, stop: asyncio.Event) -> None:
        """Send until the stop. Cancel-safe: what was not stored is in the journals."""
        async with asyncio.TaskGroup() as tasks:
            for index, member in enumerate(self._members):
                phase_us = index * SECOND_US // max(1, len(self._members))
                life = _Life(
                    member, self._secrets[member.device], self._broker,
                    start_us=self._start_us, phase_us=phase_us, on_sent=self._on_sent,
                )  # fmt: skip
                tasks.create_task(life.run(stop), name=member.device)


@final
class _Life:
    """One device from the start to the stop, over all its boots."""

    def __init__(
        self,
        member: SimulatedDevice,
        secret: str,
        broker: Broker,
        *,
        start_us: int,
        phase_us: int,
        on_sent: Callable[[int, int], None],
    ) -> None:
        self._member, self._secret, self._broker = member, secret, broker
        self._start_us, self._phase_us, self._on_sent = start_us, phase_us, on_sent
        self._second = 0
        self._whole = asyncio.Lock()  # an answer must not come between the pieces of a message
        self._heard: asyncio.Queue[bytes] = asyncio.Queue(MOST_UNHEARD)
        self._obedience = JsonObedience(member.source, self._report)
        self._device: Device | None = None

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._device = device = self._make()
            async with device:
                device.report(**self._member.reported)
                async with asyncio.TaskGroup() as tasks:
                    answering = tasks.create_task(self._answer(device))
                    await self._speak(device, stop)
                    answering.cancel()
            self._member.source.restart()

    async def _speak(self, device: Device, stop: asyncio.Event) -> None:
        """One boot: until the stop, or until the power fails."""
        plan = self._member.plan
        boots = plan.turns(Fault.REBOOT, self._second)
        was_cut, ahead_us = False, plan.clock_ahead_us(self._second)
        while await until(self._due_us(), stop):
            behind_us = utc_us() - self._due_us()
            if behind_us > CATCH_UP_MOST_S * SECOND_US:
                log.warning("simulator_skips", device=device.device_id)
                self._second += behind_us // SECOND_US
            second = self._second
            if plan.turns(Fault.REBOOT, second) != boots:
                log.info("simulator_reboots", device=device.device_id)
                return
            is_cut = plan.is_on(Fault.DISCONNECT, second)
            if is_cut != was_cut:
                (device.interrupt if is_cut else device.resume)()
                was_cut = is_cut
            battery = plan.battery_percent(second)
            if ahead_us != plan.clock_ahead_us(second) or device.battery_percent != battery:
                ahead_us = plan.clock_ahead_us(second)
                device.battery_percent = battery
                device.report(clock_ahead_s=ahead_us // SECOND_US or None)
            messages = self._member.source.second(second, self._start_us + second * SECOND_US)
            if self._member.source.is_measuring:
                await self._publish(device, messages)
            self._on_sent(len(messages), behind_us)
            self._second += 1

    async def _answer(self, device: Device) -> None:
        while True:
            data = await self._heard.get()
            await self._publish(device, self._member.source.hear(data, utc_us()))

    async def _publish(self, device: Device, messages: Sequence[NativeBytes | Outgoing]) -> None:
        ahead_us = self._ahead_us()
        async with self._whole:
            for message in messages:
                if isinstance(message, NativeBytes):
                    codec, body, t_us = message
                    await device.publish_native(codec, body, t_us=t_us + ahead_us)
                else:
                    frames = [_as_clocked(frame, ahead_us) for frame in message.frames]
                    await device.publish(frames, lead_off=message.lead_off)

    def _make(self) -> Device:
        member = self._member
        return Device(
            member.device,
            host=self._broker.host,
            port=self._broker.port,
            secret=self._secret,
            journal=self._broker.journals / member.device,
            firmware="simulator",
            simulated=True,
            durability=Durability.PROCESS,
            clock=lambda: utc_us() + self._ahead_us(),
            on_happened=self._tell,
            on_command=self._obedience.obey,
            on_configuration=self._obedience.configure,
            on_native=self._hear,
            make_link=self._make_link,
        )

    def _make_link(
        self, address: Address, will: bytes, on_puback: Callable[[int, ReasonCode], None]
    ) -> Link:
        plan = self._member.plan
        if not plan.faults:
            return Link(address, will, on_puback)
        return FaultyLink(
            address, will, on_puback,
            chance=generator(plan.seed, 0x117, self._second),
            is_on=lambda fault: plan.is_on(fault, self._second),
        )  # fmt: skip

    def _hear(self, data: bytes) -> None:
        if not self._heard.full():  # as a device without room would; the server asks again
            self._heard.put_nowait(data)

    def _tell(self, happened: Happened) -> None:
        log_happened(self._member.device, happened)

    def _report(self, **facts: object) -> None:
        if self._device is not None:
            self._device.report(**facts)

    def _ahead_us(self) -> int:
        return self._member.plan.clock_ahead_us(self._second)

    def _due_us(self) -> int:
        return self._start_us + (self._second + 1) * SECOND_US + self._phase_us


def _as_clocked(frame: Frame, ahead_us: int) -> Frame:
    """The frame by the device's clock instead of the true one."""
    if frame.start_us is None:
        return frame
    return replace(frame, start_us=frame.start_us + ahead_us)
