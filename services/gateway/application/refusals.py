"""What cannot be used, parked and told: to the device, and now and then to people."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import structlog

from services.gateway.application.outlet import Outlet
from services.gateway.application.ports import Confirmed, DeviceSession
from services.gateway.application.routing import Routes, device_of
from services.gateway.core.clock_map import Segment
from services.gateway.core.messages import BootKey, Device, Incoming, ParkedMessage
from services.gateway.metrics import GatewayMetrics
from shared.contracts.decoding import Envelope, Refused
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.identity import MAX_UINT32, DeviceKey
from shared.contracts.instants import MINUTE
from shared.contracts.names import DownKind, down_topic
from shared.contracts.parking import Reason
from shared.contracts.quality import FrameFlag

log = structlog.get_logger()

REFUSAL_EVENT_EVERY_US = MINUTE
"""People are told of a device's refused messages once a minute; each one is in the parking."""


class Unusable(NamedTuple):
    """A message that is to be parked, and why.

    ``is_told``: its device hears of it. Where some bytes of a piece were passed over and the rest
    is of use, the device hears that the piece is stored.
    """

    number: int
    message: Incoming
    refusal: Refused
    is_told: bool = True


class Refusals:
    """Refuses messages of one MQTT session, and tells of clocks that jump or make no sense.

    Parameters
    ----------
    note : told of each refused message of a known device, for its counters
    """

    def __init__(
        self,
        routes: Routes,
        out: Confirmed,
        session: DeviceSession,
        outlet: Outlet,
        metrics: GatewayMetrics,
        note: Callable[[DeviceKey, Reason], None],
    ) -> None:
        self._note = note
        self._routes = routes
        self._out = out
        self._session = session
        self._outlet = outlet
        self._metrics = metrics
        self._told_us: dict[DeviceKey, int] = {}

    async def refuse(self, bad: Unusable, now_us: int) -> None:
        """Park a message and tell its device; it is acknowledged when the parking has it."""
        number, message, refusal, is_told = bad
        self._metrics.refused.labels(refusal.reason.value).inc()
        boot, n = refusal.boot, refusal.n
        if boot is None and (envelope := read_envelope(message.properties)) is not None:
            boot, n = envelope.boot, envelope.n
        confirmation = await self._out.park(
            ParkedMessage(
                payload=message.payload,
                reason=refusal.reason,
                detail=refusal.detail,
                topic=message.topic,
                device=device_of(message),
                identity="" if boot is None or n is None else f"{boot:08x}/{n}",
                at_us=now_us,
            )
        )
        self._outlet.settle_with(confirmation, number)
        device = self._routes.sender(message.topic)
        if device is None:
            return
        self._note(device.key, refusal.reason)
        if is_told and boot is not None and n is not None:
            self._session.publish(
                down_topic(device.name, DownKind.ERROR),
                msgspec.json.encode({"boot": boot, "n": n, "reason": refusal.reason}),
            )
        await self._tell_refusal(device, refusal, now_us)

    async def _tell_refusal(self, device: Device, refusal: Refused, now_us: int) -> None:
        if now_us - self._told_us.get(device.key, 0) < REFUSAL_EVENT_EVERY_US:
            return
        self._told_us[device.key] = now_us
        log.warning("message_refused", device=device.name, reason=refusal.reason)
        _ = await self._out.tell(
            Event(
                id=event_id(
                    EventKind.MESSAGE_REFUSED, device.key, refusal.reason, refusal.boot or 0,
                    refusal.n or 0,
                ),
                t=now_us,
                kind=EventKind.MESSAGE_REFUSED,
                severity=Severity.LOW,
                source="gateway",
                text_key=EventKind.MESSAGE_REFUSED.value,
                device=device.key,
                data={"reason": refusal.reason.value},
            )
        )  # fmt: skip

    async def tell_clock(self, key: BootKey, segment: Segment, now_us: int) -> None:
        """Tell people of a clock that jumped or makes no sense."""
        if segment.flags & FrameFlag.CLOCK_ABSURD:
            kind = EventKind.CLOCK_ABSURD
        elif segment.flags & FrameFlag.CLOCK_JUMP:
            kind = EventKind.CLOCK_JUMP
        else:
            return
        _ = await self._out.tell(
            Event(
                id=event_id(kind, key.device, key.boot, segment.from_n),
                t=now_us,
                kind=kind,
                severity=Severity.LOW,
                source="gateway",
                text_key=kind.value,
                device=key.device,
                data={"boot": key.boot, "n": segment.from_n, "offset_us": segment.offset_us},
            )
        )


def read_envelope(properties: Sequence[tuple[str, str]]) -> Envelope | None:
    """Give the envelope in MQTT user properties; None where it is not whole or makes no sense."""
    found = dict(properties)
    try:
        boot, n, t_us = int(found["b"], 16), int(found["n"]), int(found["t"])
    except (KeyError, ValueError):
        return None
    if 0 <= boot <= MAX_UINT32 and 0 <= n <= MAX_UINT32 and -(2**63) <= t_us < 2**63:
        return Envelope(boot, n, t_us)
    return None
