"""Negative controls: each broken promise turns the check red, and the same scenario whole is green.

All scenarios share one running system; the service that is broken is started anew for each. Their
senders never send again by themselves on a standing connection: the SDK would repair what the
gateway loses, and it is the gateway's own promise that is looked at. (The scenarios of storage
are green in `test_kill_and_count` when nothing is broken.)
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.kills import supervise
from tests.chaos.ledger import (
    Findings,
    Ledger,
    LedgerFile,
    compare,
    read_frames,
    read_identities,
    told_and_lost,
)
from tests.chaos.system import Sender, System
from tests.harness.eventually import eventually

N_DEVICES = 30
INTERVAL_S = 0.1
LEAST, MOST = 50, 5_000  # messages of a device, which sends until the harm is done
NEVER_S = 3_600.0

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(240)]
Scenario = Callable[[System, str], Awaitable[Findings]]


def devices_of(run: str) -> list[str]:
    """Devices of one run of a scenario."""
    return [f"{run}-{number:02d}" for number in range(N_DEVICES)]


WHOLE = ("gateway-whole", "rabbitmq-whole")
RUNS = (*WHOLE, "puback-early", "no-confirm", "receipt-early", "no-key")


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """One running system for all scenarios."""
    running = System([device for run in RUNS for device in devices_of(run)])
    asyncio.run(running.__aenter__())
    try:
        yield running
    finally:
        asyncio.run(running.__aexit__(None, None, None))


def end_of(system: System, run: str) -> Path:
    """The file that ends a run's sending."""
    return system.folder / f"enough-{run}"


@asynccontextmanager
async def sending(
    system: System, run: str, *, drain_within_s: float = 8.0
) -> AsyncIterator[tuple[Sender, LedgerFile]]:
    """A sender with the devices of one run alone, which never sends again by itself."""
    async with Sender(
        system,
        secrets={name: system.secrets[name] for name in devices_of(run)},
        messages=MOST,
        least=LEAST,
        until=str(end_of(system, run)),
        interval_s=INTERVAL_S,
        resend_after_s=NEVER_S,
        drain_within_s=drain_within_s,
    ) as sender:
        await sender.until_connected()
        yield sender, LedgerFile(sender.ledger_path)


async def finished(system: System, sender: Sender, ledger: LedgerFile, run: str) -> Findings:
    """The ledger of a run against its rows, when all is sent and some time has passed."""
    await sender.until_sent(within_s=240)
    await sender.until_done(within_s=240)
    devices = set(devices_of(run))
    read = ledger.read_on()
    assert len(read.sent) >= N_DEVICES * LEAST

    async def look() -> Findings:
        connection = await system.connect()
        try:
            rows = await read_frames(connection)
        finally:
            await connection.close()
        return compare(read, [row for row in rows if row.identity.device in devices])

    async def nothing_is_missing() -> bool:
        return not (await look()).missing

    if run in WHOLE:  # on a busy machine some may still be on their way
        await eventually(nothing_is_missing, within_s=60, every_s=1.0)
    return await look()


async def supervised(system: System, sender: Sender, ledger: LedgerFile, run: str) -> Findings:
    """The same, while everything that ended is started again."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(supervise(system, stop, print))
        for name in system.services:
            await system.bring_back(name)
        findings = await finished(system, sender, ledger, run)
        stop.set()
    return findings


async def until_stored(system: System, run: str) -> None:
    """Wait until messages of a run arrive in the database."""
    names = set(devices_of(run))

    async def some() -> bool:
        connection = await system.connect()
        try:
            return any(one.device in names for one in await read_identities(connection))
        finally:
            await connection.close()

    await eventually(some, within_s=30)


async def until_more_is_sent(ledger: LedgerFile) -> None:
    """Wait until devices have published some more messages."""
    before = len(ledger.read_on().sent)
    await eventually(lambda: len(ledger.read_on().sent) > before + 3 * N_DEVICES, within_s=30)


async def gateway_killed(system: System, run: str) -> Findings:
    """The gateway dies with messages in its hands: RabbitMQ is held still, and dies with it."""
    async with sending(system, run, drain_within_s=20.0) as (sender, ledger):
        await until_stored(system, run)
        system.processes["rabbitmq"].send_signal(signal.SIGSTOP)
        await until_more_is_sent(ledger)
        await asyncio.sleep(0.7)
        system.kill("gateway")
        system.kill("rabbitmq")
        end_of(system, run).touch()
        await system.bring_back("rabbitmq")
        return await supervised(system, sender, ledger, run)


async def rabbitmq_killed(system: System, run: str) -> Findings:
    """RabbitMQ dies with batches in its sockets: it is held still for a while before."""
    async with sending(system, run, drain_within_s=20.0) as (sender, ledger):
        await until_stored(system, run)
        system.processes["rabbitmq"].send_signal(signal.SIGSTOP)
        await until_more_is_sent(ledger)
        await asyncio.sleep(0.7)
        system.kill("rabbitmq")
        end_of(system, run).touch()
        await system.bring_back("rabbitmq")
        return await supervised(system, sender, ledger, run)


async def database_killed(system: System, run: str) -> Findings:
    """PostgreSQL dies, then storage; what devices were told until then must be there.

    Storage stays away for the count: given time it would repair what it had told too early.
    """
    async with sending(system, run) as (sender, ledger):
        await until_stored(system, run)
        connection = await system.connect()
        try:
            stored_then = await read_identities(connection)
        finally:
            await connection.close()
        system.kill("postgres")
        await asyncio.sleep(7.0)  # a device is told at most each 5 s
        await eventually(lambda: ledger.read_on().told - stored_then, within_s=60)
        end_of(system, run).touch()
        system.kill("storage")
        await system.bring_back("postgres")
        told = Ledger(told=set(ledger.read_on().told))
        connection = await system.connect()
        try:
            lost = told_and_lost(told, await read_identities(connection))
        finally:
            await connection.close()
        assert told.told, "no device was told anything"
        await system.bring_back("storage")
        findings = await finished(system, sender, ledger, run)
        return Findings(**{**vars(findings), "told_and_lost": lost | findings.told_and_lost})


async def messages_repeated(system: System, run: str) -> Findings:
    """Devices lose their connection and send again what they were not told to be stored."""
    async with sending(system, run) as (sender, ledger):
        await until_stored(system, run)
        for _ in range(2):
            await asyncio.sleep(1.0)
            system.kill("mosquitto")
            await system.bring_back("mosquitto")
        end_of(system, run).touch()
        return await finished(system, sender, ledger, run)


@pytest.mark.parametrize(
    ("run", "scenario"), [("gateway-whole", gateway_killed), ("rabbitmq-whole", rabbitmq_killed)]
)
async def test_the_gateway_alone_loses_nothing(
    system: System, run: str, scenario: Scenario
) -> None:
    system.restart_as("gateway", None)
    await system.bring_back("gateway")
    findings = await scenario(system, run)
    assert findings.is_clean, str(findings)


@pytest.mark.parametrize(
    ("how", "run", "service", "scenario", "harm"),
    [
        ("puback_early", "puback-early", "gateway", gateway_killed, "missing"),
        ("no_confirm", "no-confirm", "gateway", rabbitmq_killed, "missing"),
        ("receipt_before_commit", "receipt-early", "storage", database_killed, "told_and_lost"),
        ("no_unique_key", "no-key", "storage", messages_repeated, "twice"),
    ],
)
async def test_a_broken_promise_is_seen(
    system: System, how: str, run: str, service: str, scenario: Scenario, harm: str
) -> None:
    system.restart_as(service, how)
    if how == "no_unique_key":
        connection = await system.connect()
        try:
            await connection.execute("alter table signal.frame drop constraint frame_pkey")
        finally:
            await connection.close()
    await system.bring_back(service)
    try:
        findings = await scenario(system, run)
    finally:
        system.restart_as(service, None)
        await system.bring_back(service)
    print(f"{how}: {findings}")
    assert vars(findings)[harm], f"{how} was not seen: {findings}"
