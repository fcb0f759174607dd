"""Commands as the api hands them over, and devices that obey them."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import asyncpg
import msgspec

from shared.broker.message import Message
from shared.contracts.commands import Answer, Command, DownCommand, encode_command
from shared.contracts.formats import COMMAND_V1
from shared.contracts.identity import DeviceId, lane_of, shard_of
from shared.contracts.names import DownKind, Exchange, UpKind, down_topic, routing_key, up_topic
from tests.harness.deployment import LANES
from tests.harness.ended import ended
from tests.integration.gateway.system import System, now_us

BOOT = 0xC0FFEE


class Obedient:
    """A device that remembers what it has run, by id, as the SDK does."""

    def __init__(self, client: aiomqtt.Client, name: DeviceId, known: dict[str, Answer]) -> None:
        self.client = client
        self.name = name
        self.known = known
        self.heard: list[DownCommand] = []
        self.ran: list[str] = []
        self.desired: list[dict[str, Any]] = []
        self.deaf_to: set[str] = set()

    @property
    def sent(self) -> list[DownCommand]:
        """What it has heard but for questions: a device just seen may be asked before."""
        return [one for one in self.heard if not one.ask]

    async def listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            if str(message.topic) == down_topic(self.name, DownKind.DESIRED):
                self.desired.append(json.loads(message.payload))
                continue
            command = msgspec.json.decode(message.payload, type=DownCommand)
            self.heard.append(command)
            if command.name in self.deaf_to:
                continue
            await self.answer(command)

    async def answer(self, command: DownCommand) -> None:
        if command.ask:
            outcome = self.known.get(command.command, Answer.UNSEEN)
        elif command.command in self.known:
            outcome = self.known[command.command]
        else:
            self.ran.append(command.command)
            outcome = self.known[command.command] = Answer.DONE
        await self.result(command.command, outcome)

    async def result(self, command: str, outcome: Answer | str, detail: str = "") -> None:
        body = {"command": command, "outcome": outcome, "detail": detail}
        await self.client.publish(up_topic(self.name, UpKind.RESULT), json.dumps(body), qos=1)

    async def status(self, **reported: Any) -> None:
        body = {"online": True, "boot": BOOT, "t": now_us(), "reported": reported}
        await self.client.publish(
            up_topic(self.name, UpKind.STATUS), json.dumps(body), qos=1, retain=True
        )


@asynccontextmanager
async def obedient(
    system: System, name: DeviceId, known: dict[str, Answer] | None = None
) -> AsyncIterator[Obedient]:
    """A device that is connected and obeys; its status is the test's to send."""
    async with aiomqtt.Client(
        "127.0.0.1",
        system.mosquitto.port,
        identifier=name,
        timeout=60,
        protocol=aiomqtt.ProtocolVersion.V5,
        will=aiomqtt.Will(
            up_topic(name, UpKind.STATUS),
            json.dumps({"online": False, "boot": BOOT}),
            qos=1,
            retain=True,
        ),
    ) as client:
        device = Obedient(client, name, {} if known is None else known)
        for kind in (DownKind.COMMAND, DownKind.DESIRED):
            await client.subscribe(down_topic(name, kind), qos=1)
        listening = asyncio.create_task(device.listen())
        try:
            yield device
            await client.publish(
                up_topic(name, UpKind.STATUS),
                json.dumps({"online": False, "boot": BOOT}),
                qos=1,
                retain=True,
            )
        finally:
            await ended(listening)


async def ask_for(
    system: System,
    name: DeviceId,
    what: str = "identify",
    *,
    within_s: float = 900.0,
    command_id: str | None = None,
    **args: Any,
) -> str:
    """Hand a command over as the api does; gives its id."""
    command = Command(
        id=command_id or str(uuid.uuid4()),
        device=system.keys[name],
        name=what,
        args=args,
        expires=now_us() + round(within_s * 1e6),
        requested_by=1,
    )
    await system.publisher.publish(
        Message(
            exchange=Exchange.COMMANDS,
            routing_key=routing_key(lane_of(shard_of(name), LANES)),
            format=COMMAND_V1,
            body=encode_command(command),
            message_id=command.id,
        )
    )
    return command.id


async def row_of(system: System, command: str) -> asyncpg.Record | None:
    connection = await system.sql()
    try:
        return await connection.fetchrow(
            "select * from gateway.command where id = $1", uuid.UUID(command)
        )
    finally:
        await connection.close()


def has_outcome(system: System, command: str, *outcomes: str | None) -> Callable[[], Any]:
    """A condition: the row of the command has one of these outcomes."""

    async def check() -> bool:
        row = await row_of(system, command)
        return row is not None and row["outcome"] in outcomes

    return check


def told(system: System, command: str) -> list[str]:
    """Outcomes that events have told of a command, each once by the event's id."""
    found = {
        event.id: str(event.data["outcome"])
        for event in system.seen.events
        if event.kind == "command_finished" and event.data["command"] == command
    }
    return list(found.values())


def is_told(system: System, command: str, *outcomes: str) -> Callable[[], bool]:
    """A condition: events have told just these outcomes of a command."""
    return lambda: told(system, command) == list(outcomes)
