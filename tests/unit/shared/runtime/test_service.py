import asyncio
from typing import ClassVar, Self

import pytest

from shared.runtime.service import LoopEnded, Runtime, serve
from shared.runtime.settings import ServiceSettings
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Traces


class Example(ServiceSettings):
    service: ClassVar[str] = "example"


def new_runtime() -> Runtime:
    return Runtime(metrics=Metrics("example"), traces=Traces(service="example", instance="e"))


class Resource:
    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log

    async def __aenter__(self) -> Self:
        self.log.append(f"open {self.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.log.append(f"close {self.name}")


async def test_loops_drain_before_adapters_close_in_reverse_order() -> None:
    log: list[str] = []

    async def bootstrap(_: Example, runtime: Runtime) -> None:
        await runtime.open(Resource("first", log))
        await runtime.open(Resource("second", log))

        async def loop(stop: asyncio.Event) -> None:
            await stop.wait()
            await asyncio.sleep(0.05)
            log.append("drained")

        runtime.loop("loop", loop)
        asyncio.get_running_loop().call_later(0.05, runtime.stop.set)

    await serve(Example(), bootstrap, runtime=new_runtime())
    assert log == ["open first", "open second", "drained", "close second", "close first"]


async def test_a_loop_that_returns_unasked_ends_the_service() -> None:
    async def bootstrap(_: Example, runtime: Runtime) -> None:
        async def short(_: asyncio.Event) -> None:
            return

        async def long(stop: asyncio.Event) -> None:
            await stop.wait()

        runtime.loop("short", short)
        runtime.loop("long", long)

    with pytest.raises(BaseExceptionGroup) as group:
        await serve(Example(), bootstrap, runtime=new_runtime())
    assert group.group_contains(LoopEnded, match="short")


async def test_a_loop_that_ignores_the_stop_is_cancelled_after_the_grace() -> None:
    async def bootstrap(_: Example, runtime: Runtime) -> None:
        async def deaf(_: asyncio.Event) -> None:
            await asyncio.sleep(1000)

        runtime.loop("deaf", deaf)
        runtime.stop.set()

    async with asyncio.timeout(60):
        await serve(Example(shutdown_grace_s=0.1), bootstrap, runtime=new_runtime())


async def test_a_service_without_loops_lives_until_the_stop() -> None:
    runtime = new_runtime()

    async def bootstrap(_: Example, __: Runtime) -> None:
        asyncio.get_running_loop().call_later(0.1, runtime.stop.set)

    async with asyncio.timeout(60):
        await serve(Example(), bootstrap, runtime=runtime)
    assert runtime.stop.is_set()
