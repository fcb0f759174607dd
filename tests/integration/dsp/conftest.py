"""Streams for two lanes on a virtual host of the test's own, and dsp processes."""

import asyncio
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
from tests.integration.dsp.system import System


@pytest.fixture
async def system(
    migrated: Database, virtual_host: VirtualHost, tmp_path: Path
) -> AsyncIterator[System]:
    """Streams for two lanes, a publisher, and what is given out is heard, no process yet."""
    async with Broker(
        broker_address(virtual_host), instance="test", metrics=Metrics("test")
    ) as broker:
        await declare(broker.publishing, lanes=LANES, retention=SMALL)
        async with (
            Publisher(broker, clock=SystemClock()) as publisher,
            asyncio.TaskGroup() as group,
        ):
            system = System(migrated, virtual_host, broker, publisher, tmp_path)
            stop = asyncio.Event()
            for lane in range(LANES):
                group.create_task(system.listen(lane, stop))
            group.create_task(system.listen_to_events(stop))
            yield system
            for replica in system.replicas:
                replica.discard()
            stop.set()
