"""Streams, and no alarm process yet."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.broker.connection import Broker
from shared.broker.publisher import Publisher
from shared.broker.topology import declare
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import LANES, SMALL, broker_address
from tests.harness.postgres import Database
from tests.harness.rabbitmq import VirtualHost
from tests.harness.tcp_proxy import TcpProxy
from tests.integration.alarms.system import System


@pytest.fixture
async def database_link(migrated: Database) -> AsyncIterator[TcpProxy]:
    """The way of the alarm processes to PostgreSQL, which a test can cut."""
    async with TcpProxy(migrated.port) as proxy:
        yield proxy


@pytest.fixture
async def system(
    migrated: Database,
    database_link: TcpProxy,
    virtual_host: VirtualHost,
    tmp_path: Path,
) -> AsyncIterator[System]:
    """Streams for two lanes, a publisher, and no alarm process yet."""
    async with Broker(
        broker_address(virtual_host), instance="test", metrics=Metrics("test")
    ) as broker:
        await declare(broker.publishing, lanes=LANES, retention=SMALL)
        async with Publisher(broker, clock=SystemClock()) as publisher:
            system = System(migrated, virtual_host, broker, publisher, tmp_path, database_link.port)
            yield system
            for replica in system.replicas:
                replica.discard()
