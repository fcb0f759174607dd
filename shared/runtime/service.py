"""Runs a service: signals, named loops, a shutdown that goes with the data, and its monitor port.

`__main__.py` of a service::

    def main() -> int:
        return run_service(StorageSettings, bootstrap)

and its `bootstrap.py` opens adapters and names loops::

    async def bootstrap(settings: StorageSettings, runtime: Runtime) -> None:
        database = await runtime.open(Database(...))       # closed in reverse order of opening
        runtime.loop("frames", FrameWriter(...).run)       # async def run(stop: asyncio.Event)

Each loop gets the event that is set at SIGTERM; a source then stops reading, closes its channel,
and the loops behind it drain and return. What has not returned after `shutdown_grace_s` is
cancelled. A loop that returns unasked or raises ends the service: its supervisor starts it again.
"""

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeVar

import structlog
import uvloop

from shared.errors import Misconfigured, VitalwireError
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.settings import ServiceSettings, describe_settings, read_settings
from shared.telemetry.health import Health, MonitorServer
from shared.telemetry.logs import set_up_logs
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Traces

T = TypeVar("T")
S = TypeVar("S", bound=ServiceSettings)
Loop = Callable[[asyncio.Event], Awaitable[None]]
log = structlog.get_logger()

LAG_INTERVAL_S = 0.5  # how often the lag of the event loop is measured
EXIT_FAILED = 1
EXIT_MISCONFIGURED = 78  # EX_CONFIG of sysexits.h


class LoopEnded(VitalwireError):
    """A loop returned though nobody had asked the service to stop."""


class Runtime:
    """What a service is given at its start.

    Attributes
    ----------
    clock, health, metrics, traces : for the adapters and loops
    stop : set when the service shall end
    """

    def __init__(
        self,
        *,
        metrics: Metrics,
        traces: Traces,
        clock: Clock | None = None,
        health: Health | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.health = health or Health()
        self.metrics = metrics
        self.traces = traces
        self.stop = asyncio.Event()
        self._loops: dict[str, Loop] = {}
        self._stack = AsyncExitStack()

    async def open(self, resource: AbstractAsyncContextManager[T]) -> T:
        """Open something that is closed when the loops have ended, the last opened first."""
        return await self._stack.enter_async_context(resource)

    def loop(self, name: str, run: Loop) -> None:
        """Have the loop run from the moment that all is opened until the stop.

        Parameters
        ----------
        name : for logs and metrics, unique in the service
        run : returns when `stop` is set and its work is done
        """
        if name in self._loops:
            raise ValueError(f"there are two loops {name!r}")
        self._loops[name] = run

    async def run(self, bootstrap: Callable[["Runtime"], Awaitable[None]], grace_s: float) -> None:
        """Open, run the loops until the stop, drain, close.

        Raises
        ------
        BaseExceptionGroup : of what ended a loop
        """
        async with self._stack:
            await bootstrap(self)
            log.info("service_started", loops=sorted(self._loops))
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(self._watched(name, run), name=name)
                        for name, run in self._loops.items()
                    ]
                    group.create_task(_cancel_late(self.stop, grace_s, tasks))
            finally:
                self.stop.set()

    async def _watched(self, name: str, run: Loop) -> None:
        await run(self.stop)
        if not self.stop.is_set():
            raise LoopEnded(f"loop {name!r} returned before the stop")


async def _cancel_late(
    stop: asyncio.Event, grace_s: float, tasks: Sequence[asyncio.Task[None]]
) -> None:
    """Wait for the stop, then cancel the loops that are still running when the grace is over."""
    await stop.wait()
    log.info("service_stopping")
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=grace_s)
    for task in late:
        log.warning("loop_cancelled", loop=task.get_name(), grace_s=grace_s)
        task.cancel()


class _LagProbe:
    """Measures how late the event loop comes to what is due: the sum of what blocks it."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._lag = metrics.gauge("event_loop_lag_seconds", "How late the event loop runs")
        self._worst = metrics.gauge(
            "event_loop_lag_worst_seconds",
            "The worst lag, forgotten by 2 % a measurement",
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Measure until the stop."""
        worst = 0.0
        while not stop.is_set():
            due = self._clock.monotonic_s() + LAG_INTERVAL_S
            await self._clock.sleep(LAG_INTERVAL_S)
            lag = max(0.0, self._clock.monotonic_s() - due)
            worst = max(lag, worst * 0.98)
            self._lag.set(lag)
            self._worst.set(worst)


async def serve(
    settings: S, bootstrap: Callable[[S, Runtime], Awaitable[None]], *, runtime: Runtime
) -> None:
    """Run one service in the running event loop, until its stop. For tests and `run_service`."""

    async def open_all(runtime: Runtime) -> None:
        await runtime.open(
            MonitorServer(
                host=settings.monitor_host,
                port=settings.monitor_port,
                health=runtime.health,
                exposition=runtime.metrics.exposition,
            )
        )
        runtime.loop("event_loop_lag", _LagProbe(runtime.clock, runtime.metrics).run)
        await bootstrap(settings, runtime)

    await runtime.run(open_all, settings.shutdown_grace_s)


def run_service(
    settings_class: type[S],
    bootstrap: Callable[[S, Runtime], Awaitable[None]],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a service as a process: settings, logs, signals, uvloop; gives the exit status.

    `--show-settings` prints them, secrets as the paths of their files, and ends.
    """
    parser = argparse.ArgumentParser(prog=f"vitalwire {settings_class.service}")
    parser.add_argument("--show-settings", action="store_true", help="print the settings and end")
    options = parser.parse_args(arguments)
    try:
        settings = read_settings(settings_class)
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISCONFIGURED
    if options.show_settings:
        sys.stdout.write(describe_settings(settings) + "\n")
        return 0
    set_up_logs(service=settings.service, instance=settings.instance, level=settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve_until_signal(settings, bootstrap))
    except* Misconfigured as errors:
        log.error("service_misconfigured", reasons=_reasons(errors))  # noqa: TRY400
        status = EXIT_MISCONFIGURED
    except* Exception:
        log.exception("service_failed")
        status = EXIT_FAILED
    else:
        log.info("service_stopped")
        status = 0
    return status


def _reasons(errors: BaseExceptionGroup[Misconfigured]) -> list[str]:
    told: list[str] = []
    for error in errors.exceptions:
        told += _reasons(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
    return told


async def _serve_until_signal(
    settings: S, bootstrap: Callable[[S, Runtime], Awaitable[None]]
) -> None:
    traces = Traces(
        service=settings.service,
        instance=settings.instance,
        endpoint=str(settings.trace_endpoint) if settings.trace_endpoint else None,
    )
    runtime = Runtime(metrics=Metrics(settings.service), traces=traces)
    loop = asyncio.get_running_loop()
    serving = asyncio.current_task()

    def asked_to_stop(number: signal.Signals) -> None:
        log.info("signal_received", signal=number.name)
        if runtime.stop.is_set() and serving is not None:
            serving.cancel()  # the second time: at once
        runtime.stop.set()

    async def start(settings: S, runtime: Runtime) -> None:
        await bootstrap(settings, runtime)
        # What is there now stays to the end: looking through all of it is what makes a full
        # collection long (70 ms of CPU in the api), and meanwhile nobody is served.
        gc.collect()
        gc.freeze()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop, number)
    try:
        await serve(settings, start, runtime=runtime)
    finally:
        await asyncio.to_thread(traces.close)
