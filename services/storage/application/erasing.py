"""Erasure of patients, as administrators order it, with a certificate.

First the fence: assignments end, and all replicas learn within seconds what they may not let in
any more. Only when the fence has stood for longer than anybody can be ignorant of it, data goes,
step by step; at last everything that names the patient, with the certificate and an audit entry
in the same transaction. Killed anywhere, it goes on; the counts are saved with each step.
"""

import asyncio
from dataclasses import dataclass

import structlog

from services.storage.application.ports import Erasures
from services.storage.application.retention import erase_day
from services.storage.core.erased import Fence
from services.storage.core.retention import (
    STEP_US,
    DeviceTime,
    Erasure,
    added,
    certificate,
    steps,
)
from services.storage.metrics import StorageMetrics
from shared.errors import Invalid, Unavailable
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Erasing:
    """The loop; also keeps the fence of this process up to date.

    Parameters
    ----------
    every_s : between two looks at the fence and at what is ordered
    wait_s : between the fence and the first removal
    """

    every_s: float
    wait_s: float
    erasures: Erasures
    fence: Fence
    clock: Clock
    metrics: StorageMetrics

    async def run(self, stop: asyncio.Event) -> None:
        """Erase what is ordered, until the stop. Cancel-safe: each step is all or nothing."""
        while not stop.is_set():
            try:
                self.fence.erased = await self.erasures.erased()
                await self.turn(stop)
            except (Unavailable, Invalid) as error:
                self.metrics.erasure_failures.inc()
                log.warning("erasure_waits", error=str(error))
            await pause(stop, self.every_s)

    async def turn(self, stop: asyncio.Event) -> None:
        """Fence what is new, and go on with what is fenced long enough."""
        for request in await self.erasures.ordered():
            await self.erasures.begin(request)
            log.info("erasure_fenced", request=request)
        under_way = await self.erasures.under_way(self.wait_s)
        self.metrics.erasures_under_way.set(len(under_way))
        for erasure in under_way:
            if stop.is_set():
                return
            await self._erase(erasure, stop)

    async def _erase(self, erasure: Erasure, stop: asyncio.Event) -> None:
        removed = dict(erasure.removed)
        oldest_us = await self.erasures.oldest_us()
        times = await self.erasures.times(erasure.request)
        for time in times:
            for start_us, end_us in steps(max(time.start_us, oldest_us), time.end_us):
                if stop.is_set():
                    return
                async with self.erasures.step() as step:
                    if step is None:
                        return  # another process is at it
                    day = await erase_day(step, DeviceTime(time.device, start_us, end_us))
                    removed = added(removed, day)
                    await step.save(erasure.request, removed)
        first_us = await self.erasures.first_of_patient(erasure.patient)
        now_us = self.clock.now_us()
        for _, end_us in steps(now_us if first_us is None else first_us, now_us + STEP_US):
            if stop.is_set():
                return
            async with self.erasures.step() as step:
                if step is None:
                    return
                removed = added(removed, await step.erase_rows(erasure.patient, end_us))
                await step.save(erasure.request, removed)
        async with self.erasures.step() as step:
            if step is None:
                return
            for time in times:
                removed = added(removed, await step.erase_texts(time, and_later_state=True))
            removed = added(removed, await step.erase_records(erasure.request))
            done_us = self.clock.now_us()
            text, digest = certificate(erasure._replace(removed=removed), done_us=done_us)
            await step.finish(erasure, removed, text, digest, done_us)
        self.metrics.erased.inc()
        log.info("erasure_done", request=erasure.request, sha256=digest)
