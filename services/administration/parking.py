"""`vitalwire parking`: shows, hands back and drops messages that could not be used.

Messages are taken from the queue, looked at, and go back to it (not always to their old places)
unless they are dropped or handed back. What a broker put here as a dead letter can be handed back
to where it came from; what a device sent was told to the device as refused (`down/error`), and
only the device can send it again.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.administration.settings import AdministrationSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.message import HeaderValue, Message
from shared.broker.publisher import Publisher
from shared.broker.queues import Delivery, QueueReader
from shared.contracts.formats import FORMATS
from shared.contracts.instants import to_text
from shared.contracts.names import Exchange, Queue
from shared.contracts.parking import ParkingHeader
from shared.errors import Misconfigured, VitalwireError
from shared.runtime.clock import SystemClock
from shared.runtime.service import EXIT_FAILED, EXIT_MISCONFIGURED
from shared.runtime.settings import read_settings
from shared.telemetry.metrics import Metrics

IDLE_S = 1.0
"""After so long without another message all have been seen."""
LOOK_MOST = 10_000
BYTES_SHOWN = 512
DEATHS = "x-death"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which parked messages are meant: all where nothing is said."""

    ids: frozenset[str] = frozenset()
    reason: str | None = None
    device: str | None = None

    def has(self, entry: "Parked") -> bool:
        """Whether a message is meant."""
        return (
            (not self.ids or entry.id in self.ids)
            and self.reason in (None, entry.reason)
            and self.device in (None, entry.device)
        )


class Parked:
    """One parked message, taken and not settled."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.id = delivery.message_id or ""
        self.body = delivery.body
        deaths = delivery.headers.get(DEATHS)
        self._death: dict[str, Any] = deaths[0] if deaths else {}

    @property
    def reason(self) -> str:
        """Why it is here."""
        return self._text(ParkingHeader.REASON) or str(self._death.get("reason", ""))

    @property
    def device(self) -> str:
        """Whose it is, where that is known."""
        return self._text(ParkingHeader.DEVICE)

    @property
    def came_from(self) -> str:
        """MQTT topic, stream or queue."""
        return self._text(ParkingHeader.TOPIC) or str(self._death.get("queue", ""))

    @property
    def at(self) -> str:
        """When it was parked."""
        at_us = self.delivery.headers.get(ParkingHeader.AT)
        return to_text(at_us) if isinstance(at_us, int) else ""

    def line(self) -> str:
        """One line for a list."""
        identity = self._text(ParkingHeader.IDENTITY) or "-"
        fields = (self.at or "-", self.reason, self.device or "-", identity, self.came_from)
        return "\t".join((self.id, *fields, f"{len(self.body)} B"))

    def described(self) -> str:
        """All that is known of it, and its first bytes."""
        told = {
            "id": self.id,
            "reason": self.reason,
            "detail": self._text(ParkingHeader.DETAIL),
            "where": self._text(ParkingHeader.WHERE),
            "device": self.device,
            "came from": self.came_from,
            "identity": self._text(ParkingHeader.IDENTITY),
            "at": self.at,
            "type": self.delivery.type,
            "bytes": str(len(self.body)),
        }
        lines = [f"{name:<10} {value}" for name, value in told.items() if value]
        return "\n".join([*lines, "", self.body[:BYTES_SHOWN].hex(" ", 2)])

    def again(self) -> Message | None:
        """The message as it was before it died; None where it is no dead letter of ours."""
        exchange = self._death.get("exchange")
        keys = self._death.get("routing-keys") or []
        known = [entry for entry in FORMATS if entry.name == self.delivery.type]
        if exchange not in set(Exchange) or not keys or not known:
            return None
        headers: dict[str, HeaderValue] = {
            name: value
            for name, value in self.delivery.headers.items()
            if isinstance(value, str | int) and not name.startswith("x-")
        }
        return Message(
            exchange=Exchange(exchange),
            routing_key=str(keys[0]),
            format=known[0],
            body=self.body,
            headers=headers,
            message_id=self.id or None,
        )

    def _text(self, header: ParkingHeader) -> str:
        value = self.delivery.headers.get(header)
        return value if isinstance(value, str) else ""


class Parking:
    """The parking, for one look at it.

    Parameters
    ----------
    most : messages that are looked at, the oldest first
    """

    def __init__(self, broker: Broker, *, most: int) -> None:
        self._broker = broker
        self._most = most

    async def chosen(self, choice: Choice) -> AsyncIterator[Parked]:
        """Give the chosen messages; those that are not settled go back when this ends."""
        end = asyncio.Event()
        n_seen = 0
        async with QueueReader(
            self._broker, Queue.PARKING.value, prefetch=min(self._most, LOOK_MOST)
        ) as reader:
            deliveries = reader.deliveries(until=end)
            while n_seen < self._most:
                try:
                    async with asyncio.timeout(IDLE_S):
                        delivery = await anext(deliveries)
                except (TimeoutError, StopAsyncIteration):
                    break
                n_seen += 1
                entry = Parked(delivery)
                if choice.has(entry):
                    yield entry
            await deliveries.aclose()


async def run(
    options: argparse.Namespace, settings: AdministrationSettings, metrics: Metrics
) -> int:
    """Do what the command line says; gives how many messages it concerned.

    Raises
    ------
    Unavailable : RabbitMQ does not answer
    """
    address = BrokerAddress.of(settings)
    choice = Choice(ids=frozenset(options.ids), reason=options.reason, device=options.device)
    n_done = 0
    async with (
        Broker(address, instance=settings.instance, metrics=metrics) as broker,
        Publisher(broker, clock=SystemClock()) as publisher,
    ):
        async for entry in Parking(broker, most=options.most).chosen(choice):
            if await _deal_with(entry, options.what, publisher):
                n_done += 1
    return n_done


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


async def _deal_with(entry: Parked, what: str, publisher: Publisher) -> bool:
    match what:
        case "list":
            _say(entry.line())
        case "show":
            _say(f"{entry.described()}\n")
        case "drop":
            await entry.delivery.settle()
            _say(f"dropped {entry.id}")
        case _:
            message = entry.again()
            if message is None:
                _say(f"stays   {entry.id}: only {entry.device or 'its sender'} can send it again")
                return False
            await publisher.publish(message)  # durable there before it goes here
            await entry.delivery.settle()
            _say(f"retried {entry.id}: {message.exchange} {message.routing_key}")
    return True


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="vitalwire parking", description=__doc__)
    parser.add_argument("what", choices=("list", "show", "retry", "drop"))
    parser.add_argument("ids", nargs="*", help="ids of messages, from the list")
    parser.add_argument("--reason", help="only those that were refused for this reason")
    parser.add_argument("--device", help="only those of this device")
    parser.add_argument("--all", action="store_true", help="retry or drop without a choice")
    parser.add_argument(
        "--most", type=int, default=1_000, help="look at so many, the oldest first (1,000)"
    )
    options = parser.parse_args(arguments)
    chosen = options.ids or options.reason or options.device or options.all
    if options.what in ("retry", "drop") and not chosen:
        parser.error(f"{options.what} what? Give ids, --reason, --device or --all")
    if not 1 <= options.most <= LOOK_MOST:
        parser.error(f"--most is from 1 to {LOOK_MOST}")
    return options


def main() -> int:
    """Run it with the command line and the environment; gives the exit status."""
    options = parse(sys.argv[1:])
    try:
        settings = read_settings(AdministrationSettings)
        n_done = asyncio.run(run(options, settings, Metrics(settings.service)))
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISCONFIGURED
    except VitalwireError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    sys.stderr.write(f"{n_done} messages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
