"""Python: aiomqtt, and what came in 100 ms as one COPY by asyncpg. Acknowledges at once."""

import asyncio
import json
import sys
from datetime import UTC, datetime

import aiomqtt
import asyncpg


async def run() -> None:
    """Subscribe, say so, and write until killed."""
    task = json.loads(sys.stdin.readline())
    database = await asyncpg.connect(task["database"])
    rows: list[tuple[str, datetime, bytes]] = []

    async def write() -> None:
        nonlocal rows
        while True:
            await asyncio.sleep(0.1)
            if rows:
                batch, rows = rows, []
                await database.copy_records_to_table("peer", records=batch)

    async with (
        aiomqtt.Client(
            "127.0.0.1",
            task["port"],
            username=task["user"],
            password=task["password"],
            identifier="peer-python",
        ) as client,
        asyncio.TaskGroup() as group,
    ):
        await client.subscribe("vw1/+/+/up/#", qos=1)
        group.create_task(write())
        print("subscribed", flush=True)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            device = message.topic.value.split("/")[2]
            rows.append((device, datetime.now(UTC), message.payload))


if __name__ == "__main__":
    asyncio.run(run())
