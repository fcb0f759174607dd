"""What dialogues find that others have to do: events, units behind hubs, files.

It waits in a queue, so that no device waits for PostgreSQL or RabbitMQ. What waits is bounded
(beyond it effects are left out, counted and logged) and not kept: it is lost with the dialogues,
which begin anew.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from itertools import count

import structlog

from services.gateway.application.ports import Confirmed, DeviceFiles, DeviceUnits
from services.gateway.core.messages import Device
from services.gateway.metrics import GatewayMetrics
from shared.contracts.dialogue import FilePart, Seen, WantFile
from shared.contracts.events import Event
from shared.contracts.identity import Lane
from shared.errors import Unavailable
from shared.runtime.quarantine import attempt_twice_async
from shared.runtime.waiting import either, pause

log = structlog.get_logger()

AWAY_S = 1.0
TURN_S = 5.0
TIMEOUT_S = 10.0
MOST_WAITING = 10_000

Waiting = Seen | Event | WantFile | FilePart


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectPorts:
    """Where effects go that do not go to the device itself."""

    out: Confirmed
    units: DeviceUnits
    files: DeviceFiles


class Effects:
    """The effects of one lane that wait for others."""

    def __init__(self, lane: Lane, ports: EffectPorts, metrics: GatewayMetrics) -> None:
        self._lane = lane
        self._ports = ports
        self._metrics = metrics
        # Only the newest of a unit counts; the rest by the order in which it came.
        self._waiting: dict[tuple[object, ...], tuple[Device, Waiting]] = {}
        self._order = count()
        self._work = asyncio.Event()

    def put(self, hub: Device, effect: Waiting) -> None:
        """Have others told what the dialogue of a device has found."""
        place: tuple[object, ...] = (
            (hub.key, effect.unit) if isinstance(effect, Seen) else (next(self._order),)
        )
        if len(self._waiting) >= MOST_WAITING and place not in self._waiting:
            self._metrics.dialogue_effects.labels("lost").inc()
            log.error("dialogue_effect_lost", device=hub.name, effect=type(effect).__name__)
            return
        self._waiting[place] = (hub, effect)
        self._work.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Tell others what waits, in its order, until the stop. Cancel-safe: nothing is kept."""
        while not stop.is_set():
            self._work.clear()
            self._metrics.loop_turns.labels("dialogue_effects").inc()
            if await self.carry():
                await either(self._work, stop, TURN_S)
            else:
                await pause(stop, AWAY_S)

    async def carry(self) -> bool:
        """Tell others what waits; false where they cannot be told now."""
        while self._waiting:
            place, (hub, effect) = next(iter(self._waiting.items()))
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await attempt_twice_async(
                        partial(self._carry, hub, effect),
                        loop="dialogue_effects",
                        identity=f"device {hub.name}",
                    )
            except (Unavailable, TimeoutError) as error:
                self._metrics.loop_errors.labels("dialogue_effects").inc()
                log.warning("dialogue_effects_wait", lane=self._lane, error=str(error))
                return False
            if self._waiting.get(place) == (hub, effect):  # else a newer one took its place
                del self._waiting[place]
        return True

    async def _carry(self, hub: Device, effect: Waiting) -> None:
        match effect:
            case Event():
                _ = await self._ports.out.tell(effect)
            case Seen():
                await self._ports.units.see(hub, effect)
            case FilePart():
                await self._ports.files.keep_part(hub, effect)
            case WantFile():
                await self._ports.files.want(hub, effect)
