"""Identity for messages that bring none: from devices whose model says ``identity: arrival``.

A boot for each device, codec and session of the lane, drawn at random, and numbers in the order
of arrival. What the broker delivers again has another identity: such a device's messages are kept
at least once.
"""

from collections.abc import Callable

from services.gateway.application.clocks import Clocks
from services.gateway.application.routing import Route
from services.gateway.core.clock_map import ClockMap, Segment
from services.gateway.core.messages import BootKey, Incoming
from shared.contracts.decoding import Envelope
from shared.contracts.identity import DeviceKey

_OWN_CLOCK = Segment(0, 0, 0)
"""The time of such a message is that of its arrival: UTC already, and so nothing to be kept."""


class Arrivals:
    """The identities that one MQTT session of a lane gives.

    Parameters
    ----------
    draw_boot : gives a random number of 32 bits
    hush : told of each boot that was drawn: no device can be told anything by it
    """

    def __init__(
        self,
        clocks: Clocks,
        draw_boot: Callable[[], int],
        hush: Callable[[DeviceKey, int], None],
    ) -> None:
        self._clocks = clocks
        self._draw_boot = draw_boot
        self._hush = hush
        self._boots: dict[tuple[DeviceKey, str], int] = {}
        self._next_n: dict[tuple[DeviceKey, str], int] = {}

    def identify(self, route: Route, message: Incoming) -> Incoming:
        """Give the message with an envelope beside it."""
        stream = (route.device.key, route.codec)
        boot = self._boots.get(stream)
        if boot is None:
            boot = self._boots[stream] = self._draw_boot()
            self._hush(route.device.key, boot)
        n = self._next_n.get(stream, 0)
        self._next_n[stream] = n + 1
        key = BootKey(route.device.key, boot)
        if key not in self._clocks.held:
            self._clocks.hold(key, ClockMap([_OWN_CLOCK]))
        envelope = (("b", f"{boot:08x}"), ("n", str(n)), ("t", str(message.arrival_us)))
        return message._replace(properties=envelope)

    def gave(self, route: Route, envelope: Envelope) -> bool:
        """Whether this identity is ours."""
        return self._boots.get((route.device.key, route.codec)) == envelope.boot
