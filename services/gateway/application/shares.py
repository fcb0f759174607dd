"""Each device's share of a lane: what one device sends beyond it is not read.

A lane is one queue: whoever fills it makes the others wait. So a message beyond the share of its
device is acknowledged to the broker and passed over before anything is done with it: not being
stored, it comes again. The SDK does not get there (`devices.sdk.unsent` paces itself).

Hot path: 0.4 us a message.
"""

from collections.abc import Sequence

from services.gateway.application.routing import Route
from services.gateway.core.admission import RateLimit
from services.gateway.core.messages import Incoming
from shared.contracts.identity import DeviceKey


class Shares:
    """The shares of the devices of one MQTT session.

    Parameters
    ----------
    known : where the topics lead; of others nothing is counted
    per_s, burst : messages of one device: lasting, and at once
    """

    def __init__(self, known: dict[str, Route], *, per_s: float, burst: float) -> None:
        self._known = known
        self._per_s = per_s
        self._burst = burst
        self._rates: dict[DeviceKey, RateLimit] = {}

    def beyond(self, incoming: Sequence[Incoming], now_us: int) -> list[int]:
        """Count the data messages of a chunk; give the places of those beyond their share."""
        known, rates = self._known, self._rates
        found: list[int] = []
        for index, message in enumerate(incoming):
            route = known.get(message.topic)
            if route is None or route.decoder is None:
                continue  # to be refused, or a status: what it is costs little and must be heard
            key = route.device.key
            rate = rates.get(key)
            if rate is None:
                rate = rates[key] = RateLimit(self._per_s, self._burst)
            if not rate.admit(now_us):
                found.append(index)
        return found
