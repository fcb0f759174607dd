"""`vitalwire parking` on a real RabbitMQ."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.administration.parking import parse, run
from services.administration.settings import AdministrationSettings
from shared.broker.connection import Broker
from shared.broker.message import Message
from shared.broker.publisher import Publisher
from shared.broker.queues import QueueReader
from shared.broker.topology import declare
from shared.contracts.formats import COMMAND_V1, PARKED
from shared.contracts.names import Exchange, Queue
from shared.contracts.parking import ParkingHeader, Reason
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.deployment import SMALL, broker_address
from tests.harness.rabbitmq import VirtualHost


@pytest.fixture
def settings(virtual_host: VirtualHost, tmp_path: Path) -> AdministrationSettings:
    """The administrator's, for a virtual host of the test's own."""
    password = tmp_path / "password"
    password.touch(0o600)
    address = broker_address(virtual_host)
    password.write_text(address.password.get_secret_value())
    return AdministrationSettings(
        amqp_host=address.host,
        amqp_port=address.port,
        amqp_vhost=address.vhost,
        amqp_user=address.user,
        amqp_password_file=password,
    )


@pytest.fixture
async def broker(virtual_host: VirtualHost) -> AsyncIterator[Broker]:
    """All queues, with three refused messages and one dead letter in the parking."""
    async with (
        Broker(broker_address(virtual_host), instance="test", metrics=Metrics("test")) as broker,
        Publisher(broker, clock=SystemClock()) as publisher,
    ):
        await declare(broker.publishing, lanes=1, retention=SMALL)
        for number, (device, reason) in enumerate(
            [
                ("monitor-1", Reason.BAD_TIME),
                ("monitor-1", Reason.MALFORMED),
                ("monitor-2", Reason.BAD_TIME),
            ]
        ):
            await publisher.publish(
                Message(
                    exchange=Exchange.PARKING,
                    routing_key=Queue.PARKING.value,
                    format=PARKED,
                    body=b"\x01\x02\x03",
                    message_id=f"m-{number}",
                    headers={
                        ParkingHeader.REASON: reason.value,
                        ParkingHeader.DETAIL: "a frame is in the future",
                        ParkingHeader.DEVICE: device,
                        ParkingHeader.TOPIC: f"vw1/00/{device}/up/d/packed",
                        ParkingHeader.IDENTITY: f"000000aa/{number}",
                        ParkingHeader.AT: 1_795_262_400_000_000,
                    },
                )
            )
        await publisher.publish(
            Message(
                exchange=Exchange.COMMANDS,
                routing_key="0",
                format=COMMAND_V1,
                body=b"{}",
                message_id="c-1",
                headers={"incarnation": 3},
            )
        )
        async with QueueReader(broker, "commands.0") as reader:
            async for delivery in reader.deliveries(until=asyncio.Event()):
                await delivery.reject()
                break
        yield broker


async def told(
    capsys: pytest.CaptureFixture[str], settings: AdministrationSettings, *words: str
) -> list[str]:
    n_done = await run(parse(words), settings, Metrics("admin"))
    lines = [line for line in capsys.readouterr().out.splitlines() if line and "amqp" not in line]
    if words[0] == "list":
        assert n_done == len(lines)
    return lines


async def test_what_is_parked_is_listed_shown_handed_back_and_dropped(
    broker: Broker, settings: AdministrationSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ids(*words: str) -> list[str]:
        lines = await told(capsys, settings, "list", *words)
        return sorted(line.split("\t")[0] for line in lines)

    async with asyncio.timeout(90):
        while await ids() != ["c-1", "m-0", "m-1", "m-2"]:
            await asyncio.sleep(0.1)  # the dead letter travels by itself
    assert await ids("--device", "monitor-1") == ["m-0", "m-1"]
    assert await ids("--reason", "bad_time", "--device", "monitor-2") == ["m-2"]
    assert await ids("--reason", "rejected") == ["c-1"]
    assert len(await ids("--most", "2")) == 2
    shown = "\n".join(await told(capsys, settings, "show", "m-1"))
    assert "malformed" in shown
    assert "2026-11-21T12:00:00.000000Z" in shown
    assert "0102 03" in shown.replace("01 0203", "0102 03")

    lines = await told(capsys, settings, "retry", "--all")
    assert sum(line.startswith("stays") for line in lines) == 3
    assert "retried c-1: commands 0" in lines
    async with asyncio.timeout(90), QueueReader(broker, "commands.0") as reader:
        async for delivery in reader.deliveries(until=asyncio.Event()):
            assert (delivery.message_id, delivery.body) == ("c-1", b"{}")
            assert delivery.headers["incarnation"] == 3
            await delivery.settle()
            break
    dropped = await told(capsys, settings, "drop", "--reason", "bad_time")
    assert sorted(dropped) == ["dropped m-0", "dropped m-2"]
    assert await ids() == ["m-1"]


@pytest.mark.parametrize("words", [["drop"], ["retry"], ["list", "--most", "0"], ["burn"]])
def test_nothing_is_dropped_without_a_choice(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(words)
