"""Streams for two lanes on a virtual host of the test's own, and storage processes."""

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
from tests.integration.storage.system import System


@pytest.fixture
async def system(
    migrated: Database, virtual_host: VirtualHost, tmp_path: Path
) -> AsyncIterator[System]:
    """Streams for two lanes, a publisher, and no storage process yet."""
    async with Broker(
        broker_address(virtual_host), instance="test", metrics=Metrics("test")
    ) as broker:
        await declare(broker.publishing, lanes=LANES, retention=SMALL)
        async with Publisher(broker, clock=SystemClock()) as publisher:
            system = System(migrated, virtual_host, broker, publisher, tmp_path)
            yield system
            for replica in system.replicas:
                replica.discard()
