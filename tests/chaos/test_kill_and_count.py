"""Kill and count: whatever is killed, nothing that a device was told is stored is ever lost."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Collection

import asyncpg
import pytest

from shared.contracts.identity import UNIT_MARK
from tests.chaos.kills import carry_out, plan, supervise
from tests.chaos.ledger import LedgerFile, compare, read_frames, read_identities, told_and_lost
from tests.chaos.native_sender import native_devices
from tests.chaos.system import SERVERS, Sender, System
from tests.chaos.vitals import Outcome, differences, read_outcome, undisturbed
from tests.harness.eventually import eventually

SEED = int(os.environ.get("VITALWIRE_CHAOS_SEED", "20261121"))
KILLS = int(os.environ.get("VITALWIRE_CHAOS_KILLS", "24"))
N_DEVICES = 100
N_NATIVE = 1  # patients of each of the five systems, beside them
INTERVAL_S = 0.2
SECONDS_A_KILL = 3.75  # all within 90 s: what is late by then is worked in when the rest is done
AUDIT_EVERY_S = 8.0
DRAIN_S = 300.0
SETTLE_S = 300.0  # without a step nearer: late data is worked in each minute, 35 s after it came
RESEND_AFTER_S = 20.0  # as the 60 s of the SDK, but the test need not wait for them
LEAST_TOLD = 0.1  # of what is sent, before the last kill: they met a system that works


# The last is what asyncpg says when its server dies at certain moments of a query.
LOOK_FAILED = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


async def audit(system: System, ledger: LedgerFile, stop: asyncio.Event) -> int:
    """Look again and again whether all that devices were told is there; gives how often."""
    looks = 0
    while not stop.is_set():
        told = set(ledger.read_on().told)  # before the look: receipts follow commits
        try:
            async with asyncio.timeout(60):
                connection = await system.connect()
                try:
                    there = await read_identities(connection)
                finally:
                    connection.terminate()
        except LOOK_FAILED:
            pass  # PostgreSQL is the one that is down
        else:
            assert told <= there, sorted(told - there)[:5]
            looks += 1
        try:
            async with asyncio.timeout(AUDIT_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue
    return looks


async def clocks_of(system: System) -> list[tuple[object, ...]]:
    """Clock segments that moved a device: none should, all clocks are right."""
    connection = await system.connect()
    try:
        rows = await connection.fetch(
            "select d.device, s.* from gateway.clock_segment s "
            "join registry.device d on d.id = s.device_id where s.offset_us <> 0 limit 10"
        )
        return [tuple(row.values()) for row in rows]
    finally:
        await connection.close()


async def until_equal(system: System, expected: Outcome, devices: Collection[str]) -> list[str]:
    """Wait until vital signs and beats are those of an undisturbed run; gives what differs."""
    deadline = time.monotonic() + SETTLE_S
    fewest = None
    while True:
        connection = await system.connect()
        try:
            told = differences(expected, await read_outcome(connection, devices))
        finally:
            await connection.close()
        if not told or time.monotonic() > deadline:
            return told
        if fewest is None or len(told) < fewest:
            fewest = len(told)
            deadline = time.monotonic() + SETTLE_S
        await asyncio.sleep(3.0)


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(7200 if KILLS > 50 else 1500)
async def test_kill_and_count() -> None:
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {text}", flush=True)

    devices = [f"chaos-{number:03d}" for number in range(N_DEVICES)]
    native = native_devices(N_NATIVE)
    models = {name: one.model for name, one in native.items()}
    async with System([*devices, *native], models=models) as system:
        names = [*SERVERS, *system.services]
        each = -(-KILLS // len(names))
        kills = plan(names, each=each, within_s=each * len(names) * SECONDS_A_KILL, seed=SEED)
        tell(f"seed {SEED}, {len(kills)} kills:")
        for kill in kills:
            tell(str(kill))
        messages = max(600, round(kills[-1].after_s / INTERVAL_S) + 40)
        async with Sender(
            system,
            messages=messages,
            interval_s=INTERVAL_S,
            resend_after_s=RESEND_AFTER_S,
            drain_within_s=DRAIN_S,
            native=N_NATIVE,
        ) as sender:
            ledger = LedgerFile(sender.ledger_path)
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                auditing = tasks.create_task(audit(system, ledger, stop))
                supervising = tasks.create_task(supervise(system, stop, tell))
                await sender.until_connected()
                tell("all devices are connected")

                told_then = 0.0

                def has_told_enough() -> bool:
                    nonlocal told_then
                    read = ledger.read_on()
                    told_then = len(read.told) / max(1, len(read.sent))
                    return told_then > LEAST_TOLD

                async def works() -> None:
                    await eventually(has_told_enough, within_s=120, every_s=1.0)

                done = await carry_out(system, kills, tell, works)
                await sender.until_sent(within_s=messages * INTERVAL_S + 300)
                tell(f"all is sent; {told_then:.0%} were told at the last kill")
                status = await sender.until_done(within_s=DRAIN_S + 30)
                stop.set()
            tell(
                f"drained; looked {auditing.result()} times; ended by itself: "
                f"{dict(Counter(supervising.result()))}"
            )
            assert status == 0, "messages were left unstored"
            connection = await system.connect()
            try:
                stored = await read_frames(connection)
                conflicts = await connection.fetchval("select count(*) from signal.conflict")
            finally:
                await connection.close()
            read = ledger.read_on()
            findings = compare(read, stored)
            tell(
                f"{len(read.sent)} sent, {len(read.told)} told, {len(stored)} stored, "
                f"{sum(done.values())} kills: {dict(done)}"
            )
            assert findings.is_clean, f"{findings}; clocks: {await clocks_of(system)}"
            # A quarter of the devices: they are all alike, and computing takes its time.
            some = set(devices[::4])
            expected = await asyncio.to_thread(
                undisturbed, [row for row in stored if row.identity.device in some]
            )
            tell(
                f"an undisturbed run gives {len(expected.values)} values, "
                f"{len(expected.beats)} beats"
            )
            told = await until_equal(system, expected, some)
        tell(f"values and beats: {len(told)} differences")
        assert read.told == read.sent.keys()
        assert told_and_lost(read, (row.identity for row in stored)) == set()
        assert conflicts == 0
        own = Counter(identity.device for identity in read.sent)
        assert sum(own[device] for device in devices) == N_DEVICES * messages >= 60_000
        spoken = {name.split(UNIT_MARK, maxsplit=1)[0] for name in own} - set(devices)
        assert spoken == set(native), "all five systems have spoken"
        assert sum(done.values()) >= min(KILLS, 20)
        assert min(done.values()) >= 2
        assert told_then > LEAST_TOLD, "the kills met a system that hardly worked"
        assert set(done) == set(names)
        assert auditing.result() >= 5
        assert not told, "\n".join([f"{len(told)} differences", *told[:20]])
