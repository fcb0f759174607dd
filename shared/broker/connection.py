"""Two plain AMQP connections a process: one publishes, one consumes.

A blocked publisher then does not stop reading. The connections are not the self-restoring ones
of aio-pika: those consume again from their first offset. A connection is opened when a channel
is asked for and the last one is gone; whoever uses a channel asks for a new one, through
`retry`, when it fails. Channels are aiormq's, the plain layer under aio-pika.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiormq
import structlog
from aiormq.abc import AbstractConnection
from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ProbableAuthenticationError,
)
from pydantic import SecretStr
from yarl import URL

from shared.errors import Conflict, Denied, Dependency, Misconfigured, NotFound, Unavailable
from shared.runtime.settings import BrokerSettings
from shared.telemetry.metrics import Metrics

log = structlog.get_logger()

CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 5.0
READ_MOST_BYTES = 1_048_576
"""Read ahead of the library: at its own 64 KiB the socket is left and taken up again in the middle
of each batch."""
HEARTBEAT_S = 10  # a dead link is noticed within two to three of them
HOME_NODE_DOWN = "home node"  # the same, said of a queue or stream that is being declared
NO_REPLICA = "does not have a replica"  # a stream that is not up yet after a restart of RabbitMQ


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where RabbitMQ is and who we are there."""

    host: str
    port: int
    vhost: str
    user: str
    password: SecretStr

    @classmethod
    def of(cls, settings: BrokerSettings) -> "BrokerAddress":
        """The address that the settings tell; reads the password's file."""
        return cls(
            host=settings.amqp_host,
            port=settings.amqp_port,
            vhost=settings.amqp_vhost,
            user=settings.amqp_user,
            password=settings.amqp_password,
        )


class BrokerMetrics:
    """What every user of RabbitMQ counts."""

    def __init__(self, metrics: Metrics) -> None:
        self.connected = metrics.counter(
            "amqp_connections", "Connections opened to RabbitMQ", ["purpose"]
        )
        self.failures = metrics.counter(
            "amqp_failures", "Attempts on RabbitMQ that failed and were tried again", ["what"]
        )
        self.confirmed = metrics.counter(
            "amqp_confirmed", "Messages that RabbitMQ confirmed", ["exchange"]
        )
        self.refused = metrics.counter(
            "amqp_refused", "Messages that RabbitMQ could not route or may not take", ["exchange"]
        )
        self.repeated = metrics.counter(
            "amqp_repeated", "Messages published again on a new connection", ["exchange"]
        )
        self.outstanding = metrics.gauge(
            "amqp_outstanding", "Messages handed over and not yet confirmed"
        )
        self.confirm_seconds = metrics.histogram(
            "amqp_confirm_seconds", "From handing a message over to its confirm", ["exchange"]
        )
        self.stream_offset = metrics.gauge(
            "stream_offset", "Last offset read of a stream", ["stream"]
        )
        self.stream_messages = metrics.counter(
            "stream_messages", "Messages read from a stream", ["stream"]
        )
        self.stream_missing = metrics.counter(
            "stream_missing", "Offsets that were gone before they were read", ["stream"]
        )
        self.stream_rewound = metrics.counter(
            "stream_rewound", "Times that a stream ended before the saved position", ["stream"]
        )
        self.queue_messages = metrics.counter(
            "queue_messages", "Messages taken from a queue", ["queue"]
        )


class Connection:
    """One AMQP connection, opened again whenever a channel is asked for and it is gone.

    Parameters
    ----------
    address : where to
    name : shown in RabbitMQ's list of connections
    purpose : `publish` or `consume`, for the metrics
    """

    def __init__(
        self, address: BrokerAddress, *, name: str, purpose: str, metrics: BrokerMetrics
    ) -> None:
        self._address = address
        self._name = name
        self._purpose = purpose
        self._metrics = metrics
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()

    async def channel(self, *, confirms: bool = False) -> aiormq.Channel:
        """A new channel, on a new connection where there is none.

        Cancel-safe: a connection that was being opened is closed.

        Raises
        ------
        Unavailable : RabbitMQ does not answer, or blocks this connection
        Misconfigured : user, password or virtual host are wrong
        """
        with amqp_errors(f"opening a channel to {self._purpose}"):
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                async with self._opening:
                    if self._connection is None or self._connection.is_closed:
                        self._connection = await self._connect()
                    connection = self._connection
                channel = await connection.channel(
                    publisher_confirms=confirms, on_return_raises=True
                )
                assert isinstance(channel, aiormq.Channel), "the library's only channel"
                return channel

    async def close(self) -> None:
        """Close the connection; afterwards it can be opened again."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed:
            with contextlib.suppress(Unavailable), amqp_errors("closing a connection"):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await connection.close()

    async def _connect(self) -> AbstractConnection:
        address = self._address
        url = URL.build(
            scheme="amqp",
            user=address.user,
            password=address.password.get_secret_value(),
            host=address.host,
            port=address.port,
            path="/" + address.vhost.replace("/", "%2F"),
            query={"heartbeat": str(HEARTBEAT_S), "name": self._name},
        )
        connection = aiormq.Connection(url, limit=READ_MOST_BYTES)
        await connection.connect({"connection_name": self._name})
        self._metrics.connected.labels(self._purpose).inc()
        log.info("amqp_connected", purpose=self._purpose, host=address.host, port=address.port)
        return connection


class Broker:
    """The two connections of a process; an async context manager that closes both.

    Parameters
    ----------
    address : where to
    instance : name of this process, shown in RabbitMQ
    """

    def __init__(self, address: BrokerAddress, *, instance: str, metrics: Metrics) -> None:
        self.metrics = BrokerMetrics(metrics)
        self.publishing = Connection(
            address, name=f"{instance} publish", purpose="publish", metrics=self.metrics
        )
        self.consuming = Connection(
            address, name=f"{instance} consume", purpose="consume", metrics=self.metrics
        )

    async def __aenter__(self) -> Self:
        # The library logs each failed attempt and lost link as an error; we log them ourselves.
        logging.getLogger("aiormq").setLevel(logging.CRITICAL)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.consuming.close()
        await self.publishing.close()


@contextlib.contextmanager
def amqp_errors(doing: str) -> Iterator[None]:
    """Turn what the library raises inside into our errors; `doing` tells what was attempted.

    A closed connection shows itself as a cancellation of whoever waits on it. It is told from
    a real one by the task, which nobody has asked to cancel.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise Unavailable(Dependency.RABBITMQ, f"{doing}: the connection was lost") from error
    except ChannelAccessRefused as error:
        raise Denied(f"{doing}: {error}") from error
    except ChannelNotFoundEntity as error:
        if HOME_NODE_DOWN in str(error):
            raise Unavailable(Dependency.RABBITMQ, f"{doing}: {error}") from error
        raise NotFound(f"{doing}: {error}") from error
    except ChannelPreconditionFailed as error:
        if NO_REPLICA in str(error):
            raise Unavailable(Dependency.RABBITMQ, f"{doing}: {error}") from error
        raise Conflict(f"{doing}: {error}") from error
    except (AuthenticationError, ProbableAuthenticationError) as error:
        raise Misconfigured(f"{doing}: RabbitMQ refuses the user or its password") from error
    except (AMQPError, OSError, TimeoutError, EOFError, RuntimeError) as error:
        # RuntimeError: the library's way to say that the connection is closed
        raise Unavailable(Dependency.RABBITMQ, f"{doing}: {error!r}") from error
